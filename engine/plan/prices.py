"""The `prices` section: what a target's tokens cost. Amounts are micro-USD, whole, rounded up.

A key with `upstream/` in front (or a pattern that reaches over it) means targets; any other means models, whoever
serves them. Exact beats pattern, more literal characters beat fewer (as rule N3), and a target beats a model.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import lcm
from typing import TYPE_CHECKING

from engine.diagnostics import Label
from engine.plan.layers import Node
from engine.plan.match import Pattern, pattern
from engine.plan.near import did_you_mean, listing

if TYPE_CHECKING:
    from engine.chat import Usage
    from engine.config.sections import prices as sections
    from engine.plan.nodes import Target
    from engine.plan.source import Source

REMEMBERED = 1024
"""Targets whose price is remembered: through a pattern clients can name any number."""


class Price(Node, frozen=True, kw_only=True):
    """What a token costs, in parts of a micro-USD, `scale` of which are one: exact, whatever decimals the file has."""

    pattern: Pattern
    whole: bool
    """`pattern` is of upstream/model, not of model names alone."""
    scale: int
    input: int
    cached: int
    cache_write: int
    output: int

    def matches(self, target: Target) -> bool:
        return self.pattern.match(str(target) if self.whole else target.model) is not None

    def cost(self, usage: Usage) -> int:
        """Return what `usage` costs, in micro-USD."""
        parts = (
            self.input * usage.input
            + self.cached * usage.cache_read
            + self.cache_write * usage.cache_write
            + self.output * usage.output
        )
        return -(-parts // self.scale)


class Prices:
    """Every price of the file, the most specific first."""

    def __init__(self, prices: tuple[Price, ...] = ()) -> None:
        self.prices = tuple(sorted(prices, key=_rank))
        self._found: dict[tuple[str, str], Price | None] = {}

    def __bool__(self) -> bool:
        return bool(self.prices)

    def of(self, target: Target) -> Price | None:
        """Return the price of a target, None where the file has none."""
        place = (target.upstream, target.model)
        if place not in self._found:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[place] = next((price for price in self.prices if price.matches(target)), None)
        return self._found[place]


def compile_prices(source: Source) -> Prices:
    """Return the prices. Reports two of which neither is more specific."""
    prices = tuple(_price(source, name, declared) for name, declared in source.document.prices.items())
    for one, two in combinations(prices, 2):
        if _rank(one) == _rank(two) and one.pattern.overlaps(two.pattern):
            source.report.error(
                "ambiguous-prices",
                f"`{two.name}` and `{one.name}` can mean the same model, and neither is more specific",
                two.span,
                help="make one of them longer, or give the models in question prices of their own",
                labels=(Label(one.span, f"`{one.name}` is here"),) if one.span is not None else (),
            )
    return Prices(prices)


def check_prices(prices: Prices, targets: list[Pattern], source: Source) -> None:
    """Report prices of nothing that the file leads to."""
    for price in prices.prices:
        theirs = price.pattern if price.whole else pattern(f"*/{price.pattern.text}")
        if not any(theirs.overlaps(target) for target in targets):
            names = [target.text for target in targets]
            source.report.warning(
                "unused-price",
                f"`{price.name}` is the price of no target of this file",
                price.span,
                help=did_you_mean(price.name, names, listing("targets", names)),
            )


def _price(source: Source, name: str, declared: sections.Price) -> Price:
    first = name.partition("/")[0]
    cached = declared.input if declared.cached is None else declared.cached
    written = declared.input if declared.cache_write is None else declared.cache_write
    exact = [Fraction(str(dollars)) for dollars in (declared.input, cached, written, declared.output)]
    scale = lcm(*(one.denominator for one in exact))  # 0.1 is a tenth, not the float next to it
    parts = [int(one * scale) for one in exact]
    return Price(
        name=name,
        span=source.tree.key("prices", name),
        pattern=pattern(name),
        whole="/" in name and ("*" in first or first in source.document.upstreams),
        scale=scale,
        input=parts[0],
        cached=parts[1],
        cache_write=parts[2],
        output=parts[3],
    )


def _rank(price: Price) -> tuple[bool, int, bool]:
    """Return what prices are sorted by: exact names, then the longest patterns, then those that name the upstream."""
    return (price.pattern.stars > 0, -price.pattern.literals, not price.whole)


def priced(prices: Prices, target: Target, usage: Usage) -> int | None:
    """Return what `usage` of `target` costs, in micro-USD; None where the file has no price for it."""
    price = prices.of(target)
    return None if price is None else price.cost(usage)
