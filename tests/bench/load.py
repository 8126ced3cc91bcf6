"""Sends requests as fast as answers come, over kept connections; prints how long it took. A process of its own.

python -m tests.bench.load PORT MODEL REQUESTS CONNECTIONS [PATH]
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from typing import cast

import uvloop

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


def request(model: str, path: str) -> bytes:
    """Return a whole request of about 1.5 KB, as an SDK sends it."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant. " * 30},
        {"role": "user", "content": "What is a turnout? " * 10},
    ]
    stream = "json" not in model
    asked = {"model": model, "messages": messages, "temperature": 0.2, "stream": stream}
    if path == MESSAGES:
        asked |= {"system": messages[0]["content"], "messages": messages[1:], "max_tokens": 1000}
    body = json.dumps(asked).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n"
        "content-type: application/json\r\nauthorization: Bearer sk-bench\r\nuser-agent: OpenAI/Python 3.54.0\r\n"
        "x-stainless-lang: python\r\nx-stainless-package-version: 3.54.0\r\nx-stainless-runtime: CPython\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client(asyncio.Protocol):
    """One connection. Each answer is followed by the next request, until `left` is used up."""

    left = 0
    firsts: list[float]
    failed = ""

    def __init__(self, asked: bytes, done: asyncio.Future[None]) -> None:
        self.asked = asked
        self.done = done
        self.head = b""
        self.missing: int | None = None
        """Bytes of the body still to come; None while it is chunked, or the head is not whole."""
        self.tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self.next()

    def next(self) -> None:
        if Client.left <= 0 or Client.failed:
            self.transport.close()
            return
        Client.left -= 1
        self.head, self.tail, self.missing = b"", b"", None
        self.sent_at = time.perf_counter()
        self.transport.write(self.asked)

    def data_received(self, data: bytes) -> None:
        if not self.tail and self.missing is None:
            self.head += data
            head, found, data = self.head.partition(b"\r\n\r\n")
            if not found:
                return
            Client.firsts.append(time.perf_counter() - self.sent_at)
            if not head.startswith(b"HTTP/1.1 200"):
                Client.failed = self.head[:300].decode("latin-1")
            _, counted, length = head.lower().partition(b"content-length:")
            self.missing = int(length.partition(b"\r\n")[0]) if counted else None
            self.tail = b"-"
        if self.missing is not None:
            self.missing -= len(data)
        else:
            self.tail = (self.tail + data)[-5:]
        if self.missing == 0 or self.tail == b"0\r\n\r\n":
            self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def main(port: int, model: str, requests: int, connections: int, path: str = CHAT) -> None:
    loop = asyncio.get_running_loop()
    Client.left, Client.firsts = requests, []
    asked = request(model, path)
    began = time.perf_counter()
    ends = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(lambda end=end: Client(asked, end), "127.0.0.1", port)  # type: ignore[misc]  # bound
    await asyncio.gather(*ends)
    if Client.failed or len(Client.firsts) != requests:
        sys.exit(f"{len(Client.firsts)} of {requests} answers: {Client.failed}")
    first = statistics.median(Client.firsts)
    print(json.dumps({"seconds": time.perf_counter() - began, "first_byte_ms": round(first * 1000, 3)}))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:]))
