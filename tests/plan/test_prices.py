"""What tokens cost: which price a target has, and the sum to the micro-dollar."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Usage
from engine.plan.nodes import Target
from engine.plan.prices import REMEMBERED, Prices, priced
from tests.plan.plans import UPSTREAMS, plan, report

MODELS = "models: {'o*': 'openai/*', 'a*': 'anthropic/*'}\nkeys: {anonymous: {}}\n"


def prices(**declared: float) -> Prices:
    """Return prices whose input costs what the keyword says; in a name, __ is a slash and X a star."""
    named = {name.replace("__", "/").replace("X", "*"): input_ for name, input_ in declared.items()}
    section = json.dumps({name: {"input": cost, "output": 0} for name, cost in named.items()})
    return plan(UPSTREAMS + MODELS + f"prices: {section}\n").prices


def cost_of(found: Prices, target: str, tokens: int = 1) -> int | None:
    upstream, _, model = target.partition("/")
    return priced(found, Target(upstream=upstream, model=model), Usage(input=tokens))


@pytest.mark.parametrize(
    ("declared", "target", "cost"),
    [
        ({"m": 1}, "openai/m", 1),
        ({"m": 1}, "anthropic/m", 1),
        ({"m": 1}, "openai/meta/m", None),
        ({"m": 1}, "openai/mm", None),
        ({"meta__m": 1}, "openai/meta/m", 1),
        ({"openai__m": 1}, "openai/m", 1),
        ({"openai__m": 1}, "anthropic/m", None),
        ({"openai__m": 1}, "anthropic/openai/m", None),
        ({"X": 1}, "openai/a/b", 1),
        ({"X__m": 1}, "openai/m", 1),
        ({"X__m": 1}, "openai/meta/m", 1),
        ({"mX": 1, "m": 2}, "openai/m", 2),
        ({"openai__m-X": 1, "m-long": 2}, "openai/m-long", 2),
        ({"m": 1, "openai__m": 2}, "openai/m", 2),
        ({"m": 1, "openai__m": 2}, "anthropic/m", 1),
        ({"mX": 1, "m-longX": 2}, "openai/m-longer", 2),
        ({"X": 1, "openai__X": 2, "openai__mX": 3}, "openai/m", 3),
        ({"X": 1, "openai__X": 2, "openai__mX": 3}, "openai/x", 2),
        ({"X": 1, "openai__X": 2, "openai__mX": 3}, "anthropic/m", 1),
    ],
)
def test_the_most_specific_price_counts(declared: dict[str, float], target: str, cost: int | None) -> None:
    assert cost_of(prices(**declared), target) == cost


def test_targets_beyond_number_are_not_all_remembered() -> None:
    found = prices(X=1)
    for number in range(3 * REMEMBERED):
        assert cost_of(found, f"openai/m{number}") == 1
    assert len(found._found) <= REMEMBERED


def price(text: str) -> Prices:
    return plan(UPSTREAMS + MODELS + f"prices: {{m: {{{text}}}}}\n").prices


@pytest.mark.parametrize(
    ("text", "usage", "cost"),
    [
        ("input: 3, output: 15", Usage(input=1_000_000), 3_000_000),
        ("input: 3, output: 15", Usage(output=1_000_000), 15_000_000),
        ("input: 3, output: 15", Usage(cache_read=10), 30),
        ("input: 3, output: 15", Usage(cache_write=10), 30),
        ("input: 3, output: 15, cached: 0.3", Usage(cache_read=10), 3),
        ("input: 3, output: 15, cached: 0", Usage(cache_read=10), 0),
        ("input: 3, output: 15, cache_write: 3.75", Usage(cache_write=4), 15),
        ("input: 3, output: 15", Usage(output=10, reasoning=9), 150),
        ("input: 0.1, output: 0", Usage(input=10), 1),
        ("input: 0.1, output: 0", Usage(input=11), 2),
        ("input: 0.1, output: 0.2", Usage(input=1, output=1), 1),
        ("input: 1e-3, output: 0", Usage(input=1), 1),
        ("input: 0, output: 0", Usage(input=1), 0),
        (
            "input: 2, output: 10, cached: 0.5, cache_write: 4",
            Usage(input=1, cache_read=2, cache_write=3, output=4),
            55,
        ),
    ],
)
def test_a_cost_is_exact_and_rounded_up(text: str, usage: Usage, cost: int) -> None:
    assert priced(price(text), Target(upstream="openai", model="m"), usage) == cost


micro = st.integers(0, 10**9)


@given(micro, micro, micro, micro)
def test_a_cost_is_the_sum_of_its_buckets(one: int, two: int, three: int, four: int) -> None:
    usage = Usage(input=one, cache_read=two, cache_write=three, output=four)
    found = SEVERAL.of(Target(upstream="openai", model="m"))
    assert found is not None
    thousandths = one * 1100 + two * 110 + three * 1375 + four * 4400
    assert found.cost(usage) == -(-thousandths // 1000)


SEVERAL = price("input: 1.1, output: 4.4, cached: 0.11, cache_write: 1.375")


@pytest.mark.parametrize(
    ("one", "two", "ambiguous"),
    [
        ("a*", "*a", True),
        ("ab*", "*a", False),
        ("openai/a*", "openai/*a", True),
        ("a*", "b*", False),
        ("*/aaa", "openai/*", False),
    ],
)
def test_two_of_which_neither_is_more_specific(one: str, two: str, ambiguous: bool) -> None:
    costs = json.dumps({one: {"input": 1, "output": 1}, two: {"input": 2, "output": 2}})
    found = report(UPSTREAMS + MODELS + f"prices: {costs}\n")
    assert ["ambiguous-prices"] * ambiguous == [each.code for each in found.errors]


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("openai/gpt", True),
        ("gpt", True),
        ("*", True),
        ("openai/*", True),
        ("g*t", True),
        ("*/gpt", True),
        ("anthropic/gpt", False),
        ("claude", False),
        ("gp", False),
        ("opnai/gpt", False),
        ("meta/gpt", False),
        ("vendor/model", True),
    ],
)
def test_a_price_of_nothing_is_told(name: str, used: bool) -> None:
    file = UPSTREAMS + "models: {a: openai/gpt, b: openai/vendor/model, c: anthropic/x}\nkeys: {anonymous: {}}\n"
    found = report(file + f"prices: {{{json.dumps(name)}: {{input: 1, output: 1}}}}\n")
    assert [one.code for one in found.diagnostics] == ([] if used else ["unused-price"])


def test_a_pattern_of_targets_may_lead_to_any() -> None:
    file = UPSTREAMS + "models: {'gpt-*': openai/gpt-*, c: anthropic/x}\nkeys: {anonymous: {}}\n"
    assert report(file + "prices: {gpt-5.5: {input: 1, output: 1}}\n").diagnostics == []
