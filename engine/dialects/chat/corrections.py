"""What an upstream refused of a chat request, so that it is asked once more without it, and never again with it.

Servers name the parameter in `error.param` (OpenAI), in the place of a validation error (`loc`: Mistral, vLLM and
whatever else checks with pydantic), or only in words.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.failure import text

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

REFUSED = re.compile(
    r"unsupported|not (?:yet )?supported|n't support|not support|unrecognized|unknown|unexpected|extra inputs"
    r"|extra_forbidden|not permitted|not allowed|unavailable|not available|only the default|only supported"
)
"""How a message sounds (lower case) that refuses a field whatever its value; a value out of range is the client's."""

SPOKEN: tuple[tuple[str, str], ...] = (
    ("reasoning_effort+tools", r"tools with reasoning_effort|reasoning_effort.{0,60}\btools"),
    ("call_ids", r"tool[_ ]call[_ ]id .{0,80}length|tool_calls\S*id'?: string too long"),
    ("user_after_tool", r"unexpected role 'user' after role 'tool'"),
    (
        "developer",
        r"(?:invalid|unknown|unexpected|unsupported|support)[^.]{0,60}\bdeveloper\b|\bdeveloper\b[^.]{0,40} not ",
    ),
    ("system_anywhere", r"system (?:message|role|prompt)[^.]{0,60}\b(?:first|beginning|start)|roles must alternate"),
    ("strict", r"invalid schema[^\n]*(?:additionalproperties|'required'|not permitted|strict)|'strict' (?:is|was) not"),
    (
        "vision",
        r"image_url is only supported|unknown variant `image_url`|invalid value: 'image_url'|at most 0 image"
        r"|not (?:an? )?(?:multimodal|vision)|(?:not|n't) support (?:images?|vision)(?: inputs?)?(?:[.,;!]|$| [fwoi])"
        r"|support image input|image inputs? (?:is|are) not|images are not (?:supported|allowed)",
    ),
    (
        "file",
        r"unknown variant `file`|invalid value: 'file'"
        r"|(?:not|n't) support (?:pdf|file|document)s?(?: inputs?)?(?:[.,;!]|$| [fwoi])"
        r"|support file input|file inputs? (?:is|are) not",
    ),
)
"""Words, and what a message speaks of (lower case) that means them. The first that was sent counts. They are narrow: an
image that is broken must not cost the model all images."""

FORMATS = (("response_format.json_schema", "json_schema"), ("response_format.json_object", "json_object|json mode"))
"""Words for a response_format, and what a refusing message calls it unless it says response_format."""

QUOTED = frozenset({"stop", "strict"})
"""Fields that are ordinary words: in a message they count in quotation marks only."""

LIMIT = re.compile(
    r"(?:at most|is \[\d+,|less than or equal to|cannot exceed|must not exceed|maximum (?:value )?(?:of|is))"
    r"\s*[`']?(\d{2,7})\b"
)
"""How servers tell the longest answer of a model."""

EFFORT = re.compile(r"not support '(\w+)'")


def correction(failure: Failure, sent: Json) -> str | None:
    """Return the word for `Family.refused`; None if the failure names nothing of `sent` that could be left out."""
    if failure.status not in STATUSES or failure.reason in NO_PARAMETER:
        return None
    places, message = heard(failure)
    if (limit := learned_limit(places, message, sent)) is not None:
        return limit
    for word, pattern in SPOKEN:
        if held(word, sent) and re.search(pattern, message):
            return word
    if not REFUSED.search(message):
        return None
    for word, pattern in FORMATS:
        if held(word, sent) and re.search(f"response_format|{pattern}", " ".join((message, *places))):
            return word
    named = [word for word in OPTIONAL if any(word in re.split(r"[^a-z_]+", place) for place in places)]
    spoken = [word for word in OPTIONAL if mentioned(word, message)] if not places else []
    found = next((word for word in (*named, *spoken) if held(word, sent)), None)
    if found == "reasoning_effort" and (value := EFFORT.search(message)) and value[1] == sent[found]:
        return f"{found}={value[1]}"
    return found


def mentioned(word: str, message: str) -> bool:
    mark = "[`'\"]" if word in QUOTED else r"\b"
    return re.search(mark + word + mark, message) is not None


def heard(failure: Failure) -> tuple[list[str], str]:
    """Return the places that an error body names, as body.stream_options, and all it says, in lower case."""
    try:
        body = msgspec.json.decode(failure.body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    places: list[str] = []
    said: list[str] = []
    for one in objects(body):
        place = one.get("loc")
        if isinstance(place, list):
            places.append(".".join(map(str, place)))
        places += [param] if (param := text(one.get("param"))) else []
        said += [word for key in ("message", "msg", "error", "detail", "code", "type") if (word := text(one.get(key)))]
    message = " ".join(said)[:LONGEST] or failure.message
    places += re.findall(r"'loc': [\[(]'body', ([^\])]*)", message)
    return [place.lower() for place in places], message.lower()


def objects(value: Any, depth: int = 5) -> Iterator[Json]:
    """Yield the objects of an error body, whatever they are wrapped in."""
    if isinstance(value, dict):
        yield value
        inner: Any = value.values()
    else:
        inner = value if isinstance(value, list) else ()
    if depth:
        for one in inner:
            yield from objects(one, depth - 1)


def learned_limit(places: list[str], message: str, sent: Json) -> str | None:
    """Return the longest answer of the model, where the request wanted a longer one and the message tells."""
    asked = sent.get("max_tokens", sent.get("max_completion_tokens"))
    about = "completion tokens" in message or any("max_" in one and "tokens" in one for one in (message, *places))
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


ONCE: frozenset[str] = frozenset()
"""Words that hold for one request only: they are about one image, or one schema."""


def once(word: str) -> bool:
    """Say whether a correction is of its own request only, and not to be remembered."""
    return word in ONCE
