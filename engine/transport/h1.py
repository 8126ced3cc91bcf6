"""HTTP/1.1 to one origin: a pool of connections that are kept, handed on and capped. The wire is connection.py.

The last connection given back is the first used again, so that a pool shrinks to what the traffic needs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from engine.transport.base import LIMIT, TransportError
from engine.transport.connection import Connection
from engine.transport.dial import authority, dial, trust
from engine.transport.waiting import late

if TYPE_CHECKING:
    from ssl import SSLContext

    from engine.chat import Headers
    from engine.transport.base import Request, Waits

IDLE = 60.0
"""Seconds an unused connection is kept; shorter than what servers commonly keep (nginx 75, Node 5 with a race)."""

DEFAULT_PORTS = {"http": 80, "https": 443}


class Reply:
    """The answer of an H1 transport: its head, and its body as it arrives."""

    __slots__ = ("_closed", "_connection", "framed", "headers", "status")

    def __init__(self, connection: Connection) -> None:
        answer = connection.answer
        self.status = answer.status
        self.headers: Headers = answer.headers
        self.framed = answer.framed
        self._connection: Connection | None = connection
        self._closed = False

    async def chunk(self) -> bytes:
        """Return all that has arrived, or the next piece, b"" at the end. Raises `TransportError`."""
        connection = self._connection
        if connection is None:
            if self._closed:
                raise TransportError("disconnect", "the answer was closed before its end")
            return b""
        answer = connection.answer
        while not answer.body:
            if answer.done:
                self._detach()
                return b""
            if answer.error is not None:
                error, answer.error = answer.error, None  # its traceback is about to hold us, and `answer` with it
                self.close()
                try:
                    raise error
                finally:
                    del error
            try:
                await connection.more()
            except BaseException:
                self.close()
                raise
        piece = connection.take()
        if answer.done:
            self._detach()
        return piece

    def close(self) -> None:
        """Keep the connection if the answer is complete, else close its socket at once."""
        connection = self._connection
        if connection is not None:
            self._closed = not connection.answer.done or bool(connection.answer.body)
            self._detach()

    def _detach(self) -> None:
        assert self._connection is not None
        self._connection.finish()
        self._connection = None


REPLAY = 0.5
"""Seconds within which a kept connection that dies was closed as we wrote; later, the upstream had begun to work."""


class H1:
    """A `Transport`: at most `limit` HTTP/1.1 connections to scheme://host:port. For use on one event loop."""

    def __init__(self, scheme: str, host: str, port: int, *, limit: int = LIMIT, ssl: SSLContext | None = None) -> None:
        self._host = host
        self._port = port
        self._where = authority(host, port)
        self._context = (ssl or trust()) if scheme == "https" else None
        self._limit = limit
        self._all: set[Connection] = set()
        self._idle: list[Connection] = []
        self._dialling = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        """Requests beyond the cap. Each is handed a connection, or None: the right to dial one."""
        self._closed = False
        shown = self._where if port != DEFAULT_PORTS.get(scheme) else self._where.rpartition(":")[0]
        self._version_and_host = b" HTTP/1.1\r\nhost: %b\r\n" % shown.encode("ascii")

    async def send(self, request: Request, waits: Waits) -> Reply:
        """Send `request`, return when the head of its answer is there. Raises `TransportError`.

        A request on a kept connection that dies before one byte of answer is sent once more, on a fresh one: the
        upstream closed it as we wrote. Raises `ValueError` for a request that cannot be written down safely.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + waits.total
        body = request.body
        head = self._head(request)
        replayable = isinstance(body, bytes)
        connection = self._kept() if replayable else None
        if connection is not None:
            begun = loop.time()
            try:
                await connection.exchange(request.method, head, body, waits, until)
                return Reply(connection)
            except TransportError as error:
                late = loop.time() - begun > REPLAY
                if late or error.reason != "disconnect" or not connection.answer.unanswered:
                    raise
            self._drop_idle()  # they are older than the one that was dead
        connection = await self._fresh(waits, until)
        await connection.exchange(request.method, head, body, waits, until, chunked=request.length is None)
        return Reply(connection)

    async def close(self) -> None:
        """Close every connection, idle or not."""
        self._closed = True
        while self._waiting:
            self._grant(None)
        for connection in list(self._all):
            connection.fail(self._gone())
        await asyncio.sleep(0)

    def _gone(self) -> TransportError:
        return TransportError("disconnect", f"{self._where}: this upstream has been closed")

    def _head(self, request: Request) -> bytes:
        body = request.body
        lines = [b"%b: %b\r\n" % field for field in request.headers]
        if request.length is not None and not isinstance(body, bytes):
            lines.append(b"content-length: %d\r\n" % request.length)
        elif not isinstance(body, bytes):
            lines.append(b"transfer-encoding: chunked\r\n")
        elif body or request.method in ("POST", "PUT", "PATCH"):
            lines.append(b"content-length: %d\r\n" % len(body))
        fields = b"".join(lines)
        head = b"%b %b%b%b\r\n" % (request.method.encode(), request.target, self._version_and_host, fields)
        ends = len(lines) + 3
        if head.count(b"\r") != ends or head.count(b"\n") != ends or b"\0" in head or b" " in request.target:
            raise ValueError("a line break, NUL or space where HTTP allows none, in the target or a header field")
        return head

    # the pool

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _fresh(self, waits: Waits, until: float) -> Connection:
        """Dial a connection; beyond the cap wait for one to come free. All within `waits.connect`."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + waits.connect
        try:
            async with asyncio.timeout_at(min(limit, until)):
                while len(self._all) + self._dialling >= self._limit and not self._make_room():
                    connection = await self._turn()
                    if connection is None:
                        break
                    if connection.usable:
                        return connection
                else:
                    self._dialling += 1
                return await self._dial(loop)
        except TimeoutError:
            if until < limit:
                raise late(self._where, "total", waits) from None
            busy = f", all {self._limit} are busy" if len(self._all) >= self._limit else ""
            raise late(self._where, "connect", waits, busy) from None

    async def _dial(self, loop: asyncio.AbstractEventLoop) -> Connection:
        """Dial; the slot has been counted in `_dialling`."""
        if self._closed:
            self._dialling -= 1
            raise self._gone()
        try:
            connection = await dial(
                lambda: Connection(self._where, loop, self._ended, self._spare), self._host, self._port, self._context
            )
        except BaseException:
            self._dialling -= 1
            self._pass_on_slot()
            raise
        self._dialling -= 1
        if self._closed:
            connection.abort()
            raise self._gone()
        if connection.closed:
            self._pass_on_slot()
            raise TransportError("disconnect", f"{self._where}: closed the connection without an answer")
        self._all.add(connection)
        return connection

    async def _turn(self) -> Connection | None:
        """Wait in line. None: a slot, counted in `_dialling`."""
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                connection = turn.result()
                if connection is not None:
                    self._spare(connection)
                else:
                    self._dialling -= 1
                    self._pass_on_slot()
            raise

    def _grant(self, connection: Connection | None) -> bool:
        """Hand a connection, or a slot, to the first in line. False when nobody waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                if connection is None:
                    self._dialling += 1
                turn.set_result(connection)
                return True
        return False

    def _pass_on_slot(self) -> None:
        if len(self._all) + self._dialling < self._limit:
            self._grant(None)

    def _spare(self, connection: Connection) -> None:
        """A connection has come out of a request, fit for another."""
        if self._closed or not connection.usable:
            connection.abort()
        elif not self._grant(connection):
            self._idle.append(connection)
            connection.rest(IDLE)

    def _ended(self, connection: Connection) -> None:
        """A connection has closed."""
        if connection in self._all:
            self._all.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._pass_on_slot()

    def _make_room(self) -> bool:
        """At the cap, close the kept connection that has waited longest."""
        if not self._idle:
            return False
        connection = self._idle.pop(0)
        self._all.discard(connection)
        connection.abort()
        return True

    def _drop_idle(self) -> None:
        for connection in self._idle:
            self._all.discard(connection)
            connection.abort()
        self._idle.clear()
