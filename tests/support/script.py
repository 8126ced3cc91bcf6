"""What a scripted upstream is told to answer: a `Reply`, made of steps that are played in order.

A step is bytes (sent at once), a number (seconds to wait), a `threading.Event` (wait until the test sets it), or
one of `STALL`, `CUT`, `RESET`.
"""

from __future__ import annotations

import enum
import json
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable


class End(enum.Enum):
    """Ways for a body to end badly."""

    STALL = "say nothing more until the peer leaves"
    CUT = "close the connection (FIN) here"
    RESET = "reset the connection (RST) here"


STALL, CUT, RESET = End.STALL, End.CUT, End.RESET

Step = bytes | float | threading.Event | End


@dataclass(frozen=True)
class Reply:
    """One answer. `before` is played before the head is sent, `parts` after it."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    parts: tuple[Step, ...] = ()
    before: tuple[Step, ...] = ()
    framing: Literal["length", "chunked", "close"] = "length"
    raw: bool = False
    """Send no head at all: `parts` are everything that goes on the wire."""

    def after(self, *before: Step) -> Reply:
        """Return this reply with `before` played before its head."""
        return replace(self, before=before + self.before)

    def with_headers(self, *headers: tuple[str, str]) -> Reply:
        """Return this reply with more headers."""
        return replace(self, headers=self.headers + headers)

    @property
    def body(self) -> bytes:
        """Every byte of the body, without the pauses."""
        return b"".join(part for part in self.parts if isinstance(part, bytes))


def as_json(value: Any, status: int = 200, *headers: tuple[str, str]) -> Reply:
    """Return `value` (or JSON bytes as they are) as an answer with a content-length."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Reply(status=status, headers=(("content-type", "application/json"), *headers), parts=(body,))


def as_stream(parts: Iterable[Step], *headers: tuple[str, str]) -> Reply:
    """Return an event stream, chunked."""
    return Reply(
        headers=(("content-type", "text/event-stream; charset=utf-8"), *headers), parts=tuple(parts), framing="chunked"
    )


def paced(parts: Iterable[bytes], pause: float) -> list[Step]:
    """Put `pause` seconds between the parts."""
    steps: list[Step] = []
    for part in parts:
        steps += [part, pause]
    return steps[:-1]
