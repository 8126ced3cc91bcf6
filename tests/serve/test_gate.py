"""Who may run: first come, first served, never more than the cap, and nobody is forgotten in line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Problem
from engine.plan.nodes import Overload
from engine.serve.failures import stopping
from engine.serve.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Coroutine


def limits(concurrency: int, queue: int = 100, queue_timeout: float = 60.0) -> Overload:
    return Overload(concurrency=concurrency, queue=queue, queue_timeout=queue_timeout)


def run(main: Coroutine[object, object, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await main

    asyncio.run(bounded())


async def settle() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


def test_without_a_cap_everybody_runs_and_is_counted() -> None:
    gate = Gate()
    assert all(gate.enter() for _ in range(1000))
    assert (gate.in_flight, gate.waiting) == (1000, 0)
    for _ in range(1000):
        gate.leave()
    assert gate.in_flight == 0


def test_first_come_first_served() -> None:
    async def main() -> None:
        gate, order = Gate(), []
        gate.fit(limits(1))
        assert gate.enter()

        async def come(name: int) -> None:
            assert not gate.enter()
            await gate.wait()
            order.append(name)
            gate.leave()

        tasks = [asyncio.create_task(come(name)) for name in range(5)]
        await settle()
        assert (gate.in_flight, gate.waiting, order) == (1, 5, [])
        gate.leave()
        assert not gate.enter()  # nobody overtakes those in line
        await asyncio.gather(*tasks)
        assert (gate.in_flight, gate.waiting, order) == (0, 0, [0, 1, 2, 3, 4])

    run(main())


def test_a_full_line_refuses_at_once() -> None:
    async def main() -> None:
        gate = Gate()
        gate.fit(limits(1, queue=1, queue_timeout=2.5))
        gate.enter()
        waiting = asyncio.create_task(gate.wait())
        await settle()
        with pytest.raises(Problem) as refused:
            await gate.wait()
        assert (refused.value.status, refused.value.code) == (529, "overloaded")
        assert refused.value.headers == ((b"retry-after", b"3"),)
        assert (gate.refused, gate.waiting, gate.in_flight) == (1, 1, 1)
        gate.leave()
        await waiting

    run(main())


def test_who_waits_too_long_is_sent_away_and_leaves_no_trace() -> None:
    async def main() -> None:
        gate = Gate()
        gate.fit(limits(1, queue_timeout=0.01))
        gate.enter()
        with pytest.raises(Problem):
            await gate.wait()
        assert (gate.refused, gate.waiting, gate.in_flight) == (1, 0, 1)
        gate.leave()
        assert gate.enter()

    run(main())


def test_raising_the_cap_lets_in_at_once_and_lowering_it_holds_back() -> None:
    async def main() -> None:
        gate = Gate()
        gate.fit(limits(1))
        gate.enter()
        waiting = [asyncio.create_task(gate.wait()) for _ in range(4)]
        await settle()
        gate.fit(limits(3))
        await settle()
        assert (gate.in_flight, gate.waiting) == (3, 2)
        gate.fit(limits(1))
        gate.leave()
        gate.leave()
        await settle()
        assert (gate.in_flight, gate.waiting) == (1, 2)
        gate.leave()
        await settle()
        assert (gate.in_flight, gate.waiting) == (1, 1)
        gate.fit(None)
        await asyncio.gather(*waiting)
        assert (gate.in_flight, gate.waiting) == (2, 0)

    run(main())


def test_a_stopping_server_sends_the_line_away() -> None:
    async def main() -> None:
        gate = Gate()
        gate.fit(limits(1))
        gate.enter()
        waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
        await settle()
        gate.close(stopping)
        for one in [*waiting, gate.wait()]:
            with pytest.raises(Problem, match="shutting down"):
                await one
        assert (gate.in_flight, gate.waiting) == (1, 0)

    run(main())


ACTS = st.lists(st.sampled_from(["come", "come", "come", "leave", "cancel", "leave and cancel", "more", "less"]))


class Crowd:
    """Who is inside, and who waits, by what the gate has let them do."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.cap = 2
        self.inside = 0
        self.tasks: list[asyncio.Task[None]] = []
        self.gate.fit(limits(self.cap, queue=5))

    def act(self, act: str) -> None:
        if act == "come":
            if self.gate.enter():
                self.inside += 1
            else:
                self.tasks.append(asyncio.create_task(self.gate.wait()))
        if act.startswith("leave") and self.inside:
            self.inside -= 1
            self.gate.leave()
        if act.endswith("cancel") and self.tasks:
            self.tasks[0].cancel()
        if act in ("more", "less"):
            self.cap = max(1, self.cap + (1 if act == "more" else -1))
            self.gate.fit(limits(self.cap, queue=5))

    def count(self) -> None:
        for task in [one for one in self.tasks if one.done()]:
            self.tasks.remove(task)
            if not task.cancelled() and task.exception() is None:
                self.inside += 1


@given(ACTS)
def test_whatever_comes_and_goes_the_numbers_hold(acts: list[str]) -> None:
    """`leave and cancel`: a place is handed to somebody who is told to go in the same turn of the loop."""

    async def main() -> None:
        crowd = Crowd()
        gate = crowd.gate
        for act in acts:
            crowd.act(act)
            await settle()
            crowd.count()
            assert gate.in_flight == crowd.inside
            assert gate.waiting == len(crowd.tasks) <= 5
            assert not gate.waiting or gate.in_flight >= crowd.cap
        for task in crowd.tasks:
            task.cancel()
        await settle()
        assert gate.waiting == 0
        for _ in range(crowd.inside):
            gate.leave()
        assert gate.in_flight == 0

    run(main())
