"""One HTTP/1.1 connection: writes a request, takes in its answer, closes when either goes wrong. The pool is h1.py.

The hot path of the whole product: no task and no `wait_for` per request or piece.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, cast

from engine.transport.incoming import Incoming
from engine.transport.waiting import TICK, Waiting, late

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from engine.transport.base import Waits

HIGH_WATER = 64 * 1024
"""Bytes of unread answer above which the upstream has to wait."""

JOINED = 64 * 1024
"""Request bodies up to this size leave in one write with their head."""


class Connection(Waiting):
    """A connection that carries one request at a time. What arrives is in `answer`.

    `ended` is called when it has closed, `spare` when it has come out of a request fit for another.
    """

    __slots__ = (
        "_busy",
        "_congested",
        "_drained",
        "_ended",
        "_paused",
        "_pump",
        "_spare",
        "_transport",
        "_unread",
        "_unsent",
        "_waiter",
        "_waits",
        "_where",
        "answer",
        "closed",
    )

    _transport: asyncio.Transport
    _waits: Waits

    def __init__(
        self,
        where: str,
        loop: asyncio.AbstractEventLoop,
        ended: Callable[[Connection], None],
        spare: Callable[[Connection], None],
    ) -> None:
        super().__init__(loop)
        self.answer = Incoming(where)
        self.closed = False
        self._where = where
        self._ended = ended
        self._spare = spare
        self._busy = False
        self._paused = False
        self._congested = False
        self._drained: asyncio.Future[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._unread = 0
        self._unsent = 0

    # a request, from its first byte to the last of its answer

    async def exchange(
        self,
        method: str,
        head: bytes,
        body: bytes | AsyncIterator[bytes],
        waits: Waits,
        until: float,
        *,
        chunked: bool = True,
    ) -> None:
        """Send a request; return once the head of its answer is there. Raises `TransportError`, closed by then.

        A `body` that is an iterator is sent as it comes, `chunked` or not; what it raises is raised here, or by the
        next read.
        """
        answer = self.answer
        answer.begin(method)
        self._waits = waits
        self._until = until
        self._unread = 0
        self._busy = True
        if isinstance(body, bytes):
            if len(body) <= JOINED:
                self._transport.write(head + body)
            else:
                self._transport.write(head)
                self._transport.write(body)
            self._sent()
        else:
            self._transport.write(head)
            self._expect("total", math.inf)
            self._pump = self._loop.create_task(self._send(body, chunked))
        while not answer.status:
            if answer.error is not None:
                raise answer.error
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            except BaseException:
                self.abort()
                raise
        if answer.status >= 400:
            self._stop_sending()

    def more(self) -> asyncio.Future[None]:
        """Return what resolves when something has arrived, ended or failed; for use when the body is empty."""
        self._expect("idle", self._waits.idle)
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def take(self) -> bytes:
        """Return all of the body that has arrived, and let more come."""
        body = self.answer.body
        piece = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        self._unread = 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return piece

    def finish(self) -> None:
        """Keep the connection for another request if this one is over in both directions, else close it at once."""
        if not self._busy:
            return
        answer = self.answer
        if answer.keep and answer.done and self._pump is None and not self._transport.get_write_buffer_size():
            self._busy = False
            answer.body.clear()
            self._spare(self)
        else:
            self.abort()

    def rest(self, seconds: float) -> None:
        """Close when nothing has been asked of it for so long."""
        self._until = math.inf
        self._expect("total", seconds)

    def fail(self, error: Exception) -> None:
        """Close the socket now, and tell `error` to whoever waits for the answer or reads it next."""
        self.answer.error = error
        self._wake()
        self._close()

    def abort(self) -> None:
        """Close the socket now; what is buffered in either direction is dropped."""
        self._busy = False
        self._close()

    def _close(self) -> None:
        self._stop_sending()
        if not self.closed:
            self._transport.abort()

    @property
    def usable(self) -> bool:
        return not self.closed and not self._transport.is_closing()

    # writing

    def _sent(self) -> None:
        if self._congested:
            self._unsent = self._transport.get_write_buffer_size()
            self._expect("send", self._waits.idle)
        else:
            self._expect("first_byte", self._waits.first_byte)

    async def _send(self, body: AsyncIterator[bytes], chunked: bool) -> None:
        answer = self.answer
        try:
            async for piece in body:
                if piece:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                if self._congested:
                    if not answer.status:
                        self._sent()
                    self._drained = self._loop.create_future()
                    await self._drained
                    if not answer.status:
                        self._expect("total", math.inf)  # waiting for the client is no fault of the upstream
            if chunked:
                self._transport.write(b"0\r\n\r\n")
        except Exception as error:
            self._pump = None
            self.fail(error)  # whatever the client's side raised goes to who reads the answer
        else:
            self._pump = None
            if not answer.status:
                self._sent()

    def _stop_sending(self) -> None:
        """Send no more of the body; a connection with half a request on it is not used again."""
        if self._pump is not None:
            self._pump.cancel()

    def pause_writing(self) -> None:
        self._congested = True

    def resume_writing(self) -> None:
        self._congested = False
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None
        elif self._stage == "send" and not self.answer.status:
            self._expect("first_byte", self._waits.first_byte)

    # reading

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        answer = self.answer
        if not self._busy:
            self.abort()  # bytes that nobody asked for: whose answer would they be?
            return
        if answer.done:
            answer.keep = False
            return
        answer.feed(data)
        if answer.error is not None:
            self.fail(answer.error)
            return
        if not answer.status:
            if answer.heading:
                self._expect("idle", self._waits.idle)
            return
        self._unread += len(data)
        if self._unread > HIGH_WATER and not self._paused and not answer.done:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.answer.closed(None)
        self._wake()
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._forget()
        self.answer.closed(exc)
        self._wake()
        self._stop_sending()
        self.answer.end()
        self._ended(self)

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def expired(self, now: float) -> None:
        if not self._busy:
            self.abort()
        elif now >= self._until - TICK:
            if not self.answer.done:
                self.fail(late(self._where, "total", self._waits))
        elif self._stage == "send" and (left := self._transport.get_write_buffer_size()) < self._unsent:
            self._unsent = left
            self._expect("send", self._waits.idle)
        elif self._waiter is None:
            # Nobody is waiting for the upstream: the client is the slow one. Only `total` goes on counting.
            self._expect("total", math.inf)
        else:
            self.fail(late(self._where, self._stage, self._waits))
