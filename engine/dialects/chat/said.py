"""The arguments of a call as they grow, and whether they are whole. No fragment is looked at twice."""

from __future__ import annotations

import re

from engine.dialects.openai.arguments import complete

OUTSIDE = re.compile(r'["{}\[\]]')
"""What matters outside of a string."""
INSIDE = re.compile(r'["\\]')
BLANKS = " \t\r\n"


class Said:
    """Fragments of JSON. What follows a whole object can only be blank, so that there is one moment to parse it at."""

    __slots__ = ("_closed", "_depth", "_escaped", "_pieces", "_quoted", "_read", "_whole")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._read = 0
        """How many of the pieces have been looked at."""
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._closed = False
        """The first object or list has ended."""
        self._whole: bool | None = None
        """None: not known yet."""

    def add(self, piece: str) -> None:
        self._pieces.append(piece)

    def text(self) -> str:
        return "".join(self._pieces)

    def complete(self) -> bool:
        """Say whether this is a whole JSON object with something in it, so that nothing can follow."""
        for piece in self._pieces[self._read :]:
            self._look(piece)
        self._read = len(self._pieces)
        if self._whole is None and self._closed:
            self._whole = complete(self.text())
        return self._whole or False

    def _look(self, piece: str) -> None:
        at = self._in_string(piece, 0) if self._quoted else 0
        while not self._closed and (found := OUTSIDE.search(piece, at)):
            at = found.end()
            if found[0] == '"':
                self._quoted = True
                at = self._in_string(piece, at)
            else:
                self._depth += 1 if found[0] in "{[" else -1
                self._closed = self._depth <= 0
        if self._closed and piece[at:].strip(BLANKS):
            self._whole = False

    def _in_string(self, piece: str, at: int) -> int:
        """Return where the string ends in which `piece` continues; its length if it does not end there."""
        if self._escaped and at < len(piece):
            self._escaped = False
            at += 1
        while found := INSIDE.search(piece, at):
            at = found.end()
            if found[0] == '"':
                self._quoted = False
                return at
            self._escaped = at == len(piece)
            at += 1
        return len(piece)
