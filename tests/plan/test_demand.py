"""What a request is reckoned with before it is sent, and after."""

from __future__ import annotations

import pytest

from engine.chat import Usage
from engine.facts import Depth
from engine.plan.demand import UNSAID, demand, spent
from engine.plan.match import pattern
from engine.plan.prices import Price
from engine.policies.base import Demand

PRICE = Price(
    name="*",
    pattern=pattern("*"),
    whole=False,
    scale=4,
    input=1,
    cached=0,
    cache_write=4,
    output=8,
)


@pytest.mark.parametrize(
    ("api", "depth", "expected"),
    [
        ("chat", Depth(input_tokens=100, max_tokens=50), Demand(tokens=150, dollars=125)),
        ("messages", Depth(input_tokens=101, max_tokens=0), Demand(tokens=101, dollars=26)),
        ("chat", Depth(input_tokens=100), Demand(tokens=100 + UNSAID, dollars=25 + 2 * UNSAID)),
        ("chat", Depth(input_tokens=100, max_tokens=-5), Demand(tokens=100, dollars=25)),
        ("embeddings", Depth(input_tokens=100), Demand(tokens=100, dollars=25)),
    ],
)
def test_input_and_all_the_output_it_may_have(api: str, depth: Depth, expected: Demand) -> None:
    assert demand(api, depth, PRICE) == expected
    assert demand(api, depth) == Demand(tokens=expected.tokens)


def test_cached_input_counts_too() -> None:
    usage = Usage(input=1, cache_read=20, cache_write=300, output=4000, reasoning=3999)
    assert spent(usage, 7) == Demand(tokens=4321, dollars=7)
    assert spent(usage, None) == Demand(tokens=4321)
