"""What one request took: the tokens of its tries, and what they cost. Kept only where the plan asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Problem, Usage
from engine.dialects import METERED, gauge
from engine.dialects.measure import tokens
from engine.dialects.meter import Meter
from engine.plan.prices import priced

if TYPE_CHECKING:
    from engine.chat import Language
    from engine.plan.nodes import Target
    from engine.plan.prices import Prices
    from engine.serve.order import Order


class Bill:
    """The account of one request."""

    def __init__(self, order: Order, prices: Prices) -> None:
        self.usage = Usage()
        """Of all tries; `estimated` where any of it is our own guess."""
        self.cost: int | None = None
        """Micro-USD; None: no target that took anything has a price."""
        self._order = order
        self._prices = prices

    def add(self, target: Target, meter: Meter, *, failed: bool) -> None:
        """Add a try. Of an answer that the client got, whole or not, what the upstream did not tell is estimated; of a
        try that came to nothing only that counts which the upstream told, for most charge nothing."""
        if not failed or meter.given:
            self._add(target, meter.usage(self._input_tokens))
        elif meter.told is not None:
            self._add(target, meter.told)

    def _input_tokens(self) -> int:
        """Return our estimate of the input; by its bytes where it is nested too deeply to be looked into."""
        try:
            return self._order.input_tokens()
        except Problem:
            return tokens(len(self._order.body))

    def _add(self, target: Target, usage: Usage) -> None:
        self.usage += usage
        cost = priced(self._prices, target, usage)
        if cost is not None:
            self.cost = (self.cost or 0) + cost


def bill(order: Order) -> Bill | None:
    """Return the account of a request; None where nobody asks for it, or it takes no tokens."""
    plan = order.visit.generation.plan
    return Bill(order, plan.prices) if plan.needs_usage and order.api in METERED else None


def meter_for(api: Language) -> Meter:
    """Return a meter for an answer of an upstream in `api`."""
    found = gauge(api)
    assert found is not None, api  # a request that takes tokens is sent as one that does
    return Meter(found)
