"""A peer that takes nothing of what it is sent is dropped after a while without any progress (`server.send_timeout`).

A slow one is no stalled one. What the kernel still holds counts too: it tells of room only once a third of its buffer
is free, which at a trickle takes longer than anybody would wait.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Stall:
    """The clock of one connection. It costs nothing while the client reads."""

    __slots__ = ("_dropped", "_left", "_loop", "_seconds", "_timer", "_transport")

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        seconds: Callable[[], float],
        dropped: Callable[[float], None],
    ) -> None:
        """`seconds` says how long nothing may be taken, `dropped` is told before the connection is aborted."""
        self._transport = transport
        self._loop = loop
        self._seconds = seconds
        self._dropped = dropped
        self._timer: asyncio.TimerHandle | None = None
        self._left = 0

    def begin(self) -> None:
        """More waits for the client than it takes at once."""
        if self._timer is None:
            self._left = unsent(self._transport)
            self._arm()

    def end(self) -> None:
        """It has taken it, or it is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def forget(self) -> None:
        """The connection is gone, and whoever is told here need not outlive it: they know each other."""
        self.end()
        self._seconds, self._dropped = never, ignore

    def _arm(self) -> None:
        seconds = self._seconds()
        self._timer = self._loop.call_later(seconds, self._look, seconds)

    def _look(self, seconds: float) -> None:
        self._timer = None
        left = unsent(self._transport)
        if not left:
            return
        if left < self._left:
            self._left = left
            self._arm()
        else:
            self._dropped(seconds)
            self._transport.abort()


def never() -> float:
    return 0.0


def ignore(_seconds: float) -> None:
    pass


def unsent(transport: asyncio.Transport) -> int:
    """Return how many bytes the peer has not taken yet: ours, and those that the kernel keeps for it."""
    sock = transport.get_extra_info("socket")
    kept = 0
    try:
        import fcntl  # not on Windows
        import termios

        kept = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
    except (ImportError, OSError, ValueError, AttributeError):
        pass  # no socket any more, or a kernel that does not tell
    return kept + transport.get_write_buffer_size()
