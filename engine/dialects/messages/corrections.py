"""What an upstream of the Messages API refused of a body, read off its error: the writer can then do without it.

Wordings: those of Anthropic's API (anthropic 2.12: _error_classes.py, the clients that match on them), of pydantic,
on which many servers that imitate it are built, and of FastAPI (a list `detail` of {loc, msg}).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.dialects.failure import opened, text
from engine.dialects.window import ROOM, room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.chat import Failure

Sent = dict[str, Any]

HISTORY, HEADLESS = "thinking.history", "thinking.headless"
"""The thinking of earlier turns is not taken back; the turn that goes on has none in front, and goes on without any."""

ONCE = frozenset({"output_config.format", "strict", ROOM.rstrip("="), HISTORY, HEADLESS})
"""Words (up to their `=`) that are true of one request: they may speak of one schema, one input, one conversation."""

NO = (
    r"not (?:be )?(?:supported|permitted|allowed|accepted|available|recogni[sz]ed|enabled)"
    r"|unsupported|does(?: not|n't) (?:support|match)|unknown|unexpected|unrecogni[sz]ed|extra (?:inputs|fields)"
    r"|deprecated|removed|cannot be"
)
"""How a server says no to a field that it names; a wrong value is the client's."""


def part(*path: str) -> Callable[[Sent], Any]:
    """Return what finds the field at `path` in a body."""

    def find(sent: Sent) -> Any:
        value: Any = sent
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return find


def thinks(kind: str) -> Callable[[Sent], bool]:
    return lambda sent: part("thinking", "type")(sent) == kind


def forces(sent: Sent) -> bool:
    return part("tool_choice", "type")(sent) in ("any", "tool")


def has_system_turn(sent: Sent) -> bool:
    return any(message["role"] == "system" for message in sent["messages"])


def ends_with_assistant(sent: Sent) -> bool:
    return bool(sent["messages"]) and sent["messages"][-1]["role"] == "assistant"


def is_asked_to_think(sent: Sent) -> bool:
    return part("thinking", "type")(sent) in ("enabled", "adaptive")


def holds_thoughts(sent: Sent) -> bool:
    blocks = [block for message in sent["messages"] for block in message["content"] if isinstance(block, dict)]
    return any(block.get("type") in ("thinking", "redacted_thinking") for block in blocks)


def is_strict(sent: Sent) -> bool:
    return any(tool.get("strict") for tool in sent.get("tools", ()))


def is_marked(sent: Sent) -> bool:
    return any("cache_control" in value for value in objects(sent))


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a body that may carry a cache breakpoint."""
    if isinstance(value, dict):
        yield value
        for name in ("tools", "system", "messages", "content"):
            yield from objects(value.get(name))
    elif isinstance(value, list):
        for one in value:
            yield from objects(one)


def of_strict_tool(sent: Sent) -> bool:
    return any(tool.get("strict") and is_schema(tool.get("input_schema")) for tool in sent.get("tools", ()))


def has_sound_format(sent: Sent) -> bool:
    """Say whether a schema was sent that could be a tool's just as well."""
    return is_schema(part("output_config", "format", "schema")(sent))


def is_schema(value: Any) -> bool:
    """Say whether every `type` in a schema is one that JSON has."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        if not isinstance(one, dict):
            continue
        kinds = one.get("type", [])
        if not isinstance(kinds, dict) and not JSON_TYPES.issuperset(kinds if isinstance(kinds, list) else [kinds]):
            return False
        waiting += [inner for name, inner in one.items() if name not in VALUES]
    return isinstance(value, dict)


JSON_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
VALUES = frozenset({"enum", "const", "default", "examples"})
"""Keywords of a schema that hold values, not schemas."""

SAMPLING = ("temperature", "top_p", "top_k")
PLAIN = ("service_tier", "metadata")
MARK = "cache_control"
SINGLE = "disable_parallel_tool_use"

EFFORT = re.compile(r"(?:output_config\.)?effort")
BLOCK = r"messages\.\d+\.content\.\d+"
THOUGHT = (
    r"invalid \W?(?:signature|data)\W? in \W?(?:redacted_)?thinking"
    r"|\W?thinking\W? or \W?redacted_thinking\W? blocks? in the latest"
    r"|input tag \W?(?:redacted_)?thinking\W? "
)
"""What is said of a thinking block that was changed, is another model's, or is a thing unheard of."""
BEHEADED = r"expected \W?thinking\W? or \W?redacted_thinking\W?, but found"

UNHEARD = r"^(?!.*\binvalid\b)[^'\"`]*\b(?:not supported|unsupported)\b"
"""What is said of a schema that is right, but more than the server can hold a model to."""

