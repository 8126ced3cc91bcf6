"""The waits of a request: one timer per connection, and what is said when a wait was in vain."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

from engine.transport.base import TransportError

if TYPE_CHECKING:
    from engine.transport.base import Waits

Stage = Literal["connect", "send", "first_byte", "idle", "total"]

SAID: dict[Stage, tuple[str, str]] = {
    "connect": ("connect", "no connection within {} s"),
    "send": ("idle", "took no more of the request for {} s"),
    "first_byte": ("first_byte", "no answer within {} s of the request"),
    "idle": ("idle", "fell silent for {} s in the middle of its answer"),
    "total": ("total", "not done within {} s"),
}
"""What was waited for -> the key of `timeouts` that set how long, and what to say."""

TICK = 0.001
"""uvloop's clock counts milliseconds: a timer may ring that much early."""


def late(where: str, stage: Stage, waits: Waits, why: str = "") -> TransportError:
    """Return the error of a wait that is over."""
    wait, said = SAID[stage]
    return TransportError("timeout", f"{where}: {said.format(f'{getattr(waits, wait):g}')}{why} (timeouts.{wait})")


class Waiting(asyncio.Protocol, ABC):
    """A protocol with a deadline that moves at almost no cost.

    The deadline is a number. The timer is set when there is none that rings earlier; ringing early, it is set again:
    a stream of thousands of pieces sets it a few times.
    """

    __slots__ = ("_alarm_at", "_deadline", "_loop", "_stage", "_timer", "_until")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._deadline = math.inf
        self._until = math.inf
        self._stage: Stage = "total"

    @abstractmethod
    def expired(self, now: float) -> None:
        """The deadline is over."""

    def _expect(self, stage: Stage, seconds: float) -> None:
        """From now on the upstream has `seconds` for `stage`, and never longer than `_until`."""
        self._stage = stage
        deadline = self._loop.time() + seconds
        if deadline > self._until:  # noqa: PLR1730 - a call of min() is half of this method
            deadline = self._until
        self._deadline = deadline
        if deadline < self._alarm_at:
            self._arm(deadline)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, at: float) -> None:
        self._forget()
        self._alarm_at = at
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._alarm_at = math.inf
        now = self._loop.time()
        if now < self._deadline - TICK:
            self._arm(self._deadline)
        else:
            self.expired(now)
