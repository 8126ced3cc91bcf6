"""A scripted upstream on loopback: answers as it is told, and remembers what it was sent and when it was left.

A real HTTP/1.1 server on a socket of its own, in a thread of its own. It knows nothing of Turnout.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.answers import usual
from tests.support.script import End, Reply, Step

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests", 500: "Internal Server Error"}


@dataclass
class Connection:
    """One TCP connection to the upstream. Times are `time.monotonic()`."""

    number: int
    opened_at: float
    closed_at: float | None = None
    closed: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    """How many bytes of bodies have been written to it."""

    def close(self) -> None:
        if self.closed_at is None:
            self.closed_at = time.monotonic()
            self.closed.set()


@dataclass
class Seen:
    """One request as it arrived. Header names are in lower case, in wire order."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    connection: Connection
    at: float
    body: bytes = b""
    complete: threading.Event = field(default_factory=threading.Event)
    """The whole body is here."""
    answered: threading.Event = field(default_factory=threading.Event)
    """The whole reply has been played."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    def left_within(self, seconds: float) -> bool:
        """Wait for the peer to close the connection; say whether it did in time."""
        return self.connection.closed.wait(seconds)


Answer = Callable[[Seen], Reply]


class Upstream:
    """The server. `script(...)` queues replies for the next requests; without any, `usual` answers."""

    def __init__(
        self, answer: Answer = usual, address: tuple[str, int] = ("127.0.0.1", 0), tls: ssl.SSLContext | None = None
    ) -> None:
        """`address` is where it listens; port 0: any."""
        self.answer = answer
        self.requests: list[Seen] = []
        self.connections: list[Connection] = []
        self.wires: set[_Wire] = set()
        self._usual = answer
        self._queue: deque[Reply | Answer] = deque()
        self._lock = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(address, backlog=512)
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited; else 40 ms per head and body
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._tls = tls
        self._thread = threading.Thread(target=self._run, name="upstream", daemon=True)
        self._thread.start()

    def script(self, *replies: Reply | Answer) -> None:
        """Answer the next requests with `replies`, one each, in order."""
        self._queue.extend(replies)

    def clear(self) -> None:
        """Forget scripts and requests."""
        self._queue.clear()
        self.answer = self._usual
        self.requests = []
        self.connections = [one for one in self.connections if one.closed_at is None]

    @property
    def last(self) -> Seen:
        """The latest request; waits for it to be complete."""
        seen = self.requests[-1]
        assert seen.complete.wait(5), "the upstream never got the whole body"
        return seen

    @property
    def open(self) -> int:
        """How many connections are open now."""
        return sum(one.closed_at is None for one in self.connections)

    def wait_for(self, count: int, timeout: float = 5.0) -> Seen:
        """Wait until `count` requests have come, return the last of them."""
        with self._lock:
            assert self._lock.wait_for(lambda: len(self.requests) >= count, timeout), (
                f"{len(self.requests)} requests after {timeout} s, not {count}"
            )
            return self.requests[count - 1]

    def stop(self) -> None:
        """Close every connection and end the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def reply_to(self, seen: Seen) -> Reply:
        chosen = self._queue.popleft() if self._queue else self.answer
        return chosen if isinstance(chosen, Reply) else chosen(seen)

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.requests.append(seen)
            self._lock.notify_all()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        serving = self._loop.create_server(lambda: _Wire(self), sock=self._listener, ssl=self._tls)
        server = self._loop.run_until_complete(serving)
        self._loop.run_forever()
        server.close()
        for wire in list(self.wires):
            wire.transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()


class _Wire(asyncio.Protocol):
    """One connection: reads requests one after the other and plays their replies."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.buffer = b""
        self.seen: Seen | None = None
        self.task: asyncio.Task[None] | None = None
        self.room = asyncio.Event()
        self.room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.connection = Connection(len(self.upstream.connections), time.monotonic())
        self.upstream.connections.append(self.connection)
        self.upstream.wires.add(self)

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def eof_received(self) -> None:
        self.connection.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.connection.close()
        self.upstream.wires.discard(self)
        if self.task:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._parse()

    def _parse(self) -> None:
        if self.task:
            return
        if self.seen is None:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self.buffer = rest
            self.seen = _head(head, self.connection)
            self.upstream.note(self.seen)
        body, self.buffer, whole = _body(self.seen, self.buffer)
        self.seen.body += body
        if whole:
            self.seen.complete.set()
            self.task = asyncio.get_running_loop().create_task(self._answer(self.seen))

    async def _answer(self, seen: Seen) -> None:
        reply = self.upstream.reply_to(seen)
        goes_on = True
        for step in reply.before:
            goes_on = goes_on and await self._play(step, "close")
        if goes_on:
            if not reply.raw:
                self.transport.write(_answer_head(reply))
            framing = "close" if reply.raw else reply.framing
            for step in () if seen.method == "HEAD" else reply.parts:
                goes_on = goes_on and await self._play(step, framing)
            if goes_on and framing == "chunked":
                self.transport.write(b"0\r\n\r\n")
            if framing == "close":
                self.transport.close()
        seen.answered.set()
        self.seen = self.task = None
        self._parse()

    async def _play(self, step: Step, framing: str) -> bool:
        """Play one step; say whether the reply goes on."""
        if isinstance(step, bytes):
            self.transport.write(b"%x\r\n%s\r\n" % (len(step), step) if framing == "chunked" else step)
            self.connection.sent += len(step)
            await self.room.wait()  # no faster than the peer reads
        elif isinstance(step, threading.Event):
            while not step.is_set():
                await asyncio.sleep(0.002)
        elif step is End.STALL:
            await asyncio.Event().wait()
        elif step is End.CUT:
            self.transport.close()
        elif step is End.RESET:
            raw = self.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            await asyncio.sleep(step)
        return not isinstance(step, End)


def _head(head: bytes, connection: Connection) -> Seen:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = [line.partition(":") for line in lines]
    headers = [(name.lower(), value.strip()) for name, _, value in pairs]
    return Seen(method, target, headers, connection, time.monotonic())


def _body(seen: Seen, buffer: bytes) -> tuple[bytes, bytes, bool]:
    """Split `buffer` into the next piece of the body, the rest, and whether the body is whole."""
    if seen.header("transfer-encoding") != "chunked":
        missing = int(seen.header("content-length") or 0) - len(seen.body)
        return buffer[:missing], buffer[missing:], len(buffer) >= missing
    body = b""
    while True:
        size, found, rest = buffer.partition(b"\r\n")
        length = int(size, 16) if found else -1
        if length < 0 or len(rest) < length + 2:
            return body, buffer, False
        body, buffer = body + rest[:length], rest[length + 2 :]
        if length == 0:
            return body, buffer, True


def _answer_head(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Scripted')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    named = {name.lower() for name, _ in reply.headers}
    if reply.framing == "chunked":
        lines.append("transfer-encoding: chunked")
    elif reply.framing == "length" and "content-length" not in named:
        lines.append(f"content-length: {len(reply.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
