"""HTTP through a declared proxy, on httpx2: the transport for what h1.py does not do. Imported only where one is set.

No environment, no cookies, no redirects, no decoding: httpx2's transport is used without its client. Its own timeouts
are off, because its one `read` timeout cannot tell the first byte from the next; ours are set here.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import httpcore2
import httpx2

from engine.transport.base import LIMIT, TransportError
from engine.transport.dial import authority, resolve, trust
from engine.transport.waiting import TICK, late

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.chat import Headers
    from engine.transport.base import Request, Waits
    from engine.transport.waiting import Stage

SCHEMES = ("http", "https")
NO_TIMEOUTS = {"connect": None, "read": None, "write": None, "pool": None}


BROKEN_OFF = (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError)


class Watch:
    """Where one request stands, and until when it may stand there; httpcore2's trace events move it on."""

    def __init__(self, waits: Waits, until: float) -> None:
        self.waits = waits
        self.until = until
        self.phase: Stage = "connect"
        self.kept = True
        """No connection has been made for it: it runs on one that was kept."""
        self._loop = asyncio.get_running_loop()
        self.clock = asyncio.timeout_at(min(self._loop.time() + waits.connect, until))

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.kept = False
        sent = info.get("request")
        if sent is None or sent.method == b"CONNECT":
            return
        if event.endswith("send_request_headers.started"):
            self.phase = "send"
            self.clock.reschedule(self.until)
        elif event.endswith("receive_response_headers.started"):
            self.phase = "first_byte"
            self.clock.reschedule(min(self._loop.time() + self.waits.first_byte, self.until))


class Backend(httpcore2.AnyIOBackend):
    """Connects to the proxy, at an address that it may have."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore2.AsyncNetworkStream:
        failed: Exception = httpcore2.ConnectError("the name has no address")
        for _, _, _, _, address in await resolve(host, port):
            try:
                return await super().connect_tcp(address[0], port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as error:
                failed = error
        raise failed


class Client:
    """A `Transport` to scheme://host:port through the HTTP proxy at `proxy`, which may hold user:password."""

    def __init__(
        self, scheme: str, host: str, port: int, *, proxy: str, limit: int = LIMIT, ssl: ssl.SSLContext | None = None
    ) -> None:
        """Raise `ValueError` for a proxy that is not an HTTP one."""
        there = _host_of(proxy)
        self._scheme = scheme
        self._host = host
        self._port = port
        self._where = f"{authority(host, port)} through proxy {there}"
        self._transport = httpx2.AsyncHTTPTransport(
            verify=ssl or trust(),
            trust_env=False,
            proxy=proxy,
            limits=httpx2.Limits(max_connections=limit, max_keepalive_connections=limit, keepalive_expiry=60.0),
        )
        self._transport._pool._network_backend = Backend()
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, request: Request, waits: Waits) -> ProxiedReply:
        """Send `request`, return when the head of its answer is there. Raises `TransportError`.

        Like H1: a kept connection that dies before its answer costs one more try, if the body can be sent again.
        Raises `ValueError` for a request that cannot be written down safely.
        """
        until = asyncio.get_running_loop().time() + waits.total
        watch = Watch(waits, until)
        try:
            response = await self._head(request, watch)
        except httpx2.TransportError as error:
            if not (watch.kept and isinstance(request.body, bytes) and isinstance(error, BROKEN_OFF)):
                raise self._broken(error) from error
            watch = Watch(waits, until)
            try:
                response = await self._head(request, watch)
            except httpx2.TransportError as second:
                raise self._broken(second) from second
        return ProxiedReply(self, request.method, response, waits, until)

    async def _head(self, request: Request, watch: Watch) -> httpx2.Response:
        outgoing = httpx2.Request(
            request.method,
            httpx2.URL(scheme=self._scheme, host=self._host, port=self._port, raw_path=request.target),
            headers=request.headers
            if request.length is None
            else [*request.headers, (b"content-length", b"%d" % request.length)],
            content=request.body,
            extensions={"timeout": NO_TIMEOUTS, "trace": watch.trace},
        )
        try:
            async with watch.clock:
                return await self._transport.handle_async_request(outgoing)
        except TimeoutError as error:
            raise self._late(watch.phase, watch.until, watch.waits) from error
        except httpx2.LocalProtocolError:
            raise ValueError(
                "a target or header field that HTTP does not allow, such as one with a line break"
            ) from None

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.aclose()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def drop(self, response: httpx2.Response) -> None:
        """Close an answer from code that cannot wait: httpx2 closes sockets in a coroutine."""
        task = asyncio.get_running_loop().create_task(response.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def next(self, pieces: AsyncIterator[bytes], waits: Waits, until: float) -> bytes:
        """Return the next piece of an answer, b"" at its end. Raises `TransportError`."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(loop.time() + waits.idle, until)):
                async for piece in pieces:
                    if piece:
                        return piece
                return b""
        except TimeoutError as error:
            raise self._late("idle", until, waits) from error
        except httpx2.TransportError as error:
            raise self._broken(error) from error

    def _late(self, phase: Stage, until: float, waits: Waits) -> TransportError:
        over = asyncio.get_running_loop().time() >= until - TICK
        return late(self._where, "total" if over else phase, waits)

    def _broken(self, error: httpx2.TransportError) -> TransportError:
        if isinstance(error, httpx2.ProxyError):
            return TransportError("connect", f"{self._where}: the proxy refuses to connect ({str(error)[:3]})")
        if isinstance(error, httpx2.ConnectError):
            if (cause := _tls_error(error)) is not None:
                why = getattr(cause, "verify_message", "") or cause.reason or "no TLS spoken"
                return TransportError("tls", f"{self._where}: the TLS handshake failed: {why}")
            return TransportError("connect", f"{self._where}: the proxy, or the way through it, does not connect")
        return TransportError("disconnect", f"{self._where}: closed the connection or sent no HTTP")


class ProxiedReply:
    """The answer of a `Client`: its head, and its body as it arrives."""

    __slots__ = ("_client", "_done", "_pieces", "_response", "_until", "_waits", "framed", "headers", "status")

    def __init__(self, client: Client, method: str, response: httpx2.Response, waits: Waits, until: float) -> None:
        fields = [(name.lower(), value) for name, value in response.headers.raw]
        named = {name for name, _ in fields}
        self.status = response.status_code
        self.headers: Headers = [pair for pair in fields if pair[0] != b"transfer-encoding"]
        self.framed = (
            method == "HEAD"
            or response.status_code in (204, 304)
            or b"content-length" in named
            or b"transfer-encoding" in named
        )
        self._client = client
        self._response = response
        self._waits = waits
        self._until = until
        self._pieces = response.aiter_raw()
        self._done: Literal["", "read", "closed"] = ""

    async def chunk(self) -> bytes:
        """Return the next piece of the body, b"" at its end. Raises `TransportError`."""
        if self._done:
            if self._done == "closed":
                raise TransportError("disconnect", "the answer was closed before its end")
            return b""
        try:
            piece = await self._client.next(self._pieces, self._waits, self._until)
        except BaseException:
            self.close()
            raise
        if not piece:
            self._done = "read"
        return piece

    def close(self) -> None:
        """Close the connection unless the body has been read to its end."""
        if not self._done:
            self._done = "closed"
            self._client.drop(self._response)


def _host_of(proxy: str) -> str:
    try:
        url = urlsplit(proxy)
        there = authority(url.hostname or "", url.port or 80)
    except ValueError:
        there = ""
    if not there or url.scheme not in SCHEMES or not url.hostname:
        raise ValueError("proxy must be http://host:port or https://host:port")
    return there


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
