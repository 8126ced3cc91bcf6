"""A terminal for clients that want one: what they draw is kept until they have said something, then they are ended."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SIZE = struct.pack("HHHH", 50, 200, 0, 0)
"""Lines and columns, wide enough that no answer is wrapped."""


def drawn(command: Sequence[str | Path], folder: Path, env: dict[str, str], until: Sequence[str], most: float) -> str:
    """Run `command` in `folder` until all of `until` is drawn, `most` seconds at most; return all that was drawn."""
    screen, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, SIZE)
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env={**env, "TERM": "xterm-256color"},
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    try:
        return _read(screen, [one.encode() for one in until], time.monotonic() + most).decode(errors="replace")
    finally:
        process.terminate()
        process.wait(10)
        os.close(screen)


def _read(screen: int, until: Sequence[bytes], deadline: float) -> bytes:
    """Read until all of `until` is there, the client has gone, or it is too late."""
    seen = b""
    while not all(one in seen for one in until) and (left := deadline - time.monotonic()) > 0:
        if select.select([screen], [], [], left)[0]:
            try:
                seen += os.read(screen, 65536)
            except OSError:  # nobody has the other side open any more
                break
    return seen
