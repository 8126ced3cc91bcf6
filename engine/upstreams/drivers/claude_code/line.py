"""Who may ask now, and who waits: a hard cap, and a line with an end and a deadline."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from engine.upstreams.drivers.claude_code.trouble import busy

if TYPE_CHECKING:
    from collections.abc import Awaitable


class Line:
    """`enter` before, `leave` after; both are counted."""

    def __init__(self, name: str, places: int, longest: int, patience: float) -> None:
        self.running = 0
        self._name = name
        self._places = places
        self._longest = longest
        self._patience = patience
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._aside = 0
        """How many wait for something else, and will want a place again."""

    @property
    def waiting(self) -> int:
        return len(self._waiters) + self._aside

    async def enter(self) -> None:
        """Take a place; wait for one if none is free. Raises `Failed` where that takes long."""
        if self.running >= self._places and self.waiting >= self._longest:
            raise busy(self._name, f"{self.running} requests run and {self.waiting} wait, which is all it takes")
        await self._enter()

    async def _enter(self) -> None:
        if self.running < self._places:
            self.running += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.shield(waiter)
        except BaseException as error:
            if waiter.done():
                self.leave()  # the place came too late
            else:
                self._waiters.remove(waiter)
                waiter.cancel()
            if isinstance(error, TimeoutError):
                raise busy(self._name, f"no place was free for {self._patience:g} s (queue_timeout)") from None
            raise

    async def aside(self, wait: Awaitable[None]) -> None:
        """Let others go ahead while `wait` is awaited, and take a place again: also where this raises, for whoever
        has a place gives it back. Raises `Failed`."""
        self.leave()
        self._aside += 1
        try:
            await wait
            await self._enter()
        except BaseException:
            self.running += 1
            raise
        finally:
            self._aside -= 1

    def leave(self) -> None:
        """Hand the place to who waits longest."""
        if self._waiters:
            self._waiters.popleft().set_result(None)
        else:
            self.running -= 1
