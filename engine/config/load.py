"""files -> text -> tree + spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from engine.diagnostics import Span

Path = tuple[str | int, ...]
"""Where a value stands in the document: ("upstreams", "openai", "timeouts")."""


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """Plain values, and where each of them stands. Includes are already merged in (rules C1, C2)."""

    data: dict[str, Any]
    keys: dict[Path, Span]
    """Path of a mapping entry -> the span of its key."""
    values: dict[Path, Span]
    """Path -> the span of its value."""

    def key(self, *path: str | int) -> Span | None:
        """Return the span of the key at `path`, or of the nearest thing above it that has one."""
        for end in range(len(path), -1, -1):
            span = self.keys.get(path[:end]) or self.values.get(path[:end])
            if span is not None:
                return span
        return None

    def value(self, *path: str | int) -> Span | None:
        """Return the span of the value at `path`, or of the nearest thing above it."""
        return self.values.get(path) or self.key(*path)
