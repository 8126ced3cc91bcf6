"""What of the file asks for the tokens of answers (level 1). A file in which nothing does pays nothing for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dialects import CODECS
from engine.dialects.unasked import ASKABLE, is_ours
from engine.plan.family import family_of
from engine.plan.nodes import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.plan.layers import Tuning
    from engine.plan.nodes import Plan, Target
    from engine.plan.source import Source


def usage_for(source: Source) -> tuple[Step, ...]:
    """Return everything that asks for the tokens of answers, as `explain` tells it."""
    return tuple(step for asks in ASKING for step in asks(source))


def asks(plan: Plan, api: str, target: Target, tuning: Tuning) -> bool:
    """Say whether a stream of `api` is asked for its usage at `target`, whatever the client asks: somebody needs it, it
    is not told unasked, the target takes that, and the file leaves it to us."""
    if not plan.needs_usage or api not in ASKABLE:
        return False
    return family_of(plan, target, tuning, CODECS["chat"]).include_usage and is_ours((*tuning.set, *tuning.unset))


def _prices(source: Source) -> Iterator[Step]:
    if source.document.prices:
        span = source.tree.key("prices")
        yield Step(section="prices", name="prices", verdict="read", why="prices say what tokens cost", span=span)


def _log(source: Source) -> Iterator[Step]:
    if source.document.observe.log.usage:
        span = source.tree.key("observe", "log", "usage")
        yield Step(section="observe", name="log", verdict="read", why="the log tells it", span=span)


def _journal(source: Source) -> Iterator[Step]:
    if source.document.observe.journal is not None:
        span = source.tree.key("observe", "journal")
        yield Step(section="observe", name="journal", verdict="read", why="the journal sums it up", span=span)


def _metrics(source: Source) -> Iterator[Step]:
    if source.document.observe.metrics:
        span = source.tree.key("observe", "metrics")
        yield Step(section="observe", name="metrics", verdict="read", why="metrics count it", span=span)


def _limits(source: Source) -> Iterator[Step]:
    for name, limit in source.document.limits.items():
        for word in ("tokens", "budget"):
            if getattr(limit, word) is not None:
                span = source.tree.key("limits", name, word)
                yield Step(section="limits", name=name, verdict="read", why=f"limit {name} counts {word}", span=span)


ASKING = (_prices, _log, _journal, _metrics, _limits)
"""Who may ask."""
