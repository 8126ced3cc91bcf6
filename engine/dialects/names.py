"""Tool names that an API does not take: sent changed, known again when they come back.

A name is changed the same way in every request of a conversation, so that history, tools and prompt caches agree.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MARK = 8
"""Hexadecimal digits of the hash that tells changed names apart."""


class Names:
    """The names of one request's tools, as an API takes them.

    `limit` is the longest name in characters, `charset` the regex class of the characters allowed, such as
    [a-zA-Z0-9_-]. `declared` are the names of the tools of the request: they decide who may keep a name, whatever
    the order in which names are sent.
    """

    def __init__(self, limit: int, charset: str, declared: Iterable[str] = ()) -> None:
        self._limit = limit
        self._legal = re.compile(f"{charset}{{1,{limit}}}")
        self._illegal = re.compile(f"[^{charset[1:]}")
        self._sent: dict[str, str] = {}
        self._taken: set[str] = set()
        self.changed: dict[str, str] = {}
        """As sent -> the client's name, for the names that had to be changed."""
        self._claim(dict.fromkeys(declared))

    def send(self, name: str) -> str:
        """Return the name as the API takes it: unchanged where it is legal and nobody else's."""
        if name not in self._sent:
            self._settle(name, self._tidy(name))
        return self._sent[name]

    def _claim(self, declared: Iterable[str]) -> None:
        legal = [name for name in declared if self._legal.fullmatch(name)]
        for name in legal:
            self._settle(name, name)
        tidy = {name: self._tidy(name) for name in declared if name not in self._sent}
        claims = Counter(tidy.values())
        for name, short in tidy.items():
            self._settle(name, short if claims[short] == 1 else self._marked(name))

    def _settle(self, name: str, wish: str) -> None:
        turn = 0
        while wish in self._taken:
            wish = self._marked(name, turn)
            turn += 1
        self._sent[name] = wish
        self._taken.add(wish)
        if wish != name:
            self.changed[wish] = name

    def _tidy(self, name: str) -> str:
        """Return a legal name that is as close as can be; a cut one carries a mark."""
        short = self._illegal.sub("_", name) or "tool"
        return short if len(short) <= self._limit else self._marked(name)

    def _marked(self, name: str, turn: int = 0) -> str:
        """Return the start of the name and a hash of all of it (and of `turn`, where that was taken too)."""
        mark = hashlib.sha256(f"{turn or ''}{name}".encode("utf-8", "surrogatepass")).hexdigest()[:MARK]
        start = self._illegal.sub("_", name) or "tool"
        return f"{start[: self._limit - MARK - 1]}_{mark}"