PLACED: tuple[tuple[str, str, str, Callable[[Sent], Any]], ...] = (
    (
        r"messages\.\d+\.role",
        r"input should be 'user' or 'assistant'|must be either|{no}",
        "system_role",
        has_system_turn,
    ),
    (r"messages(?:\.\d+)?", r"[^'\"`]*(?:prefill|must end with a user)", "prefill", ends_with_assistant),
    (BLOCK, THOUGHT, HISTORY, holds_thoughts),
    (rf"{BLOCK}\.(?:redacted_)?thinking(?:\.\w+)?", "", HISTORY, holds_thoughts),
    ("thinking", r"or \W?redacted_thinking\W? blocks? in the latest", HISTORY, holds_thoughts),
    (rf"{BLOCK}(?:\.type)?", BEHEADED, HEADLESS, is_asked_to_think),
    (r"temperature|top_p", r"\W*and\W+(?:temperature|top_p)\b.*(?:both|together)", "top_p", part("top_p")),
    (r"thinking\.(?:\w+\.)?block_binding.*", "{no}", "thinking.block_binding", part("thinking", "block_binding")),
    (r"thinking\.(?:\w+\.)?display", "{no}", "thinking.display", part("thinking", "display")),
    *(
        (rf"thinking(?:\.type)?\.{kind}|{more}", "{no}", f"thinking.{kind}", thinks(kind))
        for kind, more in (
            ("adaptive", "adaptive"),
            ("disabled", "disabled"),
            ("enabled", r"thinking\.(?:enabled\.)?budget_tokens"),
        )
    ),
    *(
        (r"thinking(?:\.type)?", rf"input tag '{kind}'|[^']{{0,20}}'{kind}'.*{{no}}", f"thinking.{kind}", thinks(kind))
        for kind in ("adaptive", "disabled", "enabled")
    ),
    ("thinking", "{no}", "thinking", part("thinking")),
    (EFFORT.pattern, "{no}", "output_config.effort", part("output_config", "effort")),
    (r"output_config\.format(?:\.type)?", "{no}", "output_config.format", part("output_config", "format")),
    (
        r"output_config\.format\.schema.*",
        UNHEARD,
        "output_config.format",
        has_sound_format,
    ),
    ("output_config", "{no}", "output_config", part("output_config")),
    (rf"tool_choice\.(?:\w+\.)?{SINGLE}", "{no}", f"tool_choice.{SINGLE}", part("tool_choice", SINGLE)),
    (r"tool_choice(?:\.(?:type|any|tool))?", "{no}|may not|must be|forc", "tool_choice", forces),
    (r"tools\.\d+\.(?:\w+\.)?strict", "{no}", "strict", is_strict),
    (
        r"tools\.\d+\.(?:custom\.)?input_schema.*",
        UNHEARD,
        "strict",
        of_strict_tool,
    ),
    (
        rf"(?!.*\.(?:input|input_schema)\.)(?:(?:messages|tools|system)\.(?:.*\.)?)?{MARK}(?:\.\w+)*",
        "{no}",
        MARK,
        is_marked,
    ),
    *((name, "{no}", name, part(name)) for name in SAMPLING),
    *((rf"{name}(?:\.\w+)?", "{no}", name, part(name)) for name in PLAIN),
)
"""(the place that an error begins with, what it says of that, the word for `Family.refused`, whether it was sent); the
first that fits counts. Below a schema, and in a tool's input, the names are the client's."""

SPOKEN: tuple[tuple[str, str, Callable[[Sent], Any]], ...] = (
    (r"(?:messages? )?role\W+system", "system_role", has_system_turn),
    (r"(?:assistant )?(?:message )?prefill(?:ing)?", "prefill", ends_with_assistant),
    (r"adaptive(?: thinking)?", "thinking.adaptive", thinks("adaptive")),
    (r"(?:extended )?thinking", "thinking", part("thinking")),
    (r"effort", "output_config.effort", part("output_config", "effort")),
    (r"structured outputs?|output_config\.format|json_schema", "output_config.format", part("output_config", "format")),
    (r"output_config\.effort", "output_config.effort", part("output_config", "effort")),
    (r"output_config", "output_config", part("output_config")),
    (rf"(?:tool_choice\.)?{SINGLE}", f"tool_choice.{SINGLE}", part("tool_choice", SINGLE)),
    (r"tool_choice|forc(?:ed|ing) tool (?:choice|use)", "tool_choice", forces),
    (r"strict(?: mode| tools?| tool use| schemas?)?", "strict", is_strict),
    (rf"{MARK}|prompt caching", MARK, is_marked),
    *((name, name, part(name)) for name in (*SAMPLING, *PLAIN)),
)
"""(what a sentence speaks of, the word, whether it was sent)."""

