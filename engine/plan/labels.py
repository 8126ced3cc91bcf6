"""The names by which metrics tell things apart: those of the file, and no other, so that there are only so many.

Clients choose model names; a series for each would grow without end, and tell whoever reads it what they asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.plan.match import Pattern, pattern
from engine.plan.resolve import lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.plan.nodes import Link, Plan

OTHER = "other"
NONE = "none"
KEPT = 4096
"""How many names are remembered with their label."""


class Labels:
    """The labels of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.models = frozenset(plan.entries)
        self.routes = frozenset(rule.name for rule in plan.rules)
        self.limits = frozenset(plan.limits)
        self.targets = frozenset(one.text for one in _targets(plan))
        self._plan = plan
        self._patterns = sorted(
            (one for one in set(_targets(plan)) if one.stars), key=lambda one: (-one.literals, one.text)
        )
        self._known: dict[tuple[str, str], str] = {}

    def model(self, asked: str | None) -> str:
        """Return the entry of `models` that the asked name leads to."""
        if asked is None:
            return NONE
        if asked in self.models:
            return asked
        return self._remembered("model", asked)

    def target(self, target: str | None) -> str:
        """Return a target as the file writes it, with its `*`."""
        if target is None:
            return NONE
        if target in self.targets:
            return target
        return self._remembered("target", target)

    def route(self, name: str | None) -> str:
        return NONE if name is None else name if name in self.routes else OTHER

    def _remembered(self, kind: str, name: str) -> str:
        label = self._known.get((kind, name))
        if label is None:
            if len(self._known) >= KEPT:
                self._known.clear()
            label = self._known[kind, name] = self._entry(name) if kind == "model" else self._pattern(name)
        return label

    def _entry(self, name: str) -> str:
        found = lookup(self._plan.entries, self._plan.patterns, name)
        return found.name if found is not None else OTHER

    def _pattern(self, name: str) -> str:
        return next((one.text for one in self._patterns if one.match(name) is not None), OTHER)


def _targets(plan: Plan) -> Iterator[Pattern]:
    """Yield every target that the file names, and the demo ones, which answer every name."""
    for link in _links(plan):
        if link.upstream is not None:
            yield link.text
    for upstream in plan.upstreams.values():
        if upstream.demo:
            yield pattern(f"{upstream.name}/*")


def _links(plan: Plan) -> Iterator[Link]:
    for entry in plan.entries.values():
        yield from entry.targets
        yield from entry.fallback
    for rule in plan.rules:
        if rule.link is not None:
            yield rule.link
