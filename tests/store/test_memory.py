"""The counters in memory, by a clock that the test turns."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
from hypothesis import given, settings

from engine.store.base import SLICES, Claim, Left, slice_width
from engine.store.memory import MemoryStore
from tests.store.model import DAY, SECOND, STARTS, Machine

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from engine.store.base import Verdict


class Clock:
    """One clock for both, in microseconds since 1970."""

    def __init__(self, micros: int = STARTS[0]) -> None:
        self.micros = micros

    def __call__(self) -> float:
        return self.micros / SECOND


class MemoryMachine(Machine):
    def make(self) -> MemoryStore:
        self.clock = Clock()
        return MemoryStore(self.clock, self.clock)

    def turn(self) -> None:
        self.clock.micros = self.now

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return run(coroutine)


MemoryMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=50)
TestMachine = MemoryMachine.TestCase


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what it returns; nothing in the memory store ever waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the memory store waited")


@given(
    most=st.integers(1, 20),
    span=st.sampled_from([0.001, 0.06, 1.0, 7.0, 60.0, 900.0]),
    steps=st.lists(st.tuples(st.floats(0, 1.2), st.integers(1, 5)), max_size=60),
)
def test_no_window_holds_more_than_it_admits(most: int, span: float, steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    store = MemoryStore(clock, clock)
    admitted: list[tuple[int, int]] = []
    for part, cost in steps:
        clock.micros += round(part**4 * span * SECOND)
        claim = Claim(key="k", kind="window", most=most, cost=min(cost, most), span=span)
        if not run(store.admit([claim])).refused:
            admitted.append((clock.micros, claim.cost))
    length = round(span * SECOND)
    for first, _ in admitted:
        assert sum(cost for at, cost in admitted if first <= at < first + length) <= most


def test_a_steady_stream_gets_nearly_all_that_the_limit_grants() -> None:
    clock = Clock()
    store = MemoryStore(clock, clock)
    claim = Claim(key="k", kind="window", most=600, cost=1, span=60.0)
    admitted = 0
    for _ in range(10 * 60 * 100):
        clock.micros += SECOND // 100
        admitted += not run(store.admit([claim])).refused
    assert 0.98 * 6000 <= admitted <= 6000 + 600


def test_one_that_refuses_leaves_the_others_uncharged() -> None:
    clock = Clock()
    store = MemoryStore(clock, clock)
    wide = Claim(key="wide", kind="window", most=10, cost=3, span=60.0)
    lease = Claim(key="lease", kind="lease", most=1, cost=1, span=15.0)
    spent = Claim(key="spent", kind="ledger", most=5, cost=2, period="day")
    first = run(store.admit([wide, lease, spent]))
    second = run(store.admit([wide, lease, spent]))
    assert [left.remaining for left in first.left] == [left.remaining for left in second.left] == [7, 0, 3]
    assert second.refused == (1,)
    run(store.release(first.ticket))
    third = run(store.admit([wide, lease, spent]))
    assert (third.refused, [left.remaining for left in third.left]) == ((), [4, 0, 1])
    assert run(store.admit([wide, spent])).refused == (1,)


def test_the_same_counter_twice_in_one_request_is_charged_twice_or_not_at_all() -> None:
    clock = Clock()
    store = MemoryStore(clock, clock)
    claim = Claim(key="k", kind="window", most=3, cost=2, span=60.0)
    assert run(store.admit([claim, claim])).refused == (1,)
    assert run(store.admit([claim])).left[0].remaining == 1


def test_what_can_never_be_admitted_says_so() -> None:
    clock = Clock()
    store = MemoryStore(clock, clock)
    verdict = run(store.admit([Claim(key="k", kind="window", most=3, cost=4, span=60.0)]))
    assert (verdict.refused, verdict.retry_after, verdict.left) == ((0,), inf, (Left(3, 0.0),))


def test_an_excess_is_charged_when_it_is_known_and_may_exceed_the_limit() -> None:
    clock = Clock()
    store = MemoryStore(clock, clock)
    claim = Claim(key="k", kind="window", most=10, cost=2, span=60.0)
    ticket = run(store.admit([claim])).ticket
    clock.micros += 10 * 60 * SECOND
    run(store.admit([Claim(key="other", kind="window", most=10, cost=2, span=60.0)]))  # the first counter has gone
    run(store.settle(ticket, [25]))
    verdict = run(store.admit([claim]))
    assert verdict.refused == (0,)
    assert verdict.left == (Left(0, (SLICES + 1) * slice_width(60.0) / SECOND),)
    clock.micros += round(verdict.retry_after * SECOND)
    assert not run(store.admit([claim])).refused


def test_what_a_stream_spends_over_midnight_counts_where_it_began() -> None:
    clock = Clock(STARTS[1])
    store = MemoryStore(clock, clock)
    claim = Claim(key="k", kind="ledger", most=10, cost=4, period="month")
    ticket = run(store.admit([claim])).ticket
    clock.micros += 20 * SECOND
    run(store.settle(ticket, [9]))
    assert run(store.admit([claim])).left == (Left(6, 31 * DAY / SECOND - 10),)


def test_a_calendar_that_is_put_back_over_midnight_gives_no_second_budget() -> None:
    clock, calendar = Clock(), Clock(STARTS[1])
    store = MemoryStore(clock, calendar)
    claim = Claim(key="k", kind="ledger", most=10, cost=6, period="day")
    run(store.admit([claim]))
    calendar.micros += 10 * SECOND
    assert not run(store.admit([claim])).refused
    calendar.micros -= SECOND
    assert run(store.admit([claim])).refused
    calendar.micros += SECOND
    assert run(store.admit([claim])).refused


def test_a_calendar_that_was_years_ahead_does_not_stop_the_budget_for_years() -> None:
    clock, calendar = Clock(), Clock(STARTS[0] + 3000 * DAY)
    store = MemoryStore(clock, calendar)
    claim = Claim(key="k", kind="ledger", most=10, cost=6, period="day")
    run(store.admit([claim]))
    calendar.micros = STARTS[0]
    assert run(store.admit([claim])).refused
    calendar.micros += DAY
    assert not run(store.admit([claim])).refused


class TestManyKeys:
    """Keys that clients can make up, such as addresses."""

    def window(self, key: object, cost: int = 1, span: float = 60.0) -> Claim:
        return Claim(key=str(key), kind="window", most=3, cost=cost, span=span)

    def test_counters_that_count_nothing_any_more_go(self) -> None:
        clock = Clock()
        store = MemoryStore(clock, clock)
        for key in range(50_000):
            clock.micros += SECOND // 100
            run(store.admit([self.window(key)]))
        assert len(store) < 2 * 61 * 100 + 100

    def test_beyond_the_bound_new_keys_share_one_counter_and_the_old_keep_theirs(self) -> None:
        clock = Clock()
        store = MemoryStore(clock, clock, most_counters=100)
        for key in range(100):
            assert not run(store.admit([self.window(key)])).refused
        assert sum(not run(store.admit([self.window(key)])).refused for key in range(1000, 1500)) == 3
        assert not run(store.admit([self.window(5, cost=2)])).refused
        assert len(store) <= 101

    def test_a_key_that_shared_gets_no_more_than_its_limit_when_there_is_room_again(self) -> None:
        clock = Clock()
        store = MemoryStore(clock, clock, most_counters=10)
        for key in range(10):
            run(store.admit([self.window(key)]))
        clock.micros += 50 * SECOND
        assert sum(not run(store.admit([self.window("late")])).refused for _ in range(5)) == 3
        clock.micros += 12 * SECOND  # the ten have gone, and what `late` was admitted is in the last minute
        assert run(store.admit([self.window("late")])).refused
        assert run(store.admit([self.window("new")])).refused  # nobody knows who shared
        clock.micros += 50 * SECOND
        assert sum(not run(store.admit([self.window("late")])).refused for _ in range(5)) == 3

    def test_leases_come_back_to_where_they_were_taken(self) -> None:
        clock = Clock()
        store = MemoryStore(clock, clock, most_counters=2)

        def lease(key: str) -> Claim:
            return Claim(key=key, kind="lease", most=2, cost=1, span=15.0)

        own = [run(store.admit([lease(key)])).ticket for key in ("a", "b")]
        shared = [run(store.admit([lease(key)])) for key in ("c", "d", "e")]
        assert [one.refused for one in shared] == [(), (), (0,)]
        for ticket in own:
            run(store.release(ticket))
        assert run(store.admit([lease("f")])).refused == (0,)
        for one in shared[:2]:
            run(store.release(one.ticket))
        assert [run(store.admit([lease("c")])).refused for _ in range(3)] == [(), (), (0,)]


def test_decisions_are_atomic_whatever_runs_at_once() -> None:
    clock = Clock()
    store = MemoryStore(clock, clock)
    claim = Claim(key="k", kind="window", most=100, cost=1, span=60.0)

    async def all_at_once() -> list[Verdict]:
        return await asyncio.gather(*(store.admit([claim]) for _ in range(1000)))

    verdicts = asyncio.run(all_at_once())
    assert sum(not one.refused for one in verdicts) == 100
