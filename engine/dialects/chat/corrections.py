"""What an upstream refused of a chat request, so that it is asked once more without it, and never again with it.

Servers name the parameter in `error.param` (OpenAI), in the place of a validation error (`loc`: Mistral, vLLM and
whatever else checks with pydantic), or only in words. What they quote of the request is the client's text, and says
nothing: `input` and `ctx` of pydantic, the values behind a field's name, whatever stands below a schema.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from engine.dialects.failure import decoded, text
from engine.dialects.window import ROOM, room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.chat import Failure

Json = dict[str, Any]

STATUSES = frozenset({400, 404, 422, 501})
"""The statuses with which servers refuse a parameter; 404 is OpenRouter's, when no server behind it takes one."""
NO_PARAMETER = frozenset({"context_length", "content_filter", "auth", "quota", "rate_limit"})
"""Reasons that no parameter can be blamed for."""
LONGEST = 4_000
"""How much of a message is read, in characters."""

ONCE = frozenset({"vision", "file", "strict", "response_format.json_schema", ROOM.rstrip("=")})
"""Words (up to their `=`) that are true of one request: they may speak of one image, one schema, one input."""

OPTIONAL = (
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "stream_options",
    "parallel_tool_calls",
    "reasoning_effort",
    "reasoning_content",
    "response_format",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_breakpoint",
    "service_tier",
    "strict",
    "tool_choice",
)
"""Fields that the writer can leave out, or put differently: each is its own word."""

INSIDE = {
    "reasoning_content": ("messages",),
    "prompt_cache_breakpoint": ("messages", "tools"),
    "strict": ("tools", "response_format"),
}
"""Fields that do not stand at the top of a body: in which others they do."""

CLIENTS = frozenset({"parameters", "schema", "properties", "arguments", "$defs"})
"""Steps of a place below which the names are the client's own."""

WRAPPERS = frozenset({"error", "errors", "detail", "details", "message"})
"""Fields of an error body that hold what the server says; any other may hold what the client said."""

QUOTES = re.compile(r"['\"]?\binput['\"]?: |\binput_value=|, value: |\{(?!'type')")
"""Where a message begins to quote the request: pydantic's `input`, Fireworks' `value`, JSON."""

FLAW = re.compile(r"'loc': [\[(](?:'body', )?([^\])]*)")
"""How vLLM prints the place of the first error that pydantic found."""

REFUSED = re.compile(
    r"unsupported|not (?:yet )?supported|n't support|not support|unrecognized|unknown|unexpected|extra inputs"
    r"|extra_forbidden|not permitted|not allowed|unavailable|not available|only the default|only supported"
)
"""How a message sounds (lower case) that refuses a field whatever its value; a value out of range is the client's."""

SPOKEN: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "reasoning_effort+tools",
        ("reasoning_effort", "tools"),
        r"tools with reasoning_effort|reasoning_effort.{0,60}\btools",
    ),
    ("call_ids", ("messages",), r"tool[_ ]call[_ ]id .{0,80}length|tool_calls\S*id'?: string too long"),
    ("user_after_tool", ("messages",), r"unexpected role 'user' after role 'tool'"),
    (
        "without_reasoning",
        ("messages",),
        r"^.{0,80}?(?:reasoning_content\W+(?:\w+ ){0,6}?(?:is missing|must be passed back)"
        r"|(?:missing|requires?)\W+reasoning_content)",
    ),
    (
        "developer",
        ("messages",),
        r"(?:invalid|unknown|unexpected|unsupported|support)[^.]{0,60}\bdeveloper\b|\bdeveloper\b[^.]{0,40} not ",
    ),
    (
        "system_anywhere",
        ("messages",),
        r"system (?:message|role|prompt)[^.]{0,60}\b(?:first|beginning|start)|roles must alternate",
    ),
    (
        "strict",
        ("tools", "response_format"),
        r"^invalid schema for[^\n]*(?:additionalproperties|'required'|not permitted|strict)|'strict' (?:is|was) not",
    ),
    (
        "vision",
        ("messages",),
        r"image_url is only supported|unknown variant `image_url`|invalid value: 'image_url'|at most 0 image"
        r"|not (?:an? )?(?:multimodal|vision)|(?:not|n't) support (?:images?|vision)(?: inputs?)?(?:[.,;!]|$|{here})"
        r"|support image input(?:s|\b)(?! {kind})"
        r"|(?:^|[.:;] )(?:images?|image inputs?) (?:is|are) not (?:supported|allowed)(?! {kind})",
    ),
    (
        "file",
        ("messages",),
        r"unknown variant `file`|invalid value: 'file'"
        r"|(?:not|n't) support (?:pdf|file|document)s?(?: inputs?)?(?:[.,;!]|$|{here})"
        r"|support file inputs?(?! {kind})"
        r"|(?:^|[.:;] )(?:files?|file inputs?) (?:is|are) not (?:supported|allowed)(?! {kind})",
    ),
)
"""Words, where what they stand for is sent, and what a message speaks of (lower case) that means them. The first that
was sent counts. They are narrow: an image that is broken, or moves, must not cost it all the others."""

