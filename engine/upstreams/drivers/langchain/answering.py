"""An answer as it is made: a task of its own runs the code, so that whoever leaves can have it ended at once."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING

from engine.chat import Failed, Failure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from engine.chat import Headers

AHEAD = 16
"""How many pieces the code may be ahead of the client."""


class Streaming:
    """Implements `Answer` (upstreams/base.py). The code is paused while the client takes nothing."""

    status = 200
    framed = True
    headers: Headers = [(b"content-type", b"text/event-stream; charset=utf-8")]  # noqa: RUF012 - as the protocol has it

    def __init__(
        self, pieces: AsyncGenerator[bytes, None], failed: Callable[[BaseException], Failure], idle: float, until: float
    ) -> None:
        """`idle` is in seconds, `until` a time of the loop's clock."""
        self._pieces: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._failed = failed
        self._failure: Failure | None = None
        self._over = False
        self._idle = idle
        self._until = until
        self.task = asyncio.get_running_loop().create_task(self._run(pieces))

    async def begun(self, patience: float) -> None:
        """Wait for the first piece. Raises `Failed` where there is none."""
        await self._wait(patience, "began no answer")
        if self._failure is not None and not self._pieces:
            raise Failed(self._failure)

    async def chunk(self) -> bytes:
        if not self._pieces:
            await self._wait(self._idle, "fell silent")
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._room.set()
            return data
        if self._failure is not None:
            raise Failed(self._failure)
        return b""

    async def read(self, limit: int) -> bytes:
        body = b""
        while piece := await self.chunk():
            body += piece
            if len(body) > limit:
                self.close()
                raise Failed(Failure(reason="disconnect", message=f"the answer is larger than {limit} bytes"))
        return body

    def close(self) -> None:
        self.task.cancel()

    async def _wait(self, patience: float, what: str) -> None:
        left = self._until - asyncio.get_running_loop().time()
        while not self._pieces and not self._over:
            self._news.clear()
            try:
                async with asyncio.timeout(max(0.0, min(patience, left))):  # wait_for may lose a cancellation (3.11)
                    await self._news.wait()
            except TimeoutError:
                self.close()
                message = f"the code of the upstream {what} within {patience:g} s"
                raise Failed(Failure(reason="timeout", message=message)) from None

    async def _run(self, pieces: AsyncGenerator[bytes, None]) -> None:
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    while len(self._pieces) >= AHEAD:
                        self._room.clear()
                        await self._room.wait()
                    self._pieces.append(piece)
                    self._news.set()
        except asyncio.CancelledError:
            self._failure = Failure(reason="disconnect", message="the answer was closed")
        except BaseException as error:  # the code of others: whatever it raises is a failure of this upstream
            self._failure = self._failed(error)
        finally:
            self._over = True
            self._news.set()


class Whole:
    """Implements `Answer`: all there at once."""

    status = 200
    framed = True
    headers: Headers = [(b"content-type", b"application/json")]  # noqa: RUF012 - as the protocol has it

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def chunk(self) -> bytes:
        body, self._body = self._body, b""
        return body

    async def read(self, limit: int) -> bytes:
        if len(self._body) > limit:
            raise Failed(Failure(reason="disconnect", message=f"the answer is larger than {limit} bytes"))
        return await self.chunk()

    def close(self) -> None:
        """Nothing is open."""
