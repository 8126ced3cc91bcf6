"""In which order targets are asked: by counting, and what a session holds on to."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plan.balance import RANKS, Chance, Load, as_written, by_session, shared
from engine.plan.nodes import Pool, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.config.sections.models import Balance

IDLE = Load()
MANY = 6000
BALANCES = tuple(RANKS)


def pool(balance: Balance, **weights: int) -> Pool:
    targets = tuple(Target(upstream=name, model="m", weight=weight) for name, weight in weights.items())
    return Pool(entry="smart", targets=targets, retries=0, fallback_on=frozenset(), balance=balance)


def orders(
    one: Pool, count: int = MANY, session: Callable[[int], str | None] = lambda _: None, **loads: Load
) -> list[tuple[str, ...]]:
    """Return in which order each of `count` requests tries the upstreams."""
    lots = random.Random(1)
    return [
        tuple(
            target.upstream
            for target in shared(
                one, lambda target: loads.get(target.upstream, IDLE), Chance(lots.random, turn), session(turn)
            )
        )
        for turn in range(count)
    ]


def firsts(*args: Any, **how: Any) -> Counter[str]:
    return Counter(order[0] for order in orders(*args, **how))


def shares(counted: Counter[str]) -> dict[str, float]:
    return {name: round(count / counted.total(), 1) for name, count in sorted(counted.items())}


def test_failover_is_the_order_of_the_file_whatever_happens() -> None:
    assert set(orders(pool("failover", a=1, b=9), 9, a=Load(busy=9, latency=9, ready=False))) == {("a", "b")}


def test_weights_are_kept_to() -> None:
    assert shares(firsts(pool("weighted", a=3, b=1, c=6))) == {"a": 0.3, "b": 0.1, "c": 0.6}


def test_who_stands_in_for_another_has_its_share_of_it() -> None:
    """Where a has failed, b and c share its requests as their weights say."""
    after = Counter(order[1] for order in orders(pool("weighted", a=10, b=3, c=1)) if order[0] == "a")
    assert 2.5 < after["b"] / after["c"] < 3.5


def test_who_cools_comes_last_and_has_no_share() -> None:
    cooling = {"a": Load(ready=False)}
    for balance in BALANCES:
        found = orders(pool(balance, a=5, b=3, c=1), 400, **cooling)
        assert {order[2] for order in found} == {"a"}
        assert {order[0] for order in found} == {"b", "c"}
    assert shares(firsts(pool("weighted", a=5, b=3, c=1), **cooling)) == {"b": 0.7, "c": 0.3}


@pytest.mark.parametrize("session", [lambda _: None, str], ids=["without sessions", "of sessions"])
def test_no_weight_is_asked_only_after_all_others(session: Callable[[int], str | None]) -> None:
    found = orders(pool("weighted", a=0, b=2, c=1), 400, session)
    assert {order[2] for order in found} == {"a"}
    assert {order[0] for order in found} == {"b", "c"}


def test_round_robin_takes_turns() -> None:
    assert orders(pool("round_robin", a=1, b=1, c=1), 4) == [
        ("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b"), ("a", "b", "c"),
    ]  # fmt: skip
    assert firsts(pool("round_robin", a=1, b=1, c=1), 300, b=Load(ready=False)) == {"a": 150, "c": 150}


def test_least_busy_takes_turns_among_those_with_the_least() -> None:
    loads = {"a": Load(busy=2), "b": Load(busy=1), "c": Load(busy=1)}
    assert firsts(pool("least_busy", a=1, b=1, c=1), 300, **loads) == {"b": 150, "c": 150}
    assert {order[2] for order in orders(pool("least_busy", a=1, b=1, c=1), 9, **loads)} == {"a"}


def test_latency_takes_the_better_of_two() -> None:
    loads = {"a": Load(latency=0.2), "b": Load(latency=0.4), "c": Load(latency=0.8), "d": Load(latency=1.6)}
    assert shares(firsts(pool("latency", a=1, b=1, c=1, d=1), **loads)) == {"a": 0.5, "b": 0.3, "c": 0.2}
    assert firsts(pool("latency", a=1, b=1), 300, **loads) == {"a": 300}


def test_latency_counts_what_is_under_way_and_tries_who_is_not_known() -> None:
    assert firsts(pool("latency", a=1, b=1), 300, a=Load(busy=3, latency=0.2), b=Load(latency=0.5)) == {"b": 300}
    assert firsts(pool("latency", a=1, b=1), 300, a=Load(latency=0.2)) == {"b": 300}


# --- sessions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("balance", BALANCES)
def test_a_session_stays_whatever_the_loads(balance: Balance) -> None:
    one = pool(balance, a=1, b=1, c=1)
    busy = {"a": Load(busy=5, latency=3), "b": Load(latency=1)}
    assert len({*orders(one, 50, lambda _: "s1"), *orders(one, 50, lambda _: "s1", **busy)}) == 1


def test_weights_split_sessions() -> None:
    assert shares(firsts(pool("weighted", a=3, b=1, c=6), session=str)) == {"a": 0.3, "b": 0.1, "c": 0.6}
    assert shares(firsts(pool("round_robin", a=3, b=1, c=6), session=str)) == {"a": 0.3, "b": 0.3, "c": 0.3}


def test_only_the_sessions_of_who_fails_move() -> None:
    one = pool("weighted", a=3, b=2, c=1)
    before, after = orders(one, 2000, str), orders(one, 2000, str, a=Load(ready=False))
    assert [new[0] for new, old in zip(after, before, strict=True) if old[0] != "a"] == [
        old[0] for old in before if old[0] != "a"
    ]
    assert (
        1.6
        < (moved := Counter(new[0] for new, old in zip(after, before, strict=True) if old[0] == "a"))["b"] / moved["c"]
        < 2.5
    )


def test_who_comes_takes_sessions_and_moves_no_others() -> None:
    before, after = orders(pool("weighted", a=1, b=1), 900, str), orders(pool("weighted", a=1, b=1, c=1), 900, str)
    assert {new[0] for new, old in zip(after, before, strict=True) if new[0] != old[0]} == {"c"}


def test_where_a_session_goes_is_for_good() -> None:
    """Written down: another version, and another machine, must not send every session elsewhere."""
    one = pool("weighted", a=3, b=1, c=2)
    told = {session: "".join(target.upstream for target in by_session(one, session)) for session in GOES}
    assert told == GOES


GOES = {"s1": "cab", "s2": "cba", "s5": "abc", "é": "cab"}


# --- always ---------------------------------------------------------------------------------------------------------

weights = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9), min_size=1)
loads = st.builds(Load, st.integers(0, 9), st.floats(0, 9), ready=st.booleans())


@given(
    balance=st.sampled_from(("failover", *BALANCES)),
    weights=weights,
    loads=st.dictionaries(st.sampled_from("abcdef"), loads),
    session=st.none() | st.text(),
    turn=st.integers(0, 99),
    seed=st.integers(0, 99),
)
def test_every_target_is_asked_once(
    balance: Balance, weights: dict[str, int], loads: dict[str, Load], session: str | None, turn: int, seed: int
) -> None:
    one = pool(balance, **weights)
    chance = Chance(random.Random(seed).random, turn)
    found = shared(one, lambda target: loads.get(target.upstream, IDLE), chance, session)
    assert sorted(map(str, found)) == sorted(map(str, one.targets))


def test_what_is_explained_is_the_greatest_weight_first_then_the_file() -> None:
    told = [target.upstream for target in as_written(pool("weighted", a=1, b=2, c=0, d=2))]
    assert told == ["b", "d", "a", "c"]
    assert as_written(other := pool("least_busy", a=1, b=2)) == other.targets
