"""WebSocket to upstreams: dial, shake hands (RFC 6455, 4.1), and go on as a `Wire`.

The handshake and the frames are the Sans-I/O layer of `websockets`, not one of its clients, nor httpx2's: so both
sides of Turnout are one code (wire.py), no connection has a task of its own, and the sockets are ours: dial.py never
connects to an address that no upstream may have, and the waits are those of every other request. No redirect is
followed, and no compression offered.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from websockets.client import ClientProtocol
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from engine.transport.base import TransportError
from engine.transport.dial import authority, dial, trust
from engine.transport.tunnel import dial_through
from engine.transport.waiting import late
from engine.transport.wire import QUIET, Wire

if TYPE_CHECKING:
    import ssl as tls
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from engine.chat import Headers
    from engine.transport.base import Waits
    from engine.transport.waiting import Stage

MOST = 64 * 1024 * 1024
"""Bytes of one message of an upstream; a larger one closes the connection (1009)."""
DEFAULT_PORTS = {True: 443, False: 80}


class Rejected(Exception):  # noqa: N818 - it is an answer
    """The upstream answered the handshake with something else than 101. Header names are in lower case."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        super().__init__(f"answered {status} to the WebSocket handshake")
        self.status = status
        self.headers = headers
        self.body = body


class UpstreamWire(Wire):
    """A WebSocket to an upstream. `headers` and `subprotocol` are those of its 101."""

    def __init__(
        self, frames: ClientProtocol, where: str, loop: asyncio.AbstractEventLoop, patience: Callable[[], float]
    ) -> None:
        super().__init__(frames, loop, patience)
        self.headers: Headers = []
        self._handshake = frames
        self._where = where
        self._open = False
        """The handshake is over: what comes now are frames."""
        self._answer: asyncio.Future[Response] | None = None
        self._failed: TransportError | None = None

    @property
    def subprotocol(self) -> str | None:
        return self._handshake.subprotocol

    async def ask(self, head: bytes) -> None:
        """Send the handshake; return once it is answered by 101. Raises `TransportError`, `Rejected`."""
        assert self._transport is not None
        if self._failed is not None:
            raise self._failed
        self._transport.write(head)
        self._answer = self._loop.create_future()
        answer = await self._answer
        self.headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.raw_items()]
        if answer.status_code != 101:
            raise Rejected(answer.status_code, self.headers, bytes(answer.body))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream

    def data_received(self, data: bytes) -> None:
        if self._open:
            super().data_received(data)
            return
        self._handshake.receive_data(data)
        self._see()

    def eof_received(self) -> bool | None:
        if self._open:
            return super().eof_received()
        self._handshake.receive_eof()
        self._see()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._open:
            self._fail("closed the connection without an answer to the WebSocket handshake")
        super().connection_lost(exc)

    def _see(self) -> None:
        """See whether the answer is whole."""
        events = self._handshake.events_received()
        flaw = self._handshake.handshake_exc
        if not events:
            if flaw is not None:
                self._fail("its answer to the WebSocket handshake is no HTTP, or larger than such an answer may be")
            return
        answer = events[0]
        assert isinstance(answer, Response)
        if answer.status_code == 101 and flaw is not None:
            self._fail("answered 101 to the WebSocket handshake, but not as RFC 6455 asks for")
            return
        waiting = self._answer
        if waiting is None or waiting.done():
            self._fail("answered before it was asked")  # or when nobody waits any more
            return
        waiting.set_result(answer)
        if answer.status_code == 101:
            self._open = True
            assert self._transport is not None
            self.begin(self._transport)
            self._hear(events[1:])

    def _fail(self, why: str) -> None:
        self._failed = error = self._failed or TransportError("disconnect", f"{self._where}: {why}")
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


async def connect(
    scheme: str,
    host: str,
    port: int,
    target: bytes,
    headers: Headers,
    waits: Waits,
    *,
    subprotocols: Sequence[str] = (),
    proxy: str | None = None,
    ssl: tls.SSLContext | None = None,
    most: int = MOST,
) -> UpstreamWire:
    """Open a WebSocket to `host`:`port`; `scheme` is http or https. `headers` are complete but for the handshake's own.

    `waits.connect` is for the connection, `waits.first_byte` for the answer, `waits.idle` for what it takes of what it
    is sent. `proxy` is http(s)://[user:password@]host:port.

    Raises `TransportError`, or `Rejected` where the answer is not 101. Raises `ValueError` for a head that cannot be
    written down safely.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + waits.total
    where, secure = authority(host, port), scheme == "https"
    frames = ClientProtocol(
        WebSocketURI(secure, host, port, "/", ""),
        subprotocols=[Subprotocol(one) for one in subprotocols] or None,
        max_size=most,
        logger=QUIET,
    )
    head = handshake(where if port != DEFAULT_PORTS[secure] else where.rpartition(":")[0], target, headers, frames)
    context = (ssl or trust()) if secure else None

    def factory() -> UpstreamWire:
        return UpstreamWire(frames, where, loop, lambda: waits.idle)

    async with within(where, "connect", waits, until):
        if proxy is None:
            wire = await dial(factory, host, port, context)
        else:
            wire = await dial_through(proxy, factory, host, port, context)
    try:
        async with within(where, "first_byte", waits, until):
            await wire.ask(head)
    except BaseException:
        wire.abort()
        raise
    return wire


def handshake(host: str, target: bytes, headers: Iterable[tuple[bytes, bytes]], frames: ClientProtocol) -> bytes:
    """Return the head of the request. Raises `ValueError`."""
    fields = [
        (b"host", host.encode("ascii")),
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-key", frames.key.encode()),
        (b"sec-websocket-version", b"13"),
    ]
    if frames.available_subprotocols:
        fields.append((b"sec-websocket-protocol", ", ".join(frames.available_subprotocols).encode("ascii")))
    lines = [b"%b: %b\r\n" % field for field in [*fields, *headers]]
    head = b"GET %b HTTP/1.1\r\n%b\r\n" % (target, b"".join(lines))
    ends = len(lines) + 2
    if head.count(b"\r") != ends or head.count(b"\n") != ends or b"\0" in head or b" " in target:
        raise ValueError("a line break, NUL or space where HTTP allows none, in the target or a header field")
    return head


@asynccontextmanager
async def within(where: str, stage: Stage, waits: Waits, until: float) -> AsyncIterator[None]:
    """Bound a stage by its own wait and by `until`. Raises `TransportError` timeout."""
    end = asyncio.get_running_loop().time() + getattr(waits, stage)
    try:
        async with asyncio.timeout_at(min(end, until)):
            yield
    except TimeoutError:
        raise late(where, "total" if until < end else stage, waits) from None
