"""How many requests run at once, and who waits in line (`server.max_concurrency`, `queue`, `queue_timeout`).

One for the process: a reload changes its numbers, and what runs or waits stays where it is. Health checks, lists of
models and everything else that asks no upstream never comes here.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from typing import TYPE_CHECKING

from engine.chat import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.plan.nodes import Overload

LONGEST = 60
"""Seconds beyond which SDKs do not follow a retry-after (openai 3.54, anthropic 2.12: _base_client.py)."""


class Gate:
    """Lets requests in, first come, first served. Whoever was let in must `leave`."""

    def __init__(self) -> None:
        self.in_flight = 0
        """Requests that run, whether or not there is a cap."""
        self.refused = 0
        """How many were sent away: the line was full, or they had waited too long."""
        self.waited = 0.0
        """Seconds that requests have waited in line, all together."""
        self._limits: Overload | None = None
        self._line: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._closed: Callable[[], Problem] | None = None

    @property
    def waiting(self) -> int:
        """How many wait in line."""
        return len(self._line)

    @property
    def closed(self) -> bool:
        """Whether the server stops."""
        return self._closed is not None

    def fit(self, limits: Overload | None) -> None:
        """Go by `limits` from now on; None: no cap. Who waits already goes on waiting as long as was said then."""
        self._limits = limits
        self._let_in()

    def enter(self) -> bool:
        """Take a place if there is one. False: `wait` for it."""
        if self._limits is not None and (self._line or self.in_flight >= self._limits.concurrency):
            return False
        self.in_flight += 1
        return True

    async def wait(self) -> None:
        """Wait in line for a place, and take it. Raises `Problem` when the line is full or the wait too long."""
        limits = self._limits
        if self._closed is not None:
            raise self._closed()
        if limits is None:
            self.in_flight += 1
            return
        if len(self._line) >= limits.queue:
            self.refused += 1
            raise overloaded(limits)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        turn: asyncio.Future[None] = loop.create_future()
        self._line[turn] = None
        timer = loop.call_later(limits.queue_timeout, self._late, turn, limits)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave()  # its turn came as it was told to go
            raise
        finally:
            timer.cancel()
            self._line.pop(turn, None)
            self.waited += loop.time() - begun

    def leave(self) -> None:
        """Give a place back: the next in line takes it."""
        self.in_flight -= 1
        if self._line:
            self._let_in()

    def close(self, problem: Callable[[], Problem]) -> None:
        """Send everybody in line away, and whoever would join it, with what `problem` makes: the server stops."""
        self._closed = problem
        while self._line:
            turn, _ = self._line.popitem(last=False)
            if not turn.done():
                turn.set_exception(problem())

    def _let_in(self) -> None:
        limits = self._limits
        while self._line and (limits is None or self.in_flight < limits.concurrency):
            turn, _ = self._line.popitem(last=False)
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    def _late(self, turn: asyncio.Future[None], limits: Overload) -> None:
        if not turn.done():
            self._line.pop(turn, None)
            self.refused += 1
            turn.set_exception(overloaded(limits, waited=True))


def overloaded(limits: Overload, *, waited: bool = False) -> Problem:
    """Return the refusal. Whoever waits now has been let in or sent away after `queue_timeout`: then there is room."""
    again = min(max(math.ceil(limits.queue_timeout), 1), LONGEST)
    what = f"no place came free within {limits.queue_timeout:g} s" if waited else f"{limits.queue} more wait"
    message = f"Turnout is overloaded: {limits.concurrency} requests run and {what}; try again in {again} s"
    return Problem(529, "overloaded", message, headers=((b"retry-after", b"%d" % again),))
