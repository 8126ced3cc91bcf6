"""Where an answer in the neutral vocabulary tells its usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.chat import Used
from engine.dialects.meter import Gauge
from engine.dialects.neutral.stream import EVENT, RESPONSE

if TYPE_CHECKING:
    from engine.chat import Usage
    from engine.dialects.meter import Read

WRITTEN = ("text", "arguments", "data", "name")
"""The fields of an event, or of a block, that the model wrote."""


def read(data: bytes, _notes: dict[str, Any]) -> Read:
    """Read an event. The last one that tells a usage counts."""
    event = EVENT.decode(data)
    return (event.usage, True) if isinstance(event, Used) else (None, False)


def answer(body: bytes) -> Usage | None:
    return RESPONSE.decode(body).usage


def said(value: Any) -> Any:
    """Return what the model wrote in an event, or in a whole answer."""
    if not isinstance(value, dict):
        return None
    blocks = value.get("blocks")
    if isinstance(blocks, list):
        return [said(block) for block in blocks]
    return [value[name] for name in WRITTEN if isinstance(value.get(name), str)]


GAUGE = Gauge(read=read, answer=answer, said=said)