SENTENCES = (
    r"(?:this|the) (?:model|server|endpoint|api|upstream) does(?: not|n't) (?:yet )?(?:support|accept|allow|take)"
    r" (?:the |an? |this )?{mark}(?:{name}){mark}(?!\.?\w)",
    r"(?:the |parameter |field )*{mark}(?:{name}){mark}(?: parameter| field)? (?:is|are|has been|may|must|can)\b"
    r"[^.]{0,60}?{no}",
    r"{no}(?: request)?(?: parameters?| fields?| arguments?| keys?)?(?: supplied)?[:\s]+"
    r"{mark}(?:{name}){mark}(?!\.?\w)",
)
"""How an error begins that names no place."""

PHRASES: tuple[tuple[str, str, Callable[[Sent], Any]], ...] = (
    (r"unexpected value\(s\) .*thinking-binding-controls", "thinking.block_binding", part("thinking", "block_binding")),
    (r"(?:the|this) conversation must end with a user", "prefill", ends_with_assistant),
    (r"thinking may not be enabled when tool_choice", "tool_choice", forces),
    (THOUGHT, HISTORY, holds_thoughts),
    (BEHEADED, HEADLESS, is_asked_to_think),
)
"""The same for wordings of their own."""


def compiled(said: str) -> re.Pattern[str]:
    return re.compile(said.replace("{mark}", "[`'\"]?").replace("{no}", f"(?:{NO})"), re.IGNORECASE)


AT = tuple((re.compile(place, re.IGNORECASE), compiled(said), word, was) for place, said, word, was in PLACED)
BARE = (
    *((compiled(said), word, was) for said, word, was in PHRASES),
    *((compiled("|".join(SENTENCES).replace("{name}", name)), word, was) for name, word, was in SPOKEN),
)

PLACE = re.compile(r"[`'\"]?([a-z_]+(?:[.\[]\w+\]?)*)[`'\"]?(:?) *", re.IGNORECASE)
WRAPPING = re.compile(r"^(?:\w+(?:Exception|Error): |The model returned the following errors: )+")
"""What Bedrock and others put in front of the vendor's own message."""
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")

TOO_MANY = re.compile(r"[`'\"]?max_tokens\D{0,40}(\d+)\s*(?:>|exceeds|is greater than)\D{0,60}?(\d+)", re.IGNORECASE)
CHOICES = re.compile(r"input should be (.*)", re.IGNORECASE)


def once(word: str) -> bool:
    """Say whether `word` is true of this request only."""
    return word.partition("=")[0] in ONCE


def correction(failure: Failure, sent: Sent) -> str | None:
    """Return what was refused of the body `sent`, None if it is nothing that can be left out.

    Beside the words of PLACED and SPOKEN: `max_tokens>N`, the most that the upstream takes; `room=N`, what the input
    leaves for this answer; and `output_config.effort.WORD`, a degree that it does not know. Only how an error begins
    counts: further on it may quote the client.
    """
    if failure.reason == "context_length":
        return room(failure.message, sent.get("max_tokens"))
    if failure.status not in (400, 422):
        return None
    for message in said_by(failure):
        if (word := refused(message, sent)) is not None:
            return word
    return None


def refused(message: str, sent: Sent) -> str | None:
    """Return what one flaw, told in one line, takes away."""
    if match := TOO_MANY.match(message):
        most = int(match[2])
        return f"max_tokens>{most}" if 0 < most < sent.get("max_tokens", 0) else None
    place, said = placed(message, sent)
    if not place:
        return next((word for known, word, was_sent in BARE if was_sent(sent) and known.match(message)), None)
    effort = part("output_config", "effort")(sent)
    if effort is not None and EFFORT.fullmatch(place) and (choices := CHOICES.match(said)):
        others = re.findall(r"'(\w+)'", choices[1])
        return f"output_config.effort.{effort}" if others and effort not in others else None
    plain = QUOTED.sub("''", said)
    for where, known, word, was_sent in AT:
        if was_sent(sent) and where.fullmatch(place) and (known.match(said) or known.search(plain)):
            return word
    return None


def placed(message: str, sent: Sent) -> tuple[str, str]:
    """Return the place that a message begins with, as messages.0.role, and what it says of it."""
    found = PLACE.match(message)
    if found is None:
        return "", message
    place = re.sub(r"[\[\].]+", ".", found[1]).strip(".")
    if not found[2] and place.partition(".")[0] not in sent:
        return "", message  # a word of the sentence
    return place, message[found.end() :]


def said_by(failure: Failure) -> list[str]:
    """Return the flaws that an error tells, one line for each: several only where FastAPI made it."""
    body = opened(failure.body or b"")
    error = body.get("error")
    if isinstance(error, dict) and text(error.get("message")):
        said = text(error["message"])
    elif isinstance(detail := body.get("detail"), list):
        flaws = [one for one in detail if isinstance(one, dict) and isinstance(one.get("loc"), list)]
        return [
            f"{'.'.join(str(step) for step in one['loc'] if step != 'body')}: {text(one.get('msg'))}" for one in flaws
        ]
    else:
        said = text(error) or text(body.get("message")) or failure.message
    return [WRAPPING.sub("", said).partition("\n")[0]]
