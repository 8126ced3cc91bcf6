"""One HTTP/1.1 connection: writes a request, parses its answer, keeps its deadlines. The pool is h1.py.

The hot path of the whole product: no task and no `wait_for` per request or piece. One timer per connection is armed
lazily: deadlines are numbers that move, and the timer, when it rings early, is set again. Body pieces go from the
parser straight into a list; the reader takes all that have arrived as one.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from typing import TYPE_CHECKING, Any, Literal, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from engine.transport.base import TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from engine.chat import Headers
    from engine.transport.base import Waits

Stage = Literal["send", "first_byte", "idle", "total"]

HEAD_LIMIT = 64 * 1024
HIGH_WATER = 64 * 1024
JOINED = 64 * 1024
"""Request bodies up to this size leave in one write with their head."""
TICK = 0.001
"""uvloop's clock counts milliseconds: a timer may ring that much early."""


class _Stop(Exception):  # noqa: N818 - ends the parser, is no error
    """Raised in a parser callback to make it read no further."""


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time.

    `ended` is called when it has closed, `spare` when it has come out of a request fit for another.
    """

    __slots__ = (
        "_alarm_at",
        "_busy",
        "_congested",
        "_deadline",
        "_drained",
        "_ended",
        "_fields",
        "_head_only",
        "_heading",
        "_keep",
        "_loop",
        "_parser",
        "_paused",
        "_pump",
        "_seen",
        "_spare",
        "_stage",
        "_timer",
        "_transport",
        "_unread",
        "_unsent",
        "_until",
        "_waiter",
        "_waits",
        "body",
        "closed",
        "done",
        "error",
        "framed",
        "headers",
        "on_body",
        "status",
        "where",
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
        self.where = where
        self.closed = False
        self._loop = loop
        self._ended = ended
        self._spare = spare
        self._busy = False
        self._paused = False
        self._congested = False
        self._drained: asyncio.Future[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._deadline = math.inf
        self._fields: Headers = []
        self.body: list[bytes] = []
        self.on_body = self.body.append  # no frame of ours per piece: a burst brings hundreds in one read
        self._parser: Any = HttpResponseParser(self)
        self._begin("", math.inf)

    def _begin(self, method: str, until: float) -> None:
        self.status = 0
        self.headers: Headers = []
        self.framed = True
        self.done = False
        self.error: Exception | None = None
        self._until = until
        self._head_only = method == "HEAD"
        self._heading = False
        self._keep = False
        self._seen = 0
        self._unread = 0
        self._unsent = 0
        self._stage: Stage = "total"

    # a request, from its first byte to the last of its answer

    async def exchange(
        self, method: str, head: bytes, body: bytes | AsyncIterator[bytes], waits: Waits, until: float
    ) -> None:
        """Send a request; return once `status` and `headers` are there. Raises `TransportError`, closed by then.

        A `body` that is an iterator is sent in chunks; what it raises is raised here, or by the next read.
        """
        self._begin(method, until)
        self._waits = waits
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
            self._pump = self._loop.create_task(self._send(body))
        while not self.status and self.error is None:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            except BaseException:
                self.abort()
                raise
        if self.error is not None and not self.status:
            raise self.error  # with a head there, what broke comes after what has arrived of the body

    def more(self) -> asyncio.Future[None]:
        """Return what resolves when something has arrived, ended or failed; for use when `body` is empty."""
        self._expect("idle", self._waits.idle)
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def take(self) -> bytes:
        """Return all of the body that has arrived, and let more come."""
        body = self.body
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
        if self._keep and self.done and self._pump is None and not self._transport.get_write_buffer_size():
            self._busy = False
            self.body.clear()
            self._spare(self)
        else:
            self.abort()

    def rest(self, seconds: float) -> None:
        """Close when nothing has been asked of it for so long."""
        self._until = math.inf
        self._expect("total", seconds)

    def abort(self) -> None:
        """Close the socket now; what is buffered in either direction is dropped."""
        self._busy = False
        self._stop_sending()
        if not self.closed:
            self._transport.abort()

    @property
    def usable(self) -> bool:
        return not self.closed and not self._transport.is_closing()

    @property
    def unanswered(self) -> bool:
        """No byte has come back since the last request."""
        return not self._seen

    # writing

    def _sent(self) -> None:
        if self._congested:
            self._unsent = self._transport.get_write_buffer_size()
            self._expect("send", self._waits.idle)
        else:
            self._expect("first_byte", self._waits.first_byte)

    async def _send(self, body: AsyncIterator[bytes]) -> None:
        try:
            async for piece in body:
                if piece:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                if self._congested:
                    if not self.status:
                        self._sent()
                    self._drained = self._loop.create_future()
                    await self._drained
                    if not self.status:
                        self._expect("total", math.inf)  # waiting for the client is no fault of the upstream
            self._transport.write(b"0\r\n\r\n")
        except Exception as error:
            self._pump = None
            self.fail(error)  # whatever the client's side raised goes to who reads the answer
        else:
            self._pump = None
            if not self.status:
                self._sent()

    def _stop_sending(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            self._keep = False

    def pause_writing(self) -> None:
        self._congested = True

    def resume_writing(self) -> None:
        self._congested = False
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None
        elif self._stage == "send" and not self.status:
            self._expect("first_byte", self._waits.first_byte)

    # reading

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._busy or self.done:
            self._keep = False  # bytes that nobody asked for: whose answer would they be?
            if not self._busy:
                self.abort()
            return
        self._seen += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._keep = False
            if not self.done:
                self.fail(self.error or self._malformed(str(error)))
                return
        if not self.status:
            if self._seen > HEAD_LIMIT:
                self.fail(self._malformed("its head is larger than 64 KiB"))
            elif self._heading:
                self._expect("idle", self._waits.idle)
            return
        self._unread += len(data)
        if self._unread > HIGH_WATER and not self._paused and not self.done:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._over(None)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._over(exc)
        self._stop_sending()
        self._parser = None
        self._ended(self)

    def on_message_begin(self) -> None:
        if self.done:
            raise _Stop
        self._heading = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        fields, self._fields = self._fields, []
        if status < 200:
            if status == 101:
                self.error = self._malformed("it switched protocols unasked")
                raise _Stop
            return
        if self._seen > HEAD_LIMIT and sum(len(name) + len(value) + 4 for name, value in fields) > HEAD_LIMIT:
            self.error = self._malformed("its head is larger than 64 KiB")
            raise _Stop
        named = dict(fields)
        coding = named.get(b"transfer-encoding")
        if coding is not None:
            if coding.strip().lower() != b"chunked":
                self.error = self._malformed("it uses a transfer coding other than chunked")
                raise _Stop
            fields = [field for field in fields if field[0] != b"transfer-encoding"]
        elif b"content-length" not in named and status not in (204, 304) and not self._head_only:
            self.framed = False
        self.headers = fields
        self.status = status
        if status >= 400:
            self._stop_sending()
        if self._head_only:
            self.done = True
            raise _Stop  # content-length, if any, is that of the body a GET would bring

    def on_message_complete(self) -> None:
        if not self.status:
            self._heading = False  # 1xx: the answer is still to come
            if self.body:
                self.error = self._malformed("it gave an interim answer a body")
                raise _Stop
            return
        self.done = True
        # A trailer is dropped, and the connection with it: the parser would carry a trailer on into the next head.
        self._keep = not self._fields and bool(self._parser.should_keep_alive())

    # endings

    def _over(self, exc: Exception | None) -> None:
        """The upstream has closed."""
        self._keep = False
        if not self._busy or self.done or self.error is not None:
            return
        if self.status and not self.framed and exc is None:
            self.done = True
        else:
            how = "reset the connection" if isinstance(exc, ConnectionError) else "closed the connection"
            when = "in the middle of its answer" if self._seen else "without an answer"
            reason: Literal["tls", "disconnect"] = "tls" if isinstance(exc, ssl.SSLError) else "disconnect"
            self.error = TransportError(reason, f"{self.where}: {how} {when}")
        self._wake()

    def fail(self, error: Exception) -> None:
        """Close the socket now, and tell `error` to whoever waits for the answer or reads it next."""
        self.error = error
        self._wake()
        self._stop_sending()
        if not self.closed:
            self._transport.abort()

    def _malformed(self, what: str) -> TransportError:
        return TransportError("disconnect", f"{self.where}: its answer is malformed: {what}")

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    # deadlines

    def _expect(self, stage: Stage, seconds: float) -> None:
        """From now on the upstream has `seconds` for `stage`, and never longer than `total`."""
        self._stage = stage
        deadline = self._loop.time() + seconds
        if deadline > self._until:  # noqa: PLR1730 - a call of min() is half of this method
            deadline = self._until
        self._deadline = deadline
        if deadline < self._alarm_at:
            self._arm(deadline)

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._alarm_at = at
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._alarm_at = math.inf
        now = self._loop.time()
        if now < self._deadline - TICK:
            self._arm(self._deadline)
        elif not self._busy:
            self.abort()
        elif now >= self._until - TICK:
            if not self.done:
                self.fail(self._late("total"))
        elif self._stage == "send" and (left := self._transport.get_write_buffer_size()) < self._unsent:
            self._unsent = left
            self._expect("send", self._waits.idle)
        elif self._waiter is None:
            # Nobody is waiting for the upstream: the client is the slow one. Only `total` goes on counting.
            self._expect("total", math.inf)
        else:
            self.fail(self._late(self._stage))

    def _late(self, stage: Stage) -> TransportError:
        waits = self._waits
        said = {
            "send": f"took no more of the request for {waits.idle:g} s (timeouts.idle)",
            "first_byte": f"no answer within {waits.first_byte:g} s of the request (timeouts.first_byte)",
            "idle": f"fell silent for {waits.idle:g} s in the middle of its answer (timeouts.idle)",
            "total": f"not done within {waits.total:g} s (timeouts.total)",
        }
        return TransportError("timeout", f"{self.where}: {said[stage]}")