HERE = r" (?:(?:for|with|on|in|by) (?:this|the) (?:model|endpoint|server|api)|or |at this|yet\b)"
KIND = r"(?:of|in|with|larger|bigger|above|over)\b"
SPEAKING = tuple(
    (word, roots, re.compile(said.replace("{here}", HERE).replace("{kind}", KIND))) for word, roots, said in SPOKEN
)

FORMATS = (("response_format.json_schema", "json_schema"), ("response_format.json_object", "json_object|json mode"))
"""Words for a response_format, and what a refusing message calls it unless it says response_format."""

NAMED = (
    r"(?:unsupported|unknown|unrecognized|unexpected|not supported|not permitted)"
    r"(?:(?: on| by| with)? (?:this|the) model)?(?: request)?"
    r"(?: (?:parameter|argument|field|name|key|property|keyword argument|value)s?)?(?: supplied| provided)?"
    r"(?:\W+field)?\W+?{mark}{word}(?!\.?\w)"
    r"|(?:not|n't) support (?:this |the |parameter |field )*{mark}{word}"
    r"|(?:^|[.:;] )(?:(?:the|this|use of|property|parameter|argument|field|option) )*{mark}{word}{mark}"
    r"(?: \w+)? (?:is|are)\b[^.:;]{0,60}?(?:{no})"
)
"""How a message that no place goes with names the field that it refuses: right beside the no, or before it in the same
clause."""

QUOTED = frozenset({"stop", "strict"})
"""Fields that are ordinary words: in a message they count in quotation marks only."""

LIMIT = re.compile(
    r"(?:at most|is \[\d+,|less than or equal to|cannot exceed|must not exceed|maximum (?:value )?(?:of|is))"
    r"\s*[`']?(\d{2,7})\b"
)
"""How servers tell the longest answer of a model."""

LIMITS = ("max_tokens", "max_completion_tokens")
ABOUT_LIMIT = re.compile(r"[^.:]{0,40}\bmax_(?:completion_)?tokens\b|[^.:]{0,80}completion tokens")
"""How a message begins that speaks of them."""

EFFORT = re.compile(r"not support '(\w+)'")


def once(word: str) -> bool:
    """Say whether `word` is true of this request only."""
    return word.partition("=")[0] in ONCE


def correction(failure: Failure, sent: Json) -> str | None:
    """Return the word for `Family.refused`; None if the failure names nothing of `sent` that could be left out.

    Where the context is exceeded: `room=N`, if an answer of N tokens would still fit.
    """
    if failure.reason == "context_length":
        return room(failure.message, asked_for(sent))
    if failure.status not in STATUSES or failure.reason in NO_PARAMETER:
        return None
    places, message = heard(failure)
    roots = {root for place in places for root in place[:1]}
    if (limit := learned_limit(roots, message, sent)) is not None:
        return limit
    for word, where, said in SPEAKING:
        if held(word, sent) and (not places or roots.intersection(where)) and said.search(message):
            return word
    if not REFUSED.search(message) or of_a_schema(places, message):
        return None
    for word, name in FORMATS:
        if held(word, sent) and ("response_format" in roots or re.search(f"response_format|{name}", message)):
            return word
    if places:
        found = next((word for word in OPTIONAL if stands(word, places, sent) and held(word, sent)), None)
    else:
        found = next((word for word in OPTIONAL if held(word, sent) and mentioned(word, message)), None)
    if found == "reasoning_effort" and (value := EFFORT.search(message)) and value[1] == sent[found]:
        return f"{found}={value[1]}"
    return found


