"""Takes off the text of an answer what does not belong to it: a code fence around it, and all from a stop sequence on.

Text comes in pieces, split anywhere: what may still be part of a fence or of a stop sequence is held back.
"""

from __future__ import annotations

import re

UNDECIDED = re.compile(r"\s*(?:`{0,2}|```[\w+-]*\s*)")
"""What may yet become the opening of a fence."""
OPENING = re.compile(r"\s*```[\w+-]*\s*")
FENCE = "```"


class Fence:
    """Takes off a fence around a text, as models put it around JSON."""

    __slots__ = ("_fenced", "_held")

    def __init__(self) -> None:
        self._held = ""
        self._fenced: bool | None = None
        """None: not known yet."""

    def feed(self, text: str) -> str:
        """Return what is known to be inside the fence, or no fence at all."""
        held = self._held + text
        if self._fenced is None:
            if UNDECIDED.fullmatch(held):
                self._held = held
                return ""
            opening = OPENING.match(held)
            self._fenced = opening is not None
            held = held[opening.end() :] if opening else held
        kept = len(self._inside(held)) if self._fenced else len(held)
        self._held = held[kept:]
        return held[:kept]

    def end(self) -> str:
        """The text is over: return what was held and is no fence. The next text begins anew."""
        held, fenced = self._held, self._fenced
        self._held, self._fenced = "", None
        return "" if fenced and held.strip() == FENCE else held

    def _inside(self, text: str) -> str:
        """Return `text` without what may be the closing fence."""
        body = text.rstrip()
        ticks = min(len(body) - len(body.rstrip("`")), len(FENCE))
        return body[: len(body) - ticks].rstrip()


class Cut:
    """Ends a text in front of the first stop sequence: the one that is complete first, as in a model's decoder."""

    __slots__ = ("_held", "_stops", "hit")

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.hit: str | None = None
        """The stop sequence that was met: all text after it is dropped."""

    def feed(self, text: str) -> str:
        """Return what stands in front of any stop sequence, as far as that is known."""
        if self.hit is not None:
            return ""
        held = self._held + text
        found = [(at + len(stop), at, stop) for stop in self._stops if (at := held.find(stop)) >= 0]
        if found:
            _, at, self.hit = min(found)
            self._held = ""
            return held[:at]
        kept = len(held) - self._begun(held)
        self._held = held[kept:]
        return held[:kept]

    def end(self) -> str:
        """The text is over: return what was held. The next text begins anew."""
        held, self._held = self._held, ""
        return held

    def _begun(self, text: str) -> int:
        """Return how much of the end of `text` may be the beginning of a stop sequence."""
        longest = min(len(text), max(map(len, self._stops), default=1) - 1)
        for size in range(longest, 0, -1):
            tail = text[-size:]
            if any(stop.startswith(tail) for stop in self._stops):
                return size
        return 0
