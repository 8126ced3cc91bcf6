"""Calendar periods, UTC: which one a moment is in, and when it ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.store.base import Period

DAY = 86400


def period_of(epoch: float, period: Period) -> tuple[int, float]:
    """Return the number of the day (since 1970) or month (12 x year + month - 1), and the seconds until it ends."""
    day = int(epoch // DAY)
    if period == "day":
        return day, (day + 1) * DAY - epoch
    now = datetime.fromtimestamp(day * DAY, UTC)
    end = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    return 12 * now.year + now.month - 1, end.timestamp() - epoch


def written(number: int, period: Period) -> str:
    """Return a period as a journal names it: 2026-10-31, or 2026-10."""
    if period == "day":
        return datetime.fromtimestamp(number * DAY, UTC).strftime("%Y-%m-%d")
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def read(text: str) -> tuple[int, Period]:
    """Return what `written` has made. Raises `ValueError`."""
    if len(text) == len("2026-10"):
        year, month = text.split("-")
        return 12 * int(year) + int(month) - 1, "month"
    return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() // DAY), "day"