def of_a_schema(places: list[list[str]], message: str) -> bool:
    """Say whether the refusal is one of a schema: the names in it are the client's."""
    return any(CLIENTS.intersection(place) for place in places) or message.startswith("invalid schema")


def stands(word: str, places: list[list[str]], sent: Json) -> bool:
    """Say whether one of `places` is that of the field `word`."""
    if word in INSIDE:
        return any(place[0] in INSIDE[word] and word in place for place in places)
    # what comes before the name, and was not sent, is that of a class
    return any(place[0] == word or (place[0] not in sent and place[1:2] == [word]) for place in places)


def mentioned(word: str, message: str) -> bool:
    mark = "[`'\"]" if word in QUOTED else "[`'\"]?"
    said = NAMED.replace("{mark}", mark).replace("{no}", REFUSED.pattern).replace("{word}", rf"\b{word}\b")
    return re.search(said, message) is not None


def heard(failure: Failure) -> tuple[list[list[str]], str]:
    """Return the places that an error body names, step by step, and what it says of itself, in lower case."""
    places: list[str] = []
    said: list[str] = []
    for one in objects(decoded(failure.body or b"")):
        place = one.get("loc")
        if isinstance(place, list):
            places.append(".".join(str(step) for step in place if step != "body"))
        places += [param] if (param := text(one.get("param"))) else []
        said += [word for key in ("message", "msg", "error", "detail", "code", "type") if (word := text(one.get(key)))]
    spoken = " ".join(said)[:LONGEST] or failure.message
    own = QUOTES.split(spoken, maxsplit=1)[0]
    if own.startswith("[{'type'") and (flaw := FLAW.search(own)):
        places.append(flaw[1].replace("'", "").replace(", ", "."))
    steps = [[step for step in re.split(r"[^a-z_$]+", place.lower()) if step] for place in places]
    return [place for place in steps if place], own.lower()


def objects(value: Any, depth: int = 5) -> Iterator[Json]:
    """Yield the objects of an error body in which a server speaks, whatever they are wrapped in."""
    if isinstance(value, dict):
        yield value
        inner = [one for name, one in value.items() if name in WRAPPERS]
    else:
        inner = value if isinstance(value, list) else []
    if depth:
        for one in inner:
            yield from objects(one, depth - 1)


def asked_for(sent: Json) -> Any:
    return sent.get("max_tokens", sent.get("max_completion_tokens"))


def learned_limit(roots: set[str], message: str, sent: Json) -> str | None:
    """Return the longest answer of the model, where the request wanted a longer one and the message tells."""
    asked = asked_for(sent)
    about = roots & set(LIMITS) if roots else ABOUT_LIMIT.match(message)
    if not isinstance(asked, int) or not about:
        return None
    limits = [int(number) for number in LIMIT.findall(message)]
    fitting = [limit for limit in limits if 0 < limit < asked]
    return f"max_output={min(fitting)}" if fitting else None


def held(word: str, sent: Json) -> bool:
    """Say whether what `word` stands for was sent."""
    if word in sent:
        return word != "tool_choice" or sent[word] != "none"
    messages = [message for message in sent.get("messages") or () if isinstance(message, dict)]
    roles = [message.get("role") for message in messages]
    if word == "developer":
        return "developer" in roles
    if word == "system_anywhere":
        turns = [role in ("system", "developer") for role in roles]
        return any(turns[turns.index(False) :]) if False in turns else False
    if word == "user_after_tool":
        return ("tool", "user") in pairwise(roles)
    if word == "without_reasoning":
        return any(one.get("role") == "assistant" and not one.get("reasoning_content") for one in messages)
    if word == "call_ids":
        return any(message.get("tool_calls") for message in messages)
    if word == "reasoning_effort+tools":
        return "reasoning_effort" in sent and "tools" in sent
    if word.startswith("response_format."):
        return (sent.get("response_format") or {}).get("type") == word.partition(".")[2]
    if word == "strict":
        shapes = [tool.get("function") for tool in sent.get("tools") or ()]
        shapes.append((sent.get("response_format") or {}).get("json_schema"))
        return any(isinstance(shape, dict) and shape.get("strict") for shape in shapes)
    parts = [part for message in messages for part in message.get("content") or () if isinstance(part, dict)]
    kinds = {"vision": "image_url", "file": "file"}
    if word in kinds:
        return any(part.get("type") == kinds[word] for part in parts)
    return any(word in one for one in (*messages, *parts))
