"""What day it is, for keys that expire."""

from __future__ import annotations

import datetime
import time
from functools import lru_cache


def today() -> str:
    """Return the UTC day, as `keys.<k>.expires` writes it."""
    return _iso(int(time.time()) // 86400)


@lru_cache(2)
def _iso(day: int) -> str:
    """Return the date that is `day` days after the first of 1970."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()
