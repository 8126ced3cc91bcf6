"""What every step of `compile` reads, and where it puts what it finds."""

from __future__ import annotations

import msgspec

from engine.config.document import Document
from engine.config.tree import Tree
from engine.diagnostics import Report
from engine.plan.layers import Output, Prompt


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The document, where each of its values stands, and where findings go."""

    document: Document
    tree: Tree
    report: Report
    prompts: dict[tuple[str | int, ...], Prompt] = {}
    """Path (`("models", "smart", "prompt")`) -> its template."""
    outputs: dict[tuple[str | int, ...], Output] = {}
