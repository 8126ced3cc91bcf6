"""Did you mean ...?"""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 200
"""Names beyond this length get no suggestions: comparing is quadratic, and names come from clients."""
MOST = 500
"""How many known names are compared."""


def near(word: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return up to `most` known names close to `word`, the closest first."""
    if len(word) > LONGEST:
        return []
    by_lower: dict[str, str] = {}
    for name in islice(known, MOST):
        by_lower.setdefault(name.lower(), name)
    return [by_lower[found] for found in difflib.get_close_matches(word.lower(), by_lower, n=most, cutoff=0.6)]


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return `did you mean ...?`, or `otherwise` when nothing is close."""
    found = near(word, known, 1)
    return f"did you mean `{found[0]}`?" if found else otherwise


def listing(noun: str, names: Iterable[str]) -> str:
    """Return the known names as a sentence: `upstreams: openai, anthropic`."""
    known = list(names)
    shown = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
    return f"{noun}: {shown}" if known else f"the file declares no {noun}"
