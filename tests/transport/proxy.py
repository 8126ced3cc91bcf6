"""An HTTP proxy on loopback: tunnels for CONNECT, passes absolute-form requests on, and remembers its requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.transport.host import Wire, hosting


@dataclass
class Proxy:
    """What a proxy saw: request lines, and every header value for `proxy-authorization`."""

    url: str = ""
    asked: list[bytes] = field(default_factory=list)
    authorizations: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def proxying(*, refuse: bytes = b"", deaf: bool = False) -> AsyncIterator[Proxy]:
    """Run a proxy. `refuse`: the status line it answers everything with; `deaf`: it never answers."""
    proxy = Proxy()

    async def script(wire: Wire) -> None:
        received = await wire.head()
        proxy.asked.append(received.line)
        proxy.authorizations += [value for name, value in received.headers if name.lower() == b"proxy-authorization"]
        if deaf:
            await wire.left()
        if refuse:
            wire.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % refuse)
            await wire.left()
            return
        method, target, _ = received.line.split(b" ")
        if method == b"CONNECT":
            address = target
            head = b""
            wire.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            address, _, path = target.removeprefix(b"http://").partition(b"/")
            fields = [b"%b: %b\r\n" % pair for pair in received.headers if not pair[0].lower().startswith(b"proxy-")]
            head = b"%b /%b HTTP/1.1\r\n%b\r\n" % (method, path, b"".join(fields))
        there, port = address.decode().rsplit(":", 1)
        reader, writer = await asyncio.open_connection(there, int(port))
        writer.write(head)
        ways = [asyncio.create_task(pump(wire.reader, writer)), asyncio.create_task(pump(reader, wire.writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            writer.transport.abort()
            for way in ways:
                way.cancel()

    async with hosting(script) as host:
        proxy.url = f"http://127.0.0.1:{host.port}"
        yield proxy


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
