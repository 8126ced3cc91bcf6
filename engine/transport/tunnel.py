"""A connection through an HTTP proxy: CONNECT (RFC 9110, 9.3.6), then whatever is spoken, over TLS if need be."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from engine.transport.base import TransportError
from engine.transport.dial import authority, dial, shaking_hands, trust

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

P = TypeVar("P", bound=asyncio.Protocol)

HEAD_LIMIT = 64 * 1024
"""Bytes of the head of a proxy's answer."""
PORTS = {"http": 80, "https": 443}


class Tunnel(asyncio.Protocol):
    """The connection to the proxy until it has answered."""

    transport: asyncio.Transport

    def __init__(self, where: str, loop: asyncio.AbstractEventLoop) -> None:
        self._where = where
        self._loop = loop
        self._head = b""
        self._status: asyncio.Future[bytes] | None = None
        self._failed: TransportError | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of a stream

    def data_received(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if end and rest:
            self._fail("the proxy said more than that the tunnel stands")
        elif end and self._status is not None and not self._status.done():
            self.transport.pause_reading()  # what comes now is for whoever takes over
            self._status.set_result(head)
        elif len(self._head) > HEAD_LIMIT:
            self._fail("the answer of the proxy is larger than such an answer may be")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as in asyncio
        self._fail("the proxy closed the connection")

    async def open(self, place: str, authorization: bytes | None) -> None:
        """Have the proxy connect to `place`. Raises `TransportError`."""
        if self._failed is not None:
            raise self._failed
        allowed = b"proxy-authorization: %b\r\n" % authorization if authorization is not None else b""
        self.transport.write(b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (place.encode(), place.encode(), allowed))
        self._status = self._loop.create_future()
        version, _, rest = (await self._status).partition(b" ")
        status = rest[:3]
        if not version.startswith(b"HTTP/1.") or not status.isdigit():
            raise TransportError("connect", f"{self._where}: the proxy speaks no HTTP")
        if not status.startswith(b"2"):
            raise TransportError("connect", f"{self._where}: the proxy refuses to connect ({status.decode()})")

    def _fail(self, why: str) -> None:
        self._failed = error = self._failed or TransportError("connect", f"{self._where}: {why}")
        if self._status is not None and not self._status.done():
            self._status.set_exception(error)


async def dial_through(proxy: str, factory: Callable[[], P], host: str, port: int, context: ssl.SSLContext | None) -> P:
    """Like `dial`, through `proxy`: http(s)://[user:password@]host:port. Raises `TransportError` connect | tls."""
    loop = asyncio.get_running_loop()
    url = urlsplit(proxy)
    proxy_host, proxy_port = url.hostname or "", url.port or PORTS[url.scheme]
    where = f"{authority(host, port)} through proxy {authority(proxy_host, proxy_port)}"
    allowed = None
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
        allowed = b"Basic " + base64.b64encode(pair.encode())
    tunnel = await dial(lambda: Tunnel(where, loop), proxy_host, proxy_port, trust() if url.scheme == "https" else None)
    transport = tunnel.transport
    try:
        await tunnel.open(authority(host, port), allowed)
        protocol = factory()
        if context is None:
            transport.set_protocol(protocol)
            transport.resume_reading()
        else:
            with shaking_hands(where, tls=True):
                transport = await _secured(loop, transport, protocol, context, host)
    except BaseException:
        transport.abort()
        raise
    protocol.connection_made(transport)
    return protocol


async def _secured(
    loop: asyncio.AbstractEventLoop,
    transport: asyncio.Transport,
    protocol: asyncio.Protocol,
    context: ssl.SSLContext,
    host: str,
) -> asyncio.Transport:
    """Return what stands over `transport` once TLS has been agreed on; it reads again."""
    secured = await loop.start_tls(transport, protocol, context, server_hostname=host)
    if secured is None:  # asyncio, of a connection that has closed meanwhile
        raise ConnectionResetError
    return secured
