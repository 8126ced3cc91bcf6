"""One WebSocket on an asyncio transport, after its handshake: messages in and out, with backpressure both ways.

The frames are the `websockets` library's (its Sans-I/O layer); sockets, clocks and buffers are here. The same for the
client's side of Turnout and for the upstream's. Compression is never agreed on: it costs memory for each connection,
and a frame of a few bytes could become any number of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from websockets.exceptions import InvalidState
from websockets.frames import Opcode

from engine.transport.stall import Stall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from websockets.frames import Frame
    from websockets.protocol import Event, Protocol

HIGH_WATER = 64 * 1024
"""Bytes of messages that nobody has taken yet, above which the peer has to wait."""
MOST_WAITING = 64
"""Likewise, messages."""
AT_ONCE = 16 * 1024
"""Bytes that are parsed before anybody else has a turn: that many may be thousands of frames."""
MOST_UNSENT = 1024 * 1024
"""Bytes that wait for the peer, above which nothing more is read of it: each of its pings would add to them."""
PING_EVERY = 20.0
"""Seconds without a word of the peer after which it is asked whether it is there; NATs forget silent connections."""
SILENT = 60.0
"""Seconds without a word, pings included, after which it is gone."""
PARTING = 5.0
"""Seconds that the peer has for its part in closing."""
REASON_BYTES = 123
"""The longest reason of a close frame (RFC 6455, 5.5)."""
GONE = 1006
"""The code of a connection that ended without a close frame; never sent (RFC 6455, 7.4.1)."""
UNSENDABLE = frozenset({1005, 1006, 1015})

QUIET = logging.getLogger("engine.transport.wire")
QUIET.setLevel(logging.ERROR)  # the library says of each connection that it has closed


class Message(NamedTuple):
    """What one text or binary message says. A text is valid UTF-8."""

    data: bytes
    text: bool


class Closed(Exception):  # noqa: N818 - it says that, and is no error
    """The connection is over, with this code and reason (RFC 6455, 7.4)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class Wire(asyncio.Protocol):
    """One end of a WebSocket. `frames` is open already; `begin` gives it the transport."""

    def __init__(self, frames: Protocol, loop: asyncio.AbstractEventLoop, patience: Callable[[], float]) -> None:
        """`patience` says for how many seconds the peer may take nothing of what it is sent."""
        self.closed: Closed | None = None
        """Set once nothing more can be sent or will come."""
        self.complained = False
        """It was closed because of what the peer sent."""
        self.gone: Callable[[], None] | None = None
        """Called then."""
        self.stalled = 0.0
        """For how many seconds the peer took nothing, where that was the end."""
        self._frames = frames
        self._loop = loop
        self._patience = patience
        self._transport: asyncio.Transport | None = None
        self._stall: Stall | None = None
        self._inbox: deque[Message] = deque()
        self._size = 0
        self._paused = False
        self._rest = bytearray()
        """What has come and is not parsed yet."""
        self._turn: asyncio.Handle | None = None
        self._parts = bytearray()
        """What has come of a message in several frames."""
        self._text = False
        self._reader: asyncio.Future[None] | None = None
        self._full = False
        self._drained: list[asyncio.Future[None]] = []
        self._heard = loop.time()
        self._beat: asyncio.TimerHandle | None = None
        self._parting: asyncio.TimerHandle | None = None

    # the wire

    def begin(self, transport: asyncio.Transport, data: bytes = b"") -> None:
        """Speak on `transport`; `data` has come already."""
        self._transport = transport
        self._stall = Stall(transport, self._loop, self._patience, self._stalled)
        self._heard = self._loop.time()
        self._beat = self._loop.call_later(PING_EVERY, self._ask)
        if data:
            self.data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Whoever made the connection calls `begin`."""

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        if self.closed is not None and self._frames.eof_sent:
            return  # it is dropped: we have said why
        if len(data) <= AT_ONCE and not self._rest:
            self._read(data)
        else:
            self._rest += data
            self._pause()
            self._go_on()

    def _next(self) -> None:
        """Read a piece of what has come. Others have a turn before the next."""
        self._turn = None
        piece = bytes(self._rest[:AT_ONCE])
        del self._rest[:AT_ONCE]
        self._read(piece)
        self._go_on()

    def _read(self, data: bytes) -> None:
        if self.closed is not None and self._frames.eof_sent:
            return  # it is dropped: we have said why
        self._frames.receive_data(data)
        self._hear(self._frames.events_received())
        if self._unsent() > MOST_UNSENT:
            self._pause()

    def _hear(self, events: Iterable[Event]) -> None:
        for frame in events:
            self._take(frame)  # type: ignore[arg-type]  # after the handshake there are only frames
        self._flush()
        close = self._frames.close_rcvd
        if close is not None:
            self._over(close.code, close.reason)
        elif self._frames.parser_exc is not None:
            said = self._frames.close_sent
            self.complained = True
            self._over(said.code if said else GONE, said.reason if said else "")

    def eof_received(self) -> bool | None:
        self._over(GONE, "the connection ended without a close frame")
        return None  # and so the transport closes

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as in asyncio
        self._over(GONE, "the connection was lost")
        for timer in (self._beat, self._parting, self._turn):
            if timer is not None:
                timer.cancel()
        if self._stall is not None:
            self._stall.forget()
        self._let_write()
        self._rest.clear()
        self._frames.parser.close()  # a generator that knows whose it is
        self._frames.parser_exc = None  # its traceback does too
        self.gone = None

    def pause_writing(self) -> None:
        self._full = True
        if self._stall is not None:
            self._stall.begin()

    def resume_writing(self) -> None:
        self._full = False
        if self._stall is not None and self._transport is not None and not self._transport.is_closing():
            self._stall.end()
        self._let_write()
        self._go_on()

    # messages

    @property
    def half(self) -> bool:
        """Whether the peer has begun a message, or a frame, that is not whole."""
        return bool(self._parts or self._frames.reader.buffer or self._rest)

    async def receive(self) -> Message:
        """Return the next message. Raises `Closed` once there are no more."""
        while not self._inbox:
            if self.closed is not None:
                raise Closed(self.closed.code, self.closed.reason)
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        message = self._inbox.popleft()
        self._size -= len(message.data)
        self._go_on()
        return message

    async def send(self, data: bytes, *, text: bool = True) -> None:
        """Send one message; wait while the peer takes less than it is sent. Raises `Closed`."""
        if self.closed is not None:
            raise Closed(self.closed.code, self.closed.reason)
        try:
            if text:
                self._frames.send_text(data)
            else:
                self._frames.send_binary(data)
        except InvalidState:
            raise Closed(GONE, "the connection is closing") from None
        self._flush()
        if self._full:
            drained: asyncio.Future[None] = self._loop.create_future()
            self._drained.append(drained)
            await drained

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye; the peer has a moment to say it too. Safe to call twice."""
        if self.closed is not None:
            return
        self._over(code, reason)
        try:
            if code in UNSENDABLE:
                self._frames.send_close()
            else:
                self._frames.send_close(code, fitted(reason))
        except InvalidState:
            pass
        self._flush()
        self._part()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._text = frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            return
        if self.closed is not None:
            return
        if not frame.fin or self._parts:
            self._parts += frame.data
            if not frame.fin:
                return
        data = bytes(self._parts or frame.data)
        self._parts = bytearray()
        if self._text and not is_utf8(data):
            self._frames.fail(1007, "a text message that is not UTF-8")
            self.complained = True
            self._over(1007, "a text message that is not UTF-8")
            return
        self._inbox.append(Message(data, self._text))
        self._size += len(data)
        if self._size > HIGH_WATER or len(self._inbox) >= MOST_WAITING:
            self._pause()
        self._wake()

    def _pause(self) -> None:
        """Read nothing more for now."""
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _go_on(self) -> None:
        """Read on, once what has come is taken, and what it was answered as well."""
        if self.closed is None and (self._inbox or self._unsent() > MOST_UNSENT):
            return
        if not self._rest:
            self._read_on()
        elif self._turn is None:
            self._turn = self._loop.call_soon(self._next)

    def _read_on(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._heard = self._loop.time()
            self._transport.resume_reading()

    def _unsent(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def _flush(self) -> None:
        transport = self._transport
        if transport is None:
            return
        for data in self._frames.data_to_send():
            if transport.is_closing():
                return
            if data:
                transport.write(data)
            else:
                self._leave()

    def _leave(self) -> None:
        """Nothing more will be sent. What the peer has yet to write is dropped for a moment: closed at once, the
        connection would be reset, and the peer never read why."""
        assert self._transport is not None
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self._part()
        else:
            self._transport.close()

    def _part(self) -> None:
        self._go_on()
        if self._parting is None:
            self._parting = self._loop.call_later(PARTING, self.abort)

    def _over(self, code: int, reason: str) -> None:
        if self.closed is not None:
            return
        self.closed = Closed(code, reason)
        self._wake()
        if self.gone is not None:
            self.gone()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _let_write(self) -> None:
        drained, self._drained = self._drained, []
        for one in drained:
            if not one.done():
                one.set_result(None)

    def _stalled(self, seconds: float) -> None:
        self.stalled = seconds
        self._over(GONE, "it took nothing of what it was sent")

    def _ask(self) -> None:
        """See whether the peer is still there. While its messages wait for us, its silence is ours."""
        now = self._loop.time()
        silent = 0.0 if self._paused else now - self._heard
        self._beat = self._loop.call_later(PING_EVERY, self._ask)
        if silent >= SILENT:
            self._over(GONE, "it did not answer a ping")
            self.abort()
        elif silent >= PING_EVERY * 0.9 and self.closed is None:
            self._frames.send_ping(b"")
            self._flush()


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def fitted(reason: str) -> str:
    """Return `reason` as long as a close frame may hold it."""
    return reason.encode()[:REASON_BYTES].decode("utf-8", "ignore")
