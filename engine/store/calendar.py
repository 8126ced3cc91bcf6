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
