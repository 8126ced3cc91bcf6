"""The `observe` section: where the journal is."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from engine.plan.nodes import Journal
from engine.units import seconds

if TYPE_CHECKING:
    from engine.plan.source import Source


def compile_journal(source: Source) -> Journal | None:
    """Return the journal. Its path is relative to the file that names it."""
    written = source.document.observe.journal
    if written is None:
        return None
    span = source.tree.value("observe", "journal", "path")
    folder = PurePath(span.file).parent if span is not None else PurePath()
    path = written.path if written.path.startswith("~") else str(folder / written.path)
    return Journal(name="journal", path=path, retention=seconds(written.retention), span=span)
