"""Makes the sources of tools of a file: before there is a loop, or in a thread. Starts none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import resources
from engine.diagnostics import Label
from engine.serve.toolbox.boxes import filled, make
from engine.upstreams.base import Unbuildable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.diagnostics import Span
    from engine.plan.layers import ToolSource
    from engine.plan.read import Reading
    from engine.serve.toolbox.base import Source
    from engine.serve.toolbox.boxes import Boxes


def gather(reading: Reading, sources: Iterable[ToolSource], found: dict[str, Source], boxes: Boxes | None) -> None:
    """Make those of `sources` that do not live already; what is wrong is in the reading's report, at its line."""
    for node in sources:
        if boxes is not None and boxes.lives(node, reading.secrets):
            continue
        span = node.span
        try:
            found[node.key] = make(node.name, filled(node.declared, reading.secrets))
        except Unbuildable as error:
            reading.report.error(error.code, f"tools: {error}", span, help=error.help)
        except ImportError as error:
            extra = resources.extra("mcp" if node.declared.mcp is not None else "langchain")  # noqa: S610
            reading.report.error("missing-extra", f"tools: {error}", span, help=extra)
    _clashes(reading, found)


def _clashes(reading: Reading, found: dict[str, Source]) -> None:
    """Report tools of one list that are called alike, as far as that is known before anything has begun."""
    plan = reading.plan
    assert plan is not None
    layers = [plan.layer, *(entry.layer for entry in plan.entries.values()), *(rule.layer for rule in plan.rules)]
    told: set[Span | None] = set()
    for tools in (layer.tools for layer in layers if layer.tools is not None):
        names: dict[str, ToolSource] = {}
        for node in tools.sources:
            for name in getattr(found.get(node.key), "names", ()):
                first = names.setdefault(name, node)
                if first is not node and node.span not in told:
                    told.add(node.span)
                    labels = (Label(first.span, "this has it too"),) if first.span is not None else ()
                    message = f"tools: two of them are called `{name}`"
                    reading.report.error("tool-twice", message, node.span, help="give one a `prefix`", labels=labels)
