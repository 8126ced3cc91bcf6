"""The peer where nginx is not installed: bytes in, bytes out, nothing looked at. A process of its own.

python -m tests.bench.relay UPSTREAM_PORT
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop


class Pipe(asyncio.Protocol):
    """One end; what it reads, the other end writes."""

    def __init__(self, port: int | None = None, other: Pipe | None = None) -> None:
        self.port, self.other = port, other
        self.waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        if self.other is None:
            self.opening = asyncio.get_running_loop().create_task(self.open())

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        _, self.other = await loop.create_connection(lambda: Pipe(other=self), "127.0.0.1", self.port)
        self.other.transport.write(self.waiting)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.waiting += data
        else:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close()


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Pipe(port), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
