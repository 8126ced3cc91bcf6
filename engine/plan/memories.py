"""`memory`: one bound, and what it takes to keep it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from engine import resources
from engine.plan.layers import Memory
from engine.units import seconds

if TYPE_CHECKING:
    from engine.plan.source import Source


def compile_memory(source: Source, path: tuple[str | int, ...], declared: Any) -> Memory | None:
    """Return what `declared`, which stands at `path`, remembers."""
    memory = declared.memory
    if memory is None:
        return None
    span = source.tree.key(*path, "memory")
    if (memory.messages is None) == (memory.tokens is None):
        source.report.error(
            "bad-memory",
            "`memory` has one bound: `messages` or `tokens`",
            span,
            help="write `memory: {messages: 40}`, or `memory: {tokens: 8000}`",
        )
        return None
    if find_spec("langchain_core") is None:
        needs = f"`memory` needs LangChain: {resources.extra('langchain')}"  # noqa: S610 - not Django
        source.report.error("missing-extra", needs, span, help="install it, or remove `memory`")
        return None
    return Memory(
        name="memory",
        span=span,
        messages=memory.messages,
        tokens=memory.tokens,
        seconds=seconds(memory.ttl),
        summary=memory.summary,
    )
