"""Where the Responses API tells its usage: in the response, whole or in the event that ends a stream.

Protocol facts: openai 3.54 (types/responses/response_usage.py, types/responses/response_completed_event.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.meter import Gauge
from engine.dialects.responses.errors import ENDS
from engine.dialects.responses.read_answer import usage_of

if TYPE_CHECKING:
    from engine.chat import Usage
    from engine.dialects.meter import Read

LAST = ENDS | {"response.failed"}
"""The events after which nothing comes."""


class Answer(msgspec.Struct, frozen=True):
    """What is looked at of a response: its output may be megabytes."""

    usage: Any = None


class Event(msgspec.Struct):
    type: str = ""
    response: Answer = Answer()


ANSWER = msgspec.json.Decoder(Answer)
EVENT = msgspec.json.Decoder(Event)


def read(data: bytes, _notes: dict[str, Any]) -> Read:
    event = EVENT.decode(data)
    return usage_of({"usage": event.response.usage}), event.type in LAST


def answer(body: bytes) -> Usage | None:
    return usage_of({"usage": ANSWER.decode(body).usage})


def said(value: Any) -> Any:
    """Return what the model wrote: in a stream the deltas, which the events of parts and items repeat."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("type"), str):
        return value.get("delta") if isinstance(value.get("delta"), str) else None
    return value.get("output")


GAUGE = Gauge(read=read, answer=answer, said=said)
