"""One at a time: starts in one folder wait for each other, so that the second finds what the first has left there.

A lock of the folder itself (flock), which ends with the process and leaves no file behind. Windows has none.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 10.0
"""Seconds after which one goes ahead all the same: a start takes less."""
STEP = 0.02
_HELD: set[tuple[int, int]] = set()
"""The folders that this process holds: (device, inode)."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold `folder` against whoever does so too. One that cannot be held is nobody's."""
    try:
        import fcntl

        held = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    found = os.fstat(held)
    this = (found.st_dev, found.st_ino)
    if this in _HELD:  # by us: flock would have us wait for ourselves
        os.close(held)
        yield
        return
    _HELD.add(this)
    try:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(STEP)
            except OSError:  # a file system without locks
                break
            else:
                break
        yield
    finally:
        _HELD.discard(this)
        os.close(held)
