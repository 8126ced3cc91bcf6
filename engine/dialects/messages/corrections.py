"""What an upstream of the Messages API refused of a body, read off its error: the writer can then do without it.

Wordings: those of Anthropic's API (anthropic 2.12: _error_classes.py, the clients that match on them), of pydantic,
on which many servers that imitate it are built, and of FastAPI (a list `detail` of {loc, msg}).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.dialects.failure import opened, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.chat import Failure

Sent = dict[str, Any]

NO = (
    r"not (?:be )?(?:supported|permitted|allowed|accepted|available|recogni[sz]ed|valid)"
    r"|unsupported|does(?: not|n't) support|unknown|unexpected|unrecogni[sz]ed|extra (?:inputs|fields)|invalid"
    r"|deprecated|removed|cannot be"
)
"""How a server says no to a field that it names."""


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


SAMPLING = ("temperature", "top_p", "top_k")
PLAIN = ("service_tier", "metadata")

RULES: tuple[tuple[str, str, Callable[[Sent], Any]], ...] = (
    (
        r"role\W+system\W.*(?:{no})|\.role: input should be 'user' or 'assistant'|role must be either",
        "system_role",
        has_system_turn,
    ),
    (r"prefill|must end with a user", "prefill", ends_with_assistant),
    (r"temperature.*top_p.*(?:both|together)|both.*temperature.*top_p", "top_p", part("top_p")),
    (r"block_binding|thinking-binding-controls", "thinking.block_binding", part("thinking", "block_binding")),
    (r"thinking\.(?:\w+\.)?display.*(?:{no})", "thinking.display", part("thinking", "display")),
    (r"(?:adaptive.*(?:does not match|{no}))|(?:{no}).*adaptive", "thinking.adaptive", thinks("adaptive")),
    (r"thinking.*disabled.*(?:does not match|{no})|tag 'disabled'", "thinking.disabled", thinks("disabled")),
    (
        r"thinking.*enabled.*(?:does not match|{no})|tag 'enabled'|budget_tokens.*(?:{no})",
        "thinking.enabled",
        thinks("enabled"),
    ),
    (
        r"(?:^|[^.\w])thinking\W{0,2}(?::| is| parameter| field).*(?:{no})|(?:{no}) (?:parameter|field)\W+thinking\b",
        "thinking",
        part("thinking"),
    ),
    (r"\beffort\b.*(?:{no})|(?:{no}).*\beffort\b", "output_config.effort", part("output_config", "effort")),
    (
        r"(?:output_config\.format|structured output|json_schema).*(?:{no})"
        r"|(?:{no}).*(?:output_config\.format|structured output)",
        "output_config.format",
        part("output_config", "format"),
    ),
    (r"\boutput_config\b(?!\.\w).*(?:{no})|(?:{no}).*\boutput_config\b", "output_config", part("output_config")),
    (
        r"disable_parallel_tool_use.*(?:{no})|(?:{no}).*disable_parallel_tool_use",
        "tool_choice.disable_parallel_tool_use",
        part("tool_choice", "disable_parallel_tool_use"),
    ),
    (r"tool_choice.*(?:{no}|may not|must be)|(?:{no}).*tool_choice|forc\w+ tool", "tool_choice", forces),
    (r"\bstrict\b.*(?:{no})|(?:{no}).*\bstrict\b", "strict", is_strict),
    (r"cache_control.*(?:{no})|(?:{no}).*cache_control", "cache_control", is_marked),
    *((rf"\b{name}\b.*(?:{{no}})|(?:{{no}}).*\b{name}\b", name, part(name)) for name in (*SAMPLING, *PLAIN)),
)
"""(what the error says, the word for `Family.refused`, whether it was sent); the first that fits counts."""

COMPILED = tuple(
    (re.compile(said.replace("{no}", NO), re.IGNORECASE | re.DOTALL), word, sent) for said, word, sent in RULES
)

TOO_MANY = re.compile(r"max_tokens\D{0,40}(\d+)\s*(?:>|exceeds|is greater than)\D{0,60}?(\d+)", re.IGNORECASE)
CHOICES = re.compile(r"effort\b.*input should be (.*)", re.IGNORECASE | re.DOTALL)


def correction(failure: Failure, sent: Sent) -> str | None:
    """Return what was refused of the body `sent`, None if it is nothing that can be left out.

    Beside the words of RULES: `max_tokens>N`, the most that the upstream takes, and `output_config.effort.WORD`, a
    degree that it does not know.
    """
    if failure.status not in (400, 422):
        return None
    message = said_by(failure)
    if match := TOO_MANY.search(message):
        most = int(match[2])
        return f"max_tokens>{most}" if 0 < most < sent.get("max_tokens", 0) else None
    effort = part("output_config", "effort")(sent)
    if effort is not None and (match := CHOICES.search(message)):
        others = re.findall(r"'(\w+)'", match[1])
        return f"output_config.effort.{effort}" if others and effort not in others else None
    return next((word for pattern, word, was_sent in COMPILED if was_sent(sent) and pattern.search(message)), None)


def said_by(failure: Failure) -> str:
    """Return the whole message of an error, also where FastAPI made it."""
    body = opened(failure.body or b"")
    error = body.get("error")
    if isinstance(error, dict) and text(error.get("message")):
        return text(error["message"])
    if isinstance(detail := body.get("detail"), list):
        places = [one for one in detail if isinstance(one, dict) and isinstance(one.get("loc"), list)]
        return "\n".join(
            f"{'.'.join(str(step) for step in one['loc'] if step != 'body')}: {text(one.get('msg'))}" for one in places
        )
    return text(error) or text(body.get("message")) or failure.message


ONCE: frozenset[str] = frozenset()
"""Words that hold for one request only: they are about one image, or one schema."""


def once(word: str) -> bool:
    """Say whether a correction is of its own request only, and not to be remembered."""
    return word in ONCE
