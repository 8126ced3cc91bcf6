"""The server with Python's garbage collector at rest: on SIGUSR1 it says how much only the collector could free."""

from __future__ import annotations

import gc
import signal
import sys

from engine.cli import main


def count(_signal: int, _frame: object) -> None:
    gc.set_debug(gc.DEBUG_SAVEALL)  # what is collected is kept, so that it can be named
    found = gc.collect()
    kinds = sorted({type(one).__name__ for one in gc.garbage})
    gc.garbage.clear()
    gc.set_debug(0)
    gc.collect()  # what has been counted is not counted again
    sys.stderr.write(f"garbage: {found} {' '.join(kinds)}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    gc.disable()
    signal.signal(signal.SIGUSR1, count)
    sys.exit(main())
