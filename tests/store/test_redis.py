"""The counters in a real Valkey, by a clock that the test turns: the same as those in memory."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, note, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.store.base import Claim
from engine.store.link import Link
from engine.store.memory import MemoryStore
from engine.store.redis import SOURCE, RedisStore
from tests.store.model import DAY, SECOND, STARTS, Machine
from tests.store.test_memory import Clock

if TYPE_CHECKING:
    from tests.support.valkey import Valkey

TIME = "redis.call('TIME')"
EXPIRE = "redis.call('PEXPIRE', key, int(math.ceil(micros / 1000) + 1))"
TURNED = SOURCE.replace(TIME, "redis.call('LRANGE', 'clock', 0, 1)").replace(EXPIRE, "redis.call('PERSIST', key)")
"""The script, by the clock of the test; nothing goes by itself."""

PREFIXES = (f"test{number}" for number in itertools.count())


def test_the_script_has_one_clock() -> None:
    assert SOURCE.count("TIME") == SOURCE.count(EXPIRE) == 1
    assert SOURCE.count(TIME) == 1


class Turned:
    """A store whose clock is turned."""

    def __init__(self, valkey: Valkey) -> None:
        self.client = valkey.client()
        self.link = Link(valkey.url, None, "", lambda level, text: None)
        self.store = RedisStore(self.link, next(PREFIXES), source=TURNED)

    def turn(self, micros: int) -> None:
        pipeline = self.client.pipeline()
        pipeline.delete("clock")
        pipeline.rpush("clock", micros // SECOND, micros % SECOND)
        pipeline.execute()

    async def close(self) -> None:
        await self.store.close()
        await self.link.close()
        self.client.close()


def test_it_does_whatever_the_model_does(shared: Valkey) -> None:
    class RedisMachine(Machine):
        def make(self) -> RedisStore:
            self.turned = Turned(shared)
            return self.turned.store

        def turn(self) -> None:
            self.turned.turn(self.now)

        def teardown(self) -> None:
            self.run(self.turned.close())
            self.runner.close()

    run_state_machine_as_test(RedisMachine, settings=settings(max_examples=40, stateful_step_count=40))


STEP = st.tuples(
    st.sampled_from([0, 0, 1, 17, 5_000, SECOND, 20 * SECOND, -3, -SECOND, -90 * SECOND, DAY, -2 * DAY, 40 * DAY]),
    st.dictionaries(st.sampled_from("wWdml"), st.integers(0, 6), min_size=1, max_size=3),
    st.sampled_from(["", "settle", "release", "refund"]),
    st.integers(0, 12),
)
SHAPES = {
    "w": {"kind": "window", "most": 5, "span": 60.0},
    "W": {"kind": "window", "most": 9, "span": 0.01},
    "d": {"kind": "ledger", "most": 5, "period": "day"},
    "m": {"kind": "ledger", "most": 20, "period": "month"},
    "l": {"kind": "lease", "most": 2, "span": 10**9},
}


@given(start=st.sampled_from(STARTS), steps=st.lists(STEP, max_size=25))
@settings(max_examples=150)
def test_it_says_the_same_as_the_memory_whatever_the_clock_does(
    shared: Valkey, start: int, steps: list[tuple[int, dict[str, int], str, int]]
) -> None:
    async def play(turned: Turned) -> None:
        clock, now = Clock(start), start
        memory = MemoryStore(clock, clock)
        tickets: list[tuple[Any, Any]] = []
        for micros, asked, then, cost in steps:
            note(f"{now=} {micros=} {asked=} {then=} {cost=}")
            now += micros
            clock.micros = now
            turned.turn(now)
            claims = [Claim(key=key, cost=1 if key == "l" else units, **SHAPES[key]) for key, units in asked.items()]  # type: ignore[arg-type]
            here, there = await memory.admit(claims), await turned.store.admit(claims)
            assert (there.refused, there.retry_after) == (here.refused, pytest.approx(here.retry_after, abs=1e-6))
            assert [one.remaining for one in there.left] == [one.remaining for one in here.left]
            assert [one.reset for one in there.left] == pytest.approx([one.reset for one in here.left], abs=1e-6)
            if here.ticket is not None:
                tickets.append((here.ticket, there.ticket))
            if then and tickets:
                mine, theirs = tickets[cost % len(tickets)]
                costs = [None if one.kind == "lease" else cost for one in mine.claims]
                for store, ticket in ((memory, mine), (turned.store, theirs)):
                    await (store.settle(ticket, costs) if then == "settle" else getattr(store, then)(ticket))

    async def closing() -> None:
        turned = Turned(shared)
        try:
            await play(turned)
        finally:
            await turned.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.store.memory.SWEPT", 0)  # nothing goes by itself here either
        asyncio.run(closing())
