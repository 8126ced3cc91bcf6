"""What we quote of a client's own words, cut to a length: they end in an answer and in the log."""

from __future__ import annotations

QUOTED = 60
"""The most characters of one value."""


def clipped(text: str, most: int = QUOTED) -> str:
    """Return `text`; where it has more than `most` characters its beginning, with `...` where it is cut."""
    return text if len(text) <= most else f"{text[:most]}..."
