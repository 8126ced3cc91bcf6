"""Takes off the text of an answer what does not belong to it: a code fence around it, and all from a stop sequence on.

Text comes in pieces, split anywhere: what may still be part of a fence or of a stop sequence is held back. No piece is
looked at twice, so that a text costs the same in one piece and in a million.
"""

from __future__ import annotations

import re

BLANKS, TICK, WORD = re.compile(r"\s*"), re.compile("`"), re.compile(r"[\w+-]*")
OPENING = (BLANKS, TICK, TICK, TICK, WORD, BLANKS)
"""The opening of a fence, step by step."""
FENCE = "```"


class Fence:
    """Takes off a fence around a text, as models put it around JSON."""

    __slots__ = ("_fenced", "_held", "_step")

    def __init__(self) -> None:
        self._held: list[str] = []
        self._step = 0
        """How far the opening has been read."""
        self._fenced: bool | None = None
        """None: not known yet."""

    def feed(self, text: str) -> str:
        """Return what is known to be inside the fence, or no fence at all."""
        if self._fenced is None:
            start = self._open(text)
            if self._fenced is None:
                self._held.append(text)
                return ""
            if self._fenced:
                self._held.clear()
                text = text[start:]
        if self._fenced and not text.strip():
            self._held.append(text)
            return ""
        held = "".join((*self._held, text)) if self._held else text
        kept = len(_inside(held)) if self._fenced else len(held)
        self._held = [held[kept:]] if kept < len(held) else []
        return held[:kept]

    def end(self) -> str:
        """The text is over: return what was held and is no fence. The next text begins anew."""
        held, fenced = "".join(self._held), self._fenced
        self._held, self._step, self._fenced = [], 0, None
        return "" if fenced and held.strip() == FENCE else held

    def _open(self, text: str) -> int:
        """Read on in what may be the opening; return where in `text` it ends, once that is known."""
        at = 0
        while at < len(text):
            if self._step == len(OPENING):
                self._fenced = True
                break
            step = OPENING[self._step]
            found = step.match(text, at)
            if found is None:
                self._fenced = False
                break
            at = found.end()
            if step is TICK or at < len(text):
                self._step += 1
        return at


def _inside(text: str) -> str:
    """Return `text` without what may be the closing fence."""
    body = text.rstrip()
    ticks = min(len(body) - len(body.rstrip("`")), len(FENCE))
    return body[: len(body) - ticks].rstrip()


class Sought:
    """One stop sequence, and how much of it the text so far ends with (the search of Knuth, Morris and Pratt)."""

    __slots__ = ("_borders", "size", "stop")

    def __init__(self, stop: str) -> None:
        self.stop = stop
        self.size = 0
        """How many characters of `stop` stand at the end of the text."""
        self._borders = [0, 0]
        """For each size: how much of the beginning of `stop` these first characters also end with, as far as needed."""

    def feed(self, text: str) -> int:
        """Return where in `text` the sequence is complete for the first time, -1 if it is not."""
        stop, borders = self.stop, self._borders
        at, size = 0, self.size
        while at < len(text):
            if not size:
                at = text.find(stop[0], at)
                if at < 0:
                    break
            while size and stop[size] != text[at]:
                size = borders[size]
            size += stop[size] == text[at]
            at += 1
            if size == len(stop):
                return at
            if size == len(borders):
                borders.append(self._border(size))
        self.size = size
        return -1

    def _border(self, size: int) -> int:
        stop, last = self.stop, self.stop[size - 1]
        border = self._borders[size - 1]
        while border and stop[border] != last:
            border = self._borders[border]
        return border + (stop[border] == last)


class Cut:
    """Ends a text in front of the first stop sequence: the one that is complete first, as in a model's decoder."""

    __slots__ = ("_sought", "hit")

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._sought = [Sought(stop) for stop in dict.fromkeys(stops) if stop]
        self.hit: str | None = None
        """The stop sequence that was met: all text after it is dropped."""

    def feed(self, text: str) -> str:
        """Return what stands in front of any stop sequence, as far as that is known."""
        if self.hit is not None:
            return ""
        held = self._held()
        found = [(end, -len(one.stop), one.stop) for one in self._sought if (end := one.feed(text)) >= 0]
        if found:
            end, less, self.hit = min(found)
            return _first(held, text, len(held) + end + less)
        kept = max((one.size for one in self._sought), default=0)
        return _first(held, text, len(held) + len(text) - kept)

    def end(self) -> str:
        """The text is over: return what was held. The next text begins anew."""
        held = "" if self.hit is not None else self._held()
        for one in self._sought:
            one.size = 0
        return held

    def _held(self) -> str:
        """Return what may yet become a stop sequence: the longest beginning of one that the text ends with."""
        one = max(self._sought, key=lambda one: one.size, default=None)
        return one.stop[: one.size] if one is not None and one.size else ""


def _first(held: str, text: str, size: int) -> str:
    """Return the first characters of both."""
    return held[:size] + text[: max(0, size - len(held))]
