"""What limits on tokens and money reckon with: an estimate before a request is sent, facts after it (L4, L6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Usage
from engine.policies.base import Demand

if TYPE_CHECKING:
    from engine.facts import Depth
    from engine.plan.prices import Price

UNSAID = 1000
"""Tokens of output that are reckoned with where a request sets no limit: more than most answers have. What it really
takes is settled afterwards."""


def demand(api: str, depth: Depth, price: Price | None = None) -> Demand:
    """Return what a request of `api` is expected to take: our estimate of its input, and all the output it allows.

    `price` is that of the target; without one it costs nothing. An embedding has no output.
    """
    allowed = UNSAID if depth.max_tokens is None else max(0, depth.max_tokens)
    expected = Usage(input=depth.input_tokens, output=0 if api == "embeddings" else allowed)
    return spent(expected, price.cost(expected) if price is not None else None)


def spent(usage: Usage, cost: int | None) -> Demand:
    """Return what a request took: all input, cached too, and all output; `cost` in micro-USD, None for nothing."""
    tokens = usage.input + usage.cache_read + usage.cache_write + usage.output
    return Demand(tokens=tokens, dollars=cost or 0)
