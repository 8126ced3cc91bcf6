"""What the journal tells of usage: requests, tokens and cost, summed by key, model, day, target, client."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from engine.observe.journal.file import located, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DIMENSIONS = {
    "key": "coalesce(key, '-')",
    "model": "coalesce(model, '-')",
    "day": "date(at, 'unixepoch')",
    "target": "coalesce(target, '-')",
    "client": "coalesce(client, '-')",
}
"""What sums can be made by -> the SQL of it. Days are those of UTC."""

FIGURES = {
    "requests": "count(*)",
    "errors": "count(reason)",
    "input": "coalesce(sum(input), 0)",
    "cache_read": "coalesce(sum(cache_read), 0)",
    "cache_write": "coalesce(sum(cache_write), 0)",
    "output": "coalesce(sum(output), 0)",
    "unpriced": "sum(cost IS NULL AND output IS NOT NULL)",
    "cost": "coalesce(sum(cost), 0)",
}
"""The sums. Tokens are in buckets that do not overlap; `cost` is in micro-USD, of what has a price."""


class Sum(NamedTuple):
    """One line: its values of the dimensions, and its figures."""

    of: tuple[str, ...]
    figures: tuple[int, ...]


class Unreadable(Exception):  # noqa: N818 - it is what the user is told
    """Why there is nothing to read."""


def usage(path: str, by: Sequence[str], since: float | None, until: float | None) -> list[Sum]:
    """Return the sums by these dimensions, in their order; `since` <= at < `until`, in seconds since 1970.

    What asked no model and took no route is left out. Raises `Unreadable`.
    """
    columns = ", ".join(DIMENSIONS[one] for one in by)
    query = (
        f"SELECT {columns}, {', '.join(FIGURES.values())} FROM requests"  # noqa: S608 - from the tables above
        " WHERE (api IS NOT NULL OR route IS NOT NULL) AND at >= ? AND at < ?"
        f" GROUP BY {columns} ORDER BY {columns}"
    )
    with _open(path) as db:
        found = db.execute(query, (since if since is not None else 0.0, until if until is not None else 1e18))
        return [Sum(tuple(line[: len(by)]), tuple(line[len(by) :])) for line in found]


@contextlib.contextmanager
def _open(path: str) -> Iterator[sqlite3.Connection]:
    file = located(path)
    if not file.exists():
        raise Unreadable(f"there is no journal `{path}` yet")
    try:
        with contextlib.closing(reading(file)) as db:
            yield db
    except sqlite3.Error as error:
        raise Unreadable(f"the journal `{path}` cannot be read: {error}") from None
