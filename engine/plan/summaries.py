"""`memory.summary`: who sums up what a memory leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.plan.near import did_you_mean, listing
from engine.plan.resolve import lookup

if TYPE_CHECKING:
    from engine.plan.references import Models
    from engine.plan.source import Source


def check_summaries(source: Source, models: Models) -> None:
    """Report summaries that no entry writes, and those that would remember themselves."""
    document = source.document
    places: list[tuple[tuple[str | int, ...], Any]] = [(("defaults", "model"), document.defaults.model)]
    places += [(("models", name), model) for name, model in document.models.items() if not isinstance(model, str)]
    places += [(("routes", index), route) for index, route in enumerate(document.routes)]
    for path, place in places:
        name = place.memory.summary if place.memory is not None else None
        if name is None:
            continue
        span = source.tree.value(*path, "memory", "summary")
        entry = lookup(models.entries, models.patterns, name)
        if entry is None:
            known = listing("models", models.entries)
            told = f"no entry of `models` is called `{name}`"
            source.report.error("unknown-model", told, span, help=did_you_mean(name, models.entries, known))
        elif entry.layer.memory is not None or path == ("defaults", "model"):
            told = f"`{name}` would remember what it sums up"
            source.report.error("bad-memory", told, span, help="name an entry without `memory`")
