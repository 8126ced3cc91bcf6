"""One message of `claude` as the answer to one request: events as they come, or the message they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Failed, Failure
from engine.dialects.sse import frame
from engine.upstreams.drivers.claude_code.asked import START, digest
from engine.upstreams.drivers.claude_code.fold import Fold

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Headers, Loss
    from engine.upstreams.drivers.claude_code.asked import Asked
    from engine.upstreams.drivers.claude_code.process import Process

EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")
JSON = (b"content-type", b"application/json")


class Turn:
    """Implements `Answer` (upstreams/base.py). `left(whole)` is called once, when it is over for whatever reason."""

    status = 200
    framed = True
    headers: Headers

    def __init__(
        self, asked: Asked, process: Process, losses: tuple[Loss, ...], patience: float, left: Callable[[Turn], None]
    ) -> None:
        self.asked = asked
        self.process = process
        self.losses = losses
        self.headers = []
        self.fold = Fold(process.names)
        self.position = b""
        self._patience = patience
        self._left: Callable[[Turn], None] | None = left
        self._ready: list[bytes] = []
        self._body: bytes | None = None

    @property
    def whole(self) -> bool:
        """Whether the message has come to its end."""
        return self.fold.over

    async def begin(self, *, stream: bool) -> None:
        """Wait until the message begins; if it is not to be streamed, until it is whole. Raises `Failed`."""
        while not self.fold.begun:
            await self._next()
        if not stream:
            while not self.fold.over:
                await self._next()
            self._ready.clear()
            self._body = msgspec.json.encode(self.fold.message)

    async def chunk(self) -> bytes:
        """Return the next event, b"" after the last. Raises `Failed`."""
        if self._body is not None:
            body, self._body = self._body, b""
            return body
        if self._left is None and not self.fold.over:
            raise Failed(Failure(reason="disconnect", message="the answer was closed"))
        while not self._ready and not self.fold.over:
            await self._next()
        pieces, self._ready = self._ready, []
        return b"".join(pieces)

    async def read(self, limit: int) -> bytes:
        pieces, size = [], 0
        while piece := await self.chunk():
            size += len(piece)
            if size > limit:
                self.close()
                raise Failed(Failure(reason="disconnect", message=f"the answer is larger than {limit} bytes"))
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Let the process wait for the user, or, in the middle of a message, interrupt it."""
        if self._left is not None:
            left, self._left = self._left, None
            left(self)

    def give_up(self) -> None:
        """Another answer takes its place."""
        self._left = None

    async def _next(self) -> None:
        event = await self.process.event(self._patience)
        if event.get("type") == "message_start" and self.fold.begun:
            message = "`claude` began its message anew"
            raise Failed(Failure(reason="disconnect", message=message))
        event = self.fold.add(event)
        self._ready.append(frame(msgspec.json.encode(event), str(event.get("type")).encode()))
        if self.fold.over:
            asked = self.asked
            answer = {"role": "assistant", "content": self.fold.message["content"]}
            self.position = digest(START, [*asked.before, *asked.new, answer])
            self.process.pause(self.fold.calls, self.position)
            self.close()
