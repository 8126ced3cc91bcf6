"""What was spent of budgets, read back when a process begins: a restart forgets none of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from engine.observe.journal.file import located, reading

if TYPE_CHECKING:
    from collections.abc import Sequence


def charges(path: str, periods: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return (key of the counter, period, micro-USD) of everything spent in `periods`: 2026-10-31, 2026-10.

    Raises `sqlite3.Error` where there is a file and it cannot be read.
    """
    file = located(path)
    if not file.exists() or file.stat().st_size == 0:
        return []
    with contextlib.closing(reading(file)) as db:
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'charges'").fetchone()[0]:
            return []
        marks = ", ".join("?" for _ in periods)
        query = f"SELECT counter, period, amount FROM charges WHERE period IN ({marks})"  # noqa: S608 - question marks
        return db.execute(query, tuple(periods)).fetchall()
