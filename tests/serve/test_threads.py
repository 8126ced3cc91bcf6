"""Threads for what blocks."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from engine.serve.threads import Threads


def test_they_are_made_as_they_are_needed_and_used_again() -> None:
    threads = Threads(8, "some")
    for number in range(50):
        assert threads.submit(lambda x: x + 1, number).result(10) == number + 1
        while not threads._free._value:  # type: ignore[attr-defined]  # until it waits for the next
            time.sleep(0.001)
    assert threads._count == 1


def test_as_many_run_at_once_as_are_allowed_and_the_rest_follows() -> None:
    threads, go, begun = Threads(3, "some"), threading.Event(), threading.Semaphore(0)

    def work() -> bool:
        begun.release()
        return go.wait(30)

    jobs = [threads.submit(work) for _ in range(10)]
    for _ in range(3):
        assert begun.acquire(timeout=10)
    assert not begun.acquire(timeout=0.1)
    assert jobs[9].cancel()
    go.set()
    assert all(job.result(10) for job in jobs[:9])


def test_many_at_once_all_end() -> None:
    threads = Threads(16, "some", idle=0.001)
    for _ in range(20):
        jobs = [threads.submit(time.sleep, 0.001) for _ in range(100)]
        assert [job.result(10) for job in jobs] == [None] * 100
        time.sleep(0.003)


def test_one_without_work_ends() -> None:
    threads = Threads(4, "short-lived", idle=0.01)
    for job in [threads.submit(time.sleep, 0.05) for _ in range(4)]:
        job.result(10)
    until = time.monotonic() + 20
    while threads._count and time.monotonic() < until:
        time.sleep(0.01)
    assert threads._count == 0
    assert threads.submit(int, "7").result(10) == 7


def test_it_is_known_whether_they_rest() -> None:
    threads, go = Threads(2, "some"), threading.Event()
    job = threads.submit(go.wait, 30)
    assert not threads.rest(0.05)
    go.set()
    job.result(10)
    assert threads.rest(10)


def test_what_ends_the_process_ends_the_call_alone() -> None:
    threads = Threads(1, "some")
    with pytest.raises(RuntimeError, match=r"SystemExit\(3\)"):
        threads.submit(sys.exit, 3).result(10)
    with pytest.raises(ValueError, match="no number"):
        threads.submit(fail).result(10)


def fail() -> None:
    raise ValueError("no number")


def test_a_process_does_not_wait_for_them() -> None:
    program = """
import asyncio, time
from engine.serve.threads import Threads
async def main():
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
with asyncio.Runner() as runner:
    runner.get_loop().set_default_executor(Threads(4, "code"))
    runner.run(main())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
