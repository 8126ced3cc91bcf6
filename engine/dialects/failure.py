"""Why an upstream's answer is a failure: what both vendors have in common (rule T1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Failure

if TYPE_CHECKING:
    from engine.chat import Headers, Reason

STATUS: dict[int, Reason] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
"""The statuses with a reason of their own; other 4xx are `bad_request`, other 5xx `server_error`."""

PHRASES: tuple[tuple[str, Reason], ...] = (
    ("prompt is too long", "context_length"),
    ("exceed context limit", "context_length"),
    ("maximum context length", "context_length"),
    ("maximum prompt length", "context_length"),
    ("available context size", "context_length"),
    ("maximum number of tokens allowed", "context_length"),
    ("context window", "context_length"),
    ("input is too long for requested model", "context_length"),
    ("reduce the length of the messages", "context_length"),
    ("maximum model length", "context_length"),
    ("model's context length", "context_length"),
    ("context length of only", "context_length"),
    ("than the context length", "context_length"),
    ("context size has been exceeded", "context_length"),
    ("credit balance is too low", "quota"),
    ("used all available credits", "quota"),
    ("run out of credits", "quota"),
    ("api key not valid", "auth"),
    ("content management policy", "content_filter"),
    ("content filtering policy", "content_filter"),
)
"""What servers say in a 4xx whose code does not tell (lower case): the vendors, vLLM (older and newer), SGLang, LM
Studio, xAI (403 and 429 for what is used up), llama.cpp, Gemini (400 for a key), Azure, Bedrock, Groq."""

TELLING: frozenset[Reason] = frozenset(
    {"quota", "context_length", "content_filter", "not_found", "overloaded", "rate_limit"}
)
"""Reasons that a code in the body tells better than the status does."""

MESSAGE_LIMIT = 500
"""Longest text of an upstream that goes into a log, in characters."""


def reason_of(status: int | None, words: list[str], message: str, table: dict[str, Reason]) -> Reason:
    """Return the reason of an error: by a telling code, by its wording, by its status, then by any code.

    `status` is None for an error object inside a stream.
    """
    known = [table[word] for word in words if word in table]
    for reason in known:
        if reason in TELLING:
            return reason
    if status is None or 400 <= status < 500:
        spoken = message.lower()
        for phrase, reason in PHRASES:
            if phrase in spoken:
                return reason
    if status is None:
        return known[0] if known else "server_error"
    return STATUS.get(status, "bad_request" if 400 <= status < 500 else "server_error")


def failed(reason: Reason, status: int | None, message: str, headers: Headers, body: bytes) -> Failure:
    """Return the whole failure."""
    text = message or (f"the upstream answered {status}" if status else "the upstream reported an error")
    return Failure(
        reason=reason,
        message=text[:MESSAGE_LIMIT],
        status=status,
        retry_after=retry_after(headers),
        headers=headers,
        body=body,
    )


def retry_after(headers: Headers) -> float | None:
    """Return the wait an upstream asked for, in seconds. A date needs a clock: it is left to the client."""
    fields = dict(headers)
    for name, unit in ((b"retry-after-ms", 0.001), (b"retry-after", 1.0)):
        try:
            seconds = float(fields[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < 1e9:
            return seconds
    return None


def error_of(body: bytes) -> Any:
    """Return what an error body says: an object with a `message`, or a text; {} if it says nothing.

    The vendors send {"error": {...}}; servers that speak their APIs also {"error": "text"} (Ollama, xAI), the object
    without a wrapper (Mistral, older vLLM), a list of one (Gemini), and what FastAPI makes of a body that it refuses:
    {"detail": [{"loc": [...], "msg": "text"}]}. Gateways send {"errors": [{"message": "text"}]} (Cloudflare).
    """
    value = decoded(body)
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return value
    for name in ("error", "detail"):
        if value.get(name) and isinstance(value[name], dict | str | list):
            return plain(value[name])
    if value.get("errors") and not value.get("message"):
        return first(value["errors"])
    return {**value, "message": plain(value.get("message"))}


def first(errors: Any) -> Any:
    """Return the first of several errors, an object or a text."""
    return errors[0] if isinstance(errors, list) else errors


def plain(said: Any) -> Any:
    """Return what FastAPI says of a body as lines of text, anything else as it is."""
    if isinstance(said, dict) and isinstance(said.get("detail"), list):
        said = said["detail"]
    if not isinstance(said, list):
        return said
    flaws = [one for one in said if isinstance(one, dict) and isinstance(one.get("loc"), list)]
    places = [".".join(str(step) for step in one["loc"] if step != "body") for one in flaws]
    return "\n".join(f"{place}: {text(one.get('msg'))}" for place, one in zip(places, flaws, strict=True))


def opened(body: bytes) -> dict[str, Any]:
    """Return an error body as an object, empty if it is none."""
    value = decoded(body)
    return value if isinstance(value, dict) else {}


def decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}


def text(value: Any) -> str:
    """Return `value` if it is text, else nothing."""
    return value if isinstance(value, str) else ""
