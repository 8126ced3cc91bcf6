"""A tiny HTTP/1.1 client on a bare socket: every byte, every pause and every close is the test's own.

No pool, no redirects, no decoding. It knows nothing of Turnout, but what it reads to the end is heard (wire/watch.py).
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.support.wire.watch import WATCH

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass
class Chunk:
    """A piece of a body as it came off the socket; `at` is `time.monotonic()`."""

    at: float
    data: bytes


@dataclass
class Answer:
    """A whole answer. Header names are in lower case."""

    status: int
    headers: list[tuple[str, str]]
    chunks: list[Chunk] = field(default_factory=list)
    whole: bool = True
    """False when the connection ended before the body did."""
    read: bytes = b""
    """What was read of the body so far, by whatever number of calls of `Line.chunks`."""

    @property
    def body(self) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None


class Line:
    """One connection. Use it as a context manager: it is closed at the end."""

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.at = 0.0
        self._asked: list[tuple[str, bytes]] = []
        """Target and body of the requests whose answers have not begun."""
        self._asking = ("", b"")

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def ask(self, method: str, target: str, headers: Headers = (), body: bytes | Any = b"") -> None:
        """Send a whole request; a body that is not bytes goes as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.write(head(method, target, self.host, headers, len(raw), is_json=bool(raw)) + raw)
        self._asked.append((target, raw))

    def close(self) -> None:
        """Leave as a killed client does: no goodbye in HTTP, FIN in TCP."""
        self.socket.close()

    def reset(self) -> None:
        """Leave with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def answer(self, method: str = "POST") -> Answer:
        """Read a whole answer, chunk by chunk."""
        got = self.head()
        bodiless = method == "HEAD" or got.status in (204, 304)
        for chunk in () if bodiless else self.chunks(got):
            got.chunks.append(chunk)
        return got

    def head(self) -> Answer:
        """Read the head of an answer, and no more."""
        while b"\r\n\r\n" not in self.buffer:
            assert self._more(), f"closed before an answer: {self.buffer!r}"
        raw, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        status = int(first.split(" ")[1])
        if status >= 200:
            self._asking = self._asked.pop(0) if self._asked else ("", b"")
        return Answer(status, [(name.lower(), value.strip()) for name, _, value in pairs])

    def chunks(self, got: Answer) -> Iterator[Chunk]:
        """Yield the body as it arrives; sets `got.whole` to False if it breaks off."""
        target, asked = self._asking
        ended = False
        try:
            for chunk in self._pieces(got):
                got.read += chunk.data
                yield chunk
            ended = got.whole
        finally:
            WATCH.heard(self.host, target, asked, got.header("content-type") or "", got.read, cut=not ended)

    def _pieces(self, got: Answer) -> Iterator[Chunk]:
        length = got.header("content-length")
        if got.header("transfer-encoding") == "chunked":
            yield from self._chunked(got)
        elif length is not None:
            yield from self._counted(got, int(length))
        else:
            yield from self._until_closed()

    def _chunked(self, got: Answer) -> Iterator[Chunk]:
        while True:
            while b"\r\n" not in self.buffer:
                if not self._more():
                    got.whole = False
                    return
            size, _, self.buffer = self.buffer.partition(b"\r\n")
            length = int(size, 16)
            while len(self.buffer) < length + 2:
                if not self._more():
                    got.whole = False
                    return
            data, self.buffer = self.buffer[:length], self.buffer[length + 2 :]
            if not length:
                return
            yield Chunk(self.at, data)

    def _counted(self, got: Answer, missing: int) -> Iterator[Chunk]:
        while missing:
            if not self.buffer and not self._more():
                got.whole = False
                return
            data, self.buffer = self.buffer[:missing], self.buffer[missing:]
            missing -= len(data)
            yield Chunk(self.at, data)

    def _until_closed(self) -> Iterator[Chunk]:
        while self.buffer or self._more():
            data, self.buffer = self.buffer, b""
            yield Chunk(self.at, data)

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.at = time.monotonic()
        self.buffer += data
        return bool(data)


def head(method: str, target: str, host: str, headers: Headers, length: int, *, is_json: bool) -> bytes:
    """Return the head of a request; what `headers` name is not added again."""
    given = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    named = {name.lower() for name, _ in given}
    added = [("host", host)] if "host" not in named else []
    if is_json and "content-type" not in named:
        added.append(("content-type", "application/json"))
    if (length or method in ("POST", "PUT", "PATCH")) and not named & {"content-length", "transfer-encoding"}:
        added.append(("content-length", str(length)))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in added + given)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def send(
    url: str, method: str, target: str, headers: Headers = (), body: bytes | Any = b"", timeout: float = 10.0
) -> Answer:
    """Send one request on a connection of its own and read the whole answer."""
    with Line(url, timeout) as line:
        line.ask(method, target, headers, body)
        return line.answer(method)


def post(url: str, target: str, body: bytes | Any, headers: Headers = (), timeout: float = 10.0) -> Answer:
    """POST JSON."""
    return send(url, "POST", target, headers, body, timeout)


def get(url: str, target: str, headers: Headers = (), timeout: float = 10.0) -> Answer:
    """GET."""
    return send(url, "GET", target, headers, timeout=timeout)
