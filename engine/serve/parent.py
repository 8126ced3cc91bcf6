"""Whether the process that started this one still runs."""

from __future__ import annotations

import os
import sys

INIT = 1
"""Who takes over orphans, where nobody nearer does: a parent that has ended before this process could look at it."""


class Parent:
    """The parent as it was at the start: whoever takes over an orphan is another process."""

    def __init__(self) -> None:
        self._pid = os.getppid()
        self._handle = _opened(self._pid)

    def gone(self) -> bool:
        """Say whether it has ended."""
        if sys.platform == "win32":
            return self._handle is not None and _signalled(self._handle)
        return os.getppid() != self._pid or self._pid == INIT


if sys.platform == "win32":
    # there a process keeps the number of its parent for life, so the parent itself has to be looked at
    import ctypes

    SYNCHRONIZE = 0x0010_0000
    WAIT_OBJECT_0 = 0

    def _opened(pid: int) -> int | None:
        return ctypes.windll.kernel32.OpenProcess(SYNCHRONIZE, False, pid) or None

    def _signalled(handle: int) -> bool:
        return ctypes.windll.kernel32.WaitForSingleObject(handle, 0) == WAIT_OBJECT_0

else:

    def _opened(_pid: int) -> int | None:
        return None
