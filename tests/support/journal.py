"""Reads the journal of a running server, as anybody with SQLite does."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def rows(file: Path, table: str = "requests") -> list[Row]:
    """Return every row of a table, in the order written; none while there is no file."""
    if not file.exists() or not file.stat().st_size:
        return []
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=10)) as db:
        db.row_factory = sqlite3.Row
        found = db.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
        return [dict(row) for row in db.execute(f"SELECT * FROM {table}")] if found else []


def written(file: Path, count: int, table: str = "requests", timeout: float = 15.0) -> list[Row]:
    """Wait until the journal has `count` rows, and return them."""
    deadline = time.monotonic() + timeout
    while len(found := rows(file, table)) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} rows"
        time.sleep(0.05)
    assert len(found) == count
    return found
