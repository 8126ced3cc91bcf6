"""Reads what an upstream of the Messages API answers: the whole answer, and what a stream shares with it.

Protocol facts: anthropic 2.12 (types/message.py, types/usage.py, types/stop_reason.py, types/refusal_stop_details.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from engine.chat import Call, Failed, Opaque, Response, Stop, Text, Thinking, Usage
from engine.dialects.failure import failed, text
from engine.dialects.lost import foreign, unsaid
from engine.dialects.messages.errors import judged
from engine.dialects.tap import malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.chat import Block, Loss

VENDOR = "anthropic"

STOPS: dict[str, Literal["length", "sequence", "refusal", "pause", "context"]] = {
    "max_tokens": "length",
    "stop_sequence": "sequence",
    "refusal": "refusal",
    "pause_turn": "pause",
    "model_context_window_exceeded": "context",
}
"""Stop reasons that are believed. Of the others only the blocks tell whether the model waits for a tool."""

KNOWN = frozenset({*STOPS, "end_turn", "tool_use"})
"""Stop reasons that other APIs have a word for, or whoever writes for them knows of."""

COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")


def read_answer(body: bytes) -> Response:
    """Read a whole message. Raises `Failed`: disconnect where it is none, the upstream's own reason where it is an
    error object in spite of its status.
    """
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failed(malformed("a malformed answer")) from None
    if not isinstance(message, dict):
        raise Failed(malformed("an answer that is no message"))
    if message.get("type") == "error" or message.get("error"):
        reason, said = judged(None, message.get("error"))
        raise Failed(failed(reason, None, said, [], body))
    content = message.get("content")
    if not isinstance(content, list):
        raise Failed(malformed("an answer that is no message"))
    read = [read_block(one, f"content[{index}]") for index, one in enumerate(content) if isinstance(one, dict)]
    blocks = tuple(block for block in read if block is not None)
    called = any(isinstance(block, Call) for block in blocks)
    usage = message.get("usage")
    return Response(
        id=text(message.get("id")),
        model=text(message.get("model")),
        blocks=blocks,
        stop=stop(message, called),
        usage=counted(usage) if isinstance(usage, dict) and counts(usage) else None,
        losses=tuple(lost(message, content)),
    )


def lost(message: dict[str, Any], content: list[Any]) -> Iterator[Loss]:
    """Return what of an answer has no place in a `Response`."""
    for index, one in enumerate(content):
        if isinstance(one, dict) and one.get("citations"):
            yield foreign("citations", f"content[{index}].citations")
            break
    yield from unheard(message)


def unheard(holder: dict[str, Any]) -> Iterator[Loss]:
    """Return the loss of a stop reason that is read as an end, out of a message or of the delta of a message_delta."""
    reason = text(holder.get("stop_reason"))
    if reason and reason not in KNOWN:
        yield unsaid("stop_reason", "dropped" if reason == "compaction" else "approximated")


def read_block(block: dict[str, Any], at: str) -> Block | None:
    """Return the block of an answer that stands `at`; None where there is nothing in it.

    Raises `Failed` for a call of no tool.
    """
    kind = text(block.get("type"))
    if kind == "text":
        said = text(block.get("text"))
        return Text(text=said) if said else None
    if kind == "thinking":
        thought, signature = text(block.get("thinking")), text(block.get("signature")) or None
        return Thinking(text=thought, signature=signature) if thought or signature else None
    if kind == "redacted_thinking":
        return Thinking(sealed=text(block.get("data")))
    if kind == "tool_use":
        name = text(block.get("name"))
        if not name:
            raise Failed(malformed("a tool call without a name"))
        return Call(id=text(block.get("id")), name=name, arguments=arguments(block))
    return Opaque(vendor=VENDOR, kind=kind, raw=block, at=at)


def arguments(block: dict[str, Any]) -> str:
    """Return the input of a tool_use block as JSON text, "" where it is empty; some servers send it as text already."""
    value = block.get("input")
    if isinstance(value, str) and (is_object(value) or not value.strip()):
        return value.strip()
    return msgspec.json.encode(value).decode() if value else ""


def is_object(value: str) -> bool:
    try:
        msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def stop(holder: dict[str, Any], called: bool) -> Stop:
    """Return why the model stopped, out of a message or of the delta of a message_delta.

    A client's tool that was called decides between end and tool, whatever the label says.
    """
    reason = text(holder.get("stop_reason"))
    details = holder.get("stop_details")
    return Stop(
        reason=STOPS.get(reason, "tool" if called else "end"),
        sequence=text(holder.get("stop_sequence")) or None,
        details=details if isinstance(details, dict) else None,
    )


def counts(usage: dict[str, Any]) -> bool:
    """Say whether a usage object tells anything: an empty one is as good as none."""
    return any(type(usage.get(name)) is int for name in COUNTS)


def counted(usage: dict[str, Any]) -> Usage:
    """Return the tokens of a usage object, in buckets that do not overlap (as the Messages API has them anyway)."""
    written = usage.get("cache_creation_input_tokens")
    details = usage.get("cache_creation")
    if written is None and isinstance(details, dict):
        written = sum(number(value) for value in details.values())
    output = usage.get("output_tokens_details")
    thought = output.get("thinking_tokens") if isinstance(output, dict) else None
    return Usage(
        input=number(usage.get("input_tokens")),
        cache_read=number(usage.get("cache_read_input_tokens")),
        cache_write=number(written),
        output=number(usage.get("output_tokens")),
        reasoning=number(thought) if thought is not None else None,
    )


def number(value: Any) -> int:
    """Return a count, 0 for whatever is none."""
    return value if type(value) is int and value > 0 else 0
