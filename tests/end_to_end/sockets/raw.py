"""A WebSocket client on a bare socket, for everything that no library would send."""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING

from tests.end_to_end.sockets.house import ADA, by
from tests.support.http import Line

if TYPE_CHECKING:
    from tests.support.http import Answer

HANDSHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""What answers that key (RFC 6455, 1.3)."""
TEXT, BINARY, CONT, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(data: bytes, kind: int = TEXT, *, fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """Return one frame (RFC 6455, 5.2). `reserved` are the three bits, 0 to 7."""
    first = (0x80 if fin else 0) | (reserved << 4) | kind
    bit = 0x80 if masked else 0
    if len(data) < 126:
        made = struct.pack("!BB", first, bit | len(data))
    elif len(data) < 65536:
        made = struct.pack("!BBH", first, bit | 126, len(data))
    else:
        made = struct.pack("!BBQ", first, bit | 127, len(data))
    if not masked:
        return made + data
    mask = os.urandom(4)
    return made + mask + xor(data, mask)


def xor(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


class Raw(Line):
    """One connection: HTTP until `open`, frames from then on."""

    def handshake(self, path: str, headers: dict[str, str] | None = None, *, key: str = ADA) -> None:
        """Ask for a WebSocket; a field that is None is left out of the usual ones."""
        self.ask("GET", path, {**HANDSHAKE, **by(key), **(headers or {})})

    def open(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        self.handshake(path, headers)
        answer = self.head()
        assert answer.status == 101
        return answer

    def send(self, *frames: bytes) -> None:
        self.write(b"".join(frames))

    def hear(self) -> tuple[int, bytes]:
        """Return kind and data of the next frame; the server's are never masked, nor in pieces."""
        first, second = self.exactly(2)
        assert first & 0xF0 == 0x80
        assert second < 0x80
        size = second
        if second == 126:
            (size,) = struct.unpack("!H", self.exactly(2))
        elif second == 127:
            (size,) = struct.unpack("!Q", self.exactly(8))
        return first & 0x0F, self.exactly(size)

    def text(self) -> bytes:
        kind, data = self.hear()
        assert kind == TEXT, data
        return data

    def closed(self) -> tuple[int, str]:
        """Read to the close frame and the end of the connection; return code and reason."""
        kind, data = self.hear()
        while kind != CLOSE:
            kind, data = self.hear()
        assert not self.rest(), "something came after the close frame"
        return struct.unpack("!H", data[:2])[0], data[2:].decode()

    def rest(self) -> bytes:
        """Read until the server ends the connection; return what came."""
        while self._more():
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            assert self._more(), f"closed within a frame: {self.buffer!r}"
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data


def raw_head(host: str, path: str, *lines: str, version: str = "1.1") -> bytes:
    """Return a request's head as it is written here."""
    return "\r\n".join([f"GET {path} HTTP/{version}", f"host: {host}", *lines, "", ""]).encode()


def shrunk(url: str, path: str, room: int = 8192) -> Raw:
    """Return an open connection of a client with next to no buffer of its own."""
    line = Raw(url, 30)
    line.socket.close()
    name, _, port = line.host.rpartition(":")
    line.socket = socket.socket()
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    line.socket.settimeout(30)
    line.socket.connect((name, int(port)))
    line.open(path)
    return line
