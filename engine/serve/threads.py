"""Threads for what blocks: those for the code of others, and our own, so that code which hangs holds up nobody else.

They are daemons: a process that stops does not wait for code that never ends. The threads of `concurrent.futures` are
joined at exit, whatever they do.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

OTHERS = 512
"""The most threads for the code of others: a call that blocks takes one for as long."""
STEP = 0.01
IDLE = 60.0
"""Seconds after which a thread without work ends."""


class Threads(ThreadPoolExecutor):
    """Threads that are made when they are needed, `most` at once; what comes then waits."""

    def __init__(self, most: int, name: str, idle: float = IDLE) -> None:
        super().__init__(most, name)
        self._most = most
        self._name = name
        self._patience = idle
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._free = threading.Semaphore(0)
        """How many threads wait for a job that nobody has promised them yet."""
        self._count = 0
        self._busy: set[Future[Any]] = set()
        """What runs."""
        self._counting = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        self._jobs.put((future, partial(fn, *args, **kwargs)))
        if not self._free.acquire(blocking=False):
            with self._counting:
                more = self._count < self._most
                self._count += more
            if more:
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
        return future

    def rest(self, seconds: float) -> bool:
        """Wait until nothing runs, for so long at most; say whether that is so."""
        until = time.monotonic() + seconds
        while self._busy and time.monotonic() < until:
            time.sleep(STEP)
        return not self._busy

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing is waited for: whoever needs a result has waited for it."""

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                self._free.release()
                try:
                    job = self._jobs.get(timeout=self._patience)
                except Empty:
                    if self._free.acquire(blocking=False):
                        with self._counting:
                            self._count -= 1
                        return
                    continue  # somebody has just counted on this thread
            self._busy.add(job[0])
            _run(*job)
            self._busy.discard(job[0])
            del job


def _run(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except (SystemExit, KeyboardInterrupt) as error:  # code of others does not end the process: asyncio would let it
        future.set_exception(RuntimeError(f"the code called for the end of the process: {error!r}"))
    except BaseException as error:
        future.set_exception(error)


OWN = Threads(8, "turnout")
"""For reading files and the like, which must go on whatever the code of others does."""


async def aside(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` returns, done in a thread of our own."""
    return await asyncio.get_running_loop().run_in_executor(OWN, partial(work, *args, **kwargs))
