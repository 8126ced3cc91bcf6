"""Says that a file of the set may have changed: from the kernel's events, and from looking.

Folders are watched, not files: after an atomic rename a file watch looks at nothing (watchfiles 1.3). Looking catches
what events miss: network mounts, and ConfigMap folders that are swapped behind a symlink.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.config.tree import Files

LOOK = 0.5
"""Seconds between looks. One costs a stat of every file and folder of the set."""

Seen = tuple[str, int, int, int, int]
"""Real path, inode, size, and when its content and its permissions changed; zeros for what is not there."""


class Signature(NamedTuple):
    """What is cheap to know of a file set. Two that differ are a reason to read the files, no more."""

    files: tuple[Seen, ...]
    folders: tuple[Seen, ...]


def signature(files: Files) -> Signature:
    return Signature(tuple(map(_seen, sorted(files.digests))), tuple(map(_seen, sorted(files.folders))))


def _seen(path: str) -> Seen:
    real = Path(path)
    try:
        real = real.resolve()
        stat = real.stat()
    except (OSError, RuntimeError):
        return str(real), 0, 0, 0, 0
    return str(real), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


class Watch:
    """Waits for a nudge. `follow` changes what is watched."""

    def __init__(self) -> None:
        self._nudge = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._folders: frozenset[tuple[str, int]] = frozenset()
        """With their inodes: a folder that was replaced by another is not watched any more."""

    def nudge(self) -> None:
        """Look now."""
        self._nudge.set()

    async def wait(self) -> None:
        """Return at a nudge, or after `LOOK` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK):  # wait_for may lose a cancellation (Python 3.11): a stop would never end
                await self._nudge.wait()
        self._nudge.clear()

    def follow(self, folders: Iterable[str]) -> None:
        wanted = frozenset((folder, _seen(folder)[1]) for folder in folders if Path(folder).is_dir())
        if wanted != self._folders:
            self._folders = wanted
            self.close()
            self._task = asyncio.get_running_loop().create_task(self._events([folder for folder, _ in wanted]))

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _events(self, folders: list[str]) -> None:
        from watchfiles import awatch

        if not folders:
            return
        try:
            async for _ in awatch(*folders, recursive=False, debounce=50, step=20, ignore_permission_denied=True):
                self._nudge.set()
        except (OSError, RuntimeError):
            return  # a folder went, or the kernel has no watches left: looking goes on
