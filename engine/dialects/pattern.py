"""A name against a pattern in which `*` is any run of characters."""

from __future__ import annotations

import re
from functools import lru_cache


def matches(pattern: str, name: str) -> bool:
    """Say whether `name` fits `pattern`, whatever the case of either."""
    return _compiled(pattern.lower()).fullmatch(name.lower()) is not None


@lru_cache(512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
