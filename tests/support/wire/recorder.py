"""A relay between a foreign client and a Turnout that copies what passes, so that its streams can be judged too.

For clients whose reading cannot be overheard: coding agents, other languages, browsers. Bytes and closes pass as they
come, both ways.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.support.wire.watch import WATCH

if TYPE_CHECKING:
    from types import TracebackType


class Recorder:
    """Listens on a port of its own; `url` is what the client is told. Use it as a context manager.

    `asked` are the requests that were answered, as (target, body); complete once the client has gone.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._behind = (parts.hostname or "", parts.port or 80)
        self.host = parts.netloc
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[tuple[str, bytes]] = []
        self._lines: list[threading.Thread] = []

    def __enter__(self) -> Recorder:
        threading.Thread(target=self._accept, name="recorder", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._lines:
            line.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            line = threading.Thread(target=self._relay, args=(client,), name="recorder line", daemon=True)
            self._lines.append(line)
            line.start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._behind) as server:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            said: list[bytes] = []
            answered: list[bytes] = []
            up = threading.Thread(target=_copy, args=(client, server, said), daemon=True)
            up.start()
            _copy(server, client, answered)
            up.join(5)
        self.asked += judge(self.host, b"".join(said), b"".join(answered))


def _copy(source: socket.socket, target: socket.socket, copy: list[bytes]) -> None:
    """Pass bytes on until one side closes."""
    try:
        while data := source.recv(65536):
            copy.append(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, target):
            _leave(one)


def _leave(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def judge(host: str, said: bytes, answered: bytes) -> list[tuple[str, bytes]]:
    """Tell the watch of every exchange of one connection; return its requests."""
    requests = []
    while said and answered:
        request, _, asked, said, _ = _message(said)
        method, target, _ = request.split(" ")
        _, headers, body, answered, whole = _message(answered, bodiless=method == "HEAD")
        WATCH.heard(host, target, asked, headers.get("content-type", ""), body, cut=not whole)
        requests.append((target, asked))
    return requests


def _message(data: bytes, *, bodiless: bool = False) -> tuple[str, dict[str, str], bytes, bytes, bool]:
    """Split off one HTTP/1.1 message: its first line, headers, body, the rest of `data`, and whether it is whole."""
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in lines]
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if bodiless:
        return first, headers, b"", rest, True
    if headers.get("transfer-encoding") == "chunked":
        return first, headers, *_unchunked(rest)
    length = int(headers.get("content-length", "0"))
    return first, headers, rest[:length], rest[length:], len(rest) >= length


def _unchunked(data: bytes) -> tuple[bytes, bytes, bool]:
    body = b""
    while True:
        size, found, rest = data.partition(b"\r\n")
        length = int(size, 16) if found else 0
        if not found or len(rest) < length + 2:
            return body, b"", False
        body, data = body + rest[:length], rest[length + 2 :]
        if not length:
            return body, data, True
