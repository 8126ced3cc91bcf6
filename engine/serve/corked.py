"""The client's wire, on which a head waits for what follows it: one packet and one system call instead of two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from engine.transport.stall import Stall

HEAD = b"HTTP/1.1 "


class Corked:
    """A transport as uvicorn uses it, which writes the head and then the body.

    A head is held until the next write or the end, at the longest until the loop's next turn: nothing waits for
    anything that is not there yet. A piece of a body that looks like a head goes out just the same.
    """

    __slots__ = ("_head", "_loop", "_stall", "bare", "is_closing")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, stall: Stall) -> None:
        self.bare = transport
        self._loop = loop
        self._stall = stall
        self._head = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if self._head:
            head, self._head = self._head, b""
            self.bare.writelines((head, data))
        elif data.startswith(HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            self.bare.write(data)

    def close(self) -> None:
        self._flush()
        self.bare.close()
        if self.bare.get_write_buffer_size():
            self._stall.begin()  # it closes once that is taken, which may be never

    def abort(self) -> None:
        self._head = b""
        self.bare.abort()

    def get_extra_info(self, name: str) -> Any:
        return self.bare.get_extra_info(name)

    def can_write_eof(self) -> bool:
        return self.bare.can_write_eof()

    def write_eof(self) -> None:
        self._flush()
        self.bare.write_eof()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self.bare.write(head)
