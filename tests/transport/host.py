"""A host on loopback that speaks exactly the bytes a test tells it to, and remembers what it saw."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext

from engine.transport.base import Request, TransportError, Waits
from engine.transport.h1 import H1

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
SOON = 5
"""Seconds within which a host must see that we have left."""


@dataclass
class Received:
    """One request as it came over the wire. Header names as sent."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    chunks: int = 0


class Wire:
    """The host's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: Host) -> None:
        self.reader = reader
        self.writer = writer
        self.host = host

    async def request(self) -> Received:
        """Read one request. Raises `IncompleteReadError` when the client leaves instead."""
        received = await self.head()
        named = {name.lower(): value for name, value in received.headers}
        if named.get(b"transfer-encoding") == b"chunked":
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                received.body += (await self.reader.readexactly(size + 2))[:-2]
                received.chunks += 1
            await self.reader.readexactly(2)
        else:
            received.body = await self.reader.readexactly(int(named.get(b"content-length", 0)))
        self.host.requests.append(received)
        return received

    async def head(self) -> Received:
        line, *fields = (await self.reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
        return Received(line, [(name, value.strip()) for name, _, value in (text.partition(b":") for text in fields)])

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def trickle(self, data: bytes, size: int = 1) -> None:
        """Send `data` in pieces of `size` bytes, each its own packet."""
        for at in range(0, len(data), size):
            if self.writer.transport.is_closing():
                raise ConnectionError
            self.writer.write(data[at : at + size])
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Break off with RST, as a crashed process does."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def left(self) -> None:
        """Wait until the client has closed, and note the time."""
        try:
            while await self.reader.read(1 << 16):
                pass
        except (ConnectionError, OSError):
            pass
        self.host.left.append(asyncio.get_running_loop().time())


Script = Callable[[Wire], Awaitable[None]]


@dataclass
class Host:
    """What a host saw. `open` counts connections that are up now, `total` all there ever were."""

    port: int = 0
    open: int = 0
    total: int = 0
    requests: list[Received] = field(default_factory=list)
    left: list[float] = field(default_factory=list)

    async def saw_us_leave(self, after: float, times: int = 1) -> None:
        """Assert that the host saw `times` clients close within `SOON` seconds of the time `after`."""
        loop = asyncio.get_running_loop()
        while len(self.left) < times and loop.time() < after + SOON:
            await asyncio.sleep(0.005)
        assert len(self.left) >= times, "the host has not seen our close"


@asynccontextmanager
async def hosting(script: Script, ssl: SSLContext | None = None) -> AsyncIterator[Host]:
    """Serve `script`, once for each connection, on a free port of 127.0.0.1."""
    host = Host()
    failures: list[BaseException] = []
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host.open += 1
        host.total += 1
        try:
            await script(Wire(reader, writer, host))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left, which is what some tests are about
        except Exception as error:
            failures.append(error)
        finally:
            host.open -= 1
            with suppress(AttributeError):  # asyncio 3.11: abort() after a close() that still had to flush
                writer.transport.abort()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(talk(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=ssl)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)
    assert not failures, failures


def always(answer: bytes) -> Script:
    """Answer every request of a connection with the same bytes."""

    async def script(wire: Wire) -> None:
        while True:
            await wire.request()
            wire.write(answer)

    return script


def once(answer: bytes) -> Script:
    """Answer one request and close."""

    async def script(wire: Wire) -> None:
        await wire.request()
        wire.write(answer)
        wire.close()
        await wire.left()

    return script


def post(body: bytes | AsyncIterator[bytes] = b"{}", target: bytes = b"/v1/chat/completions") -> Request:
    return Request(method="POST", target=target, headers=[(b"content-type", b"application/json")], body=body)


def get(target: bytes = b"/v1/models", method: str = "GET") -> Request:
    return Request(method=method, target=target, headers=[])


async def whole(h1: H1, request: Request, waits: Waits | None = None) -> tuple[int, bytes]:
    """Send and read to the end; return (status, body)."""
    reply = await h1.send(request, waits or Waits())
    pieces = []
    while piece := await reply.chunk():
        pieces.append(piece)
    return reply.status, b"".join(pieces)


async def error_of(awaitable: Awaitable[object]) -> TransportError:
    """Return the error that `awaitable` must end with."""
    try:
        result = await awaitable
    except TransportError as error:
        return error
    raise AssertionError(f"no TransportError but {result!r}")
