"""Joins what another model says to the text that it carries on: nothing said twice, cut where the client wants it cut,
one usage for all. Sans-io; one object per target that carries on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.chat import Argued, Ended, Finished, Lost, Started, Stop, Stopped, Thought, Usage, Used, Wrote
from engine.dialects.measure import octets, tokens
from engine.dialects.overlap import Overlap
from engine.dialects.trim import Cut

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Event

SILENT = (Started, Used, Lost, Ended)
"""What ends no text."""


class Joint:
    """Changes the events of one stream."""

    def __init__(self, said: str, *, prefilled: bool, stops: tuple[str, ...], before: Usage, reads: int) -> None:
        """`said` is the text so far. `prefilled`: the model goes on with it as its own; blanks at its end it was not
        shown. `before` is what the tries before took, `reads` our estimate of what this one does."""
        self.over = False
        """A stop sequence was met: nothing that still comes is for the client."""
        self._overlap = None if prefilled else Overlap(said)
        self._blanks = said[len(said.rstrip()) :] if prefilled else ""
        self._cut, self._owed = _cut(said, stops)
        self._before = before
        self._reads = reads
        self._usage: Usage | None = None
        self._size = 0
        """Bytes the model wrote."""

    def events(self, events: Iterable[Event]) -> list[Event]:
        return [one for event in events if not self.over for one in self._take(event)]

    def _take(self, event: Event) -> list[Event]:
        if isinstance(event, Wrote):
            self._size += octets(event.text)
            return self._wrote(self._new(event.text))
        if isinstance(event, Thought):
            self._size += octets(event.text)
        elif isinstance(event, Argued):
            self._size += octets(event.arguments)
        elif isinstance(event, Used):
            self._usage = event.usage
            return [Used(self._before + event.usage)]
        if isinstance(event, SILENT):
            return [event]
        last = self._last()
        if self.over:
            return last
        return [*last, *(self._told() if isinstance(event, Finished) else ()), event]

    def _new(self, text: str) -> str:
        if self._blanks and text:
            given = next((at for at, one in enumerate(text) if not self._blanks.startswith(text[: at + 1])), len(text))
            self._blanks = self._blanks[given:] if given == len(text) else ""
            text = text[given:]
        return text if self._overlap is None else self._overlap.feed(text)

    def _last(self) -> list[Event]:
        """A text is over: return what was held of it."""
        held = self._wrote("" if self._overlap is None else self._overlap.end())
        return held if self.over else [*held, *self._paid(self._cut.end())]

    def _wrote(self, text: str) -> list[Event]:
        said = self._paid(self._cut.feed(text))
        if self._cut.hit is None:
            return said
        self.over = True
        return [*said, Stopped(Stop(reason="sequence", sequence=self._cut.hit)), *self._told(), Finished()]

    def _paid(self, text: str) -> list[Event]:
        """Return what of `text` the client has not been sent before."""
        new = text[self._owed :]
        self._owed = max(0, self._owed - len(text))
        return [Wrote(new)] if new else []

    def _told(self) -> list[Event]:
        """Return the usage of all, if nobody has told it or not all of it."""
        if self._usage is not None and not self.over:
            return []
        told = self._usage or Usage(input=self._reads)
        guess = replace(told, output=max(told.output, tokens(self._size)), estimated=True)
        return [Used(self._before + guess)]


def _cut(said: str, stops: tuple[str, ...]) -> tuple[Cut, int]:
    """Return what cuts the text that comes, for a stop sequence may begin in what was said; and how many characters it
    holds of that."""
    cut = Cut(stops)
    tail = said[-max(map(len, stops), default=0) :] if stops else ""
    given = len(cut.feed(tail))
    return (cut, len(tail) - given) if cut.hit is None else (Cut(stops), 0)
