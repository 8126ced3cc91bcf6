"""Where the Messages API tells its usage.

Protocol facts: anthropic 2.12 (types/usage.py, types/message_delta_usage.py): `message_start` tells the input,
`message_delta` the output, cumulatively; what it says of the input supersedes the start (some tell it only there).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.messages.read_answer import counted, counts
from engine.dialects.meter import Gauge

if TYPE_CHECKING:
    from engine.chat import Usage
    from engine.dialects.meter import Read


class Answer(msgspec.Struct):
    usage: Any = None


ANSWER = msgspec.json.Decoder(Answer)


def read(data: bytes, notes: dict[str, Any]) -> Read:
    """Read an event; `notes` is the usage object so far, which is the whole one once the end has told the output."""
    event = msgspec.json.decode(data)
    if not isinstance(event, dict):
        return None, False
    message = event.get("message")
    holder = message if isinstance(message, dict) else event
    usage = holder.get("usage")
    if not isinstance(usage, dict):
        return None, False
    notes |= {name: value for name, value in usage.items() if value is not None}
    sure = event.get("type") == "message_delta" and type(usage.get("output_tokens")) is int
    return (counted(notes) if counts(notes) else None), sure


def answer(body: bytes) -> Usage | None:
    usage = ANSWER.decode(body).usage
    return counted(usage) if isinstance(usage, dict) and counts(usage) else None


def said(value: Any) -> Any:
    """Return what the model wrote in an event or an answer."""
    if not isinstance(value, dict):
        return None
    if value.get("type") == "content_block_delta":
        return value.get("delta")
    return value.get("content_block") or value.get("content")


GAUGE = Gauge(read=read, answer=answer, said=said)
