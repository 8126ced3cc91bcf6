"""A body that drips: one that brings too little in each `server.body_timeout` is given up.

Silence alone would be no measure: a byte now and then would hold a connection for days. The wire says what came and
when the body is whole; a body that came in one piece with its head, as they do, sets no timer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.transport.stall import ignore, never

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

LEAST = 16 * 1024
"""Bytes that a body has to bring in each `server.body_timeout`, unless it ends: 0.5 KB/s by default."""


class Drip:
    """The clock of one connection's bodies.

    `patience` gives the seconds of the live file; `ours` says that nothing can come because we take nothing, which is
    not the client's fault; `over` is called with the seconds, once.
    """

    __slots__ = ("_came", "_loop", "_ours", "_over", "_patience", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        patience: Callable[[], float],
        ours: Callable[[], bool],
        over: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._patience = patience
        self._ours = ours
        self._over = over
        self._came = 0
        self._timer: asyncio.TimerHandle | None = None

    def more(self, size: int) -> None:
        """Take note of `size` bytes, behind which more of the body is to come."""
        self._came += size
        if self._timer is None:
            self._begin()

    def end(self) -> None:
        """The body is whole, or nobody waits for it any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def forget(self) -> None:
        """The connection is gone, and whoever is told here need not outlive it: they know each other."""
        self.end()
        self._patience, self._ours, self._over = never, bool, ignore

    def _begin(self) -> None:
        self._came = 0
        seconds = self._patience()
        self._timer = self._loop.call_later(seconds, self._ring, seconds)

    def _ring(self, seconds: float) -> None:
        self._timer = None
        if self._ours() or self._came >= LEAST:
            self._begin()
        else:
            self._over(seconds)
