"""Takes off the beginning of a text what it repeats of the text that it goes on from.

A model that is asked to go on where an answer was cut off often says the last words again. Taken off are, and nothing
else: the end of the text from the beginning of a word on, if it holds at least two different words; and the letters of
a word, three or more, with which the text ends, where the model begins that word anew ("quick bro" + "brown fox").
What repeats itself by its nature, such as rows of numbers or of dashes, stays.
"""

from __future__ import annotations

import re

LONGEST = 400
"""How many characters of the text before are looked at: no more is held back."""
SHORTEST = 8
"""The least number of characters of words that are taken off."""
LETTERS = 3
"""The least number of letters of one word."""
WORD = re.compile(r"[^\W\d_]{2,}")


class Overlap:
    """One text that goes on from `said`. Text comes in pieces: it is held back while it may be a repetition."""

    __slots__ = ("_held", "_tail", "_whole")

    def __init__(self, said: str) -> None:
        self._tail = said[-LONGEST:]
        self._whole = len(said) <= LONGEST
        self._held: str | None = ""
        """None: the beginning is over."""

    def feed(self, text: str) -> str:
        """Return what is known to be new."""
        if self._held is None:
            return text
        self._held += text
        may_grow = self._tail.find(self._held, 0, -1) >= 0
        return "" if may_grow else self.end()

    def end(self) -> str:
        """No more comes of the beginning: return what is new of what was held."""
        held, self._held = self._held or "", None
        return held[self._repeated(held) :]

    def _repeated(self, held: str) -> int:
        """Return how many characters of `held` say again what the text ends with."""
        tail = self._tail
        for size in range(min(len(tail), len(held)), LETTERS - 1, -1):
            start = len(tail) - size
            whole = not (tail[start - 1].isalnum() and tail[start].isalnum()) if start else self._whole
            if whole and held.startswith(tail[start:]) and tells(tail[start:]):
                return size
        return 0


def tells(text: str) -> bool:
    """Say whether a repetition of `text` cannot well be meant."""
    return text.isalpha() or (len(text) >= SHORTEST and len(set(WORD.findall(text))) > 1)
