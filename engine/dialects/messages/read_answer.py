"""Reads what an upstream of the Messages API answers: the whole answer, and what a stream shares with it.

Protocol facts: anthropic 2.12 (types/message.py, types/usage.py, types/stop_reason.py, types/refusal_stop_details.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from engine.chat import Call, Failed, Opaque, Response, Stop, Text, Thinking, Usage
from engine.dialects.failure import failed, text
from engine.dialects.messages.errors import judged
from engine.dialects.tap import malformed

if TYPE_CHECKING:
    from engine.chat import Block

VENDOR = "anthropic"

STOPS: dict[str, Literal["length", "sequence", "refusal", "pause", "context"]] = {
    "max_tokens": "length",
    "stop_sequence": "sequence",
    "refusal": "refusal",
    "pause_turn": "pause",
    "model_context_window_exceeded": "context",
}
"""Stop reasons that are believed. Of the others only the blocks tell whether the model waits for a tool."""


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
    blocks = tuple(block for one in content if isinstance(one, dict) and (block := read_block(one)) is not None)
    called = any(isinstance(block, Call) for block in blocks)
    usage = message.get("usage")
    return Response(
        id=text(message.get("id")),
        model=text(message.get("model")),
        blocks=blocks,
        stop=stop(message, called),
        usage=counted(usage) if isinstance(usage, dict) else None,
    )


def read_block(block: dict[str, Any]) -> Block | None:
    """Return one block of an answer; None where there is nothing in it. Raises `Failed` for a call of no tool."""
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
    return Opaque(vendor=VENDOR, kind=kind, raw=block)


def arguments(block: dict[str, Any]) -> str:
    """Return the input of a tool_use block as JSON text, "" where it is empty."""
    value = block.get("input")
    return msgspec.json.encode(value).decode() if value else ""


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
