"""Reasoning that a client's API cannot carry, kept until the client comes back with the results of its tools.

Anthropic wants its own thinking back, with its seal, in front of the calls it led to. A chat client has nowhere to put
it. So it is kept here: for the same client key, the same conversation and the same calls, and for the model that
thought it. Bounded by size and by age; what is gone is gone, and the writer does without.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.chat import Request
    from engine.dialects.thoughts import Remembered

MOST_BYTES = 64 * 1024 * 1024
"""All that is kept, in bytes of text and seals."""
OVERHEAD = 512
"""What an entry costs besides, about, in bytes."""
KEPT_FOR = 24 * 3600.0
"""Seconds: a conversation may rest overnight."""

Place = tuple[bytes, bytes, int]
"""Conversation, the mark of a turn's calls (their ids, names and arguments), how often that mark came before."""


class Kept(msgspec.Struct, frozen=True):
    thoughts: tuple[Remembered, ...]
    size: int
    until: float


class Shelf:
    """What is kept for one client key, the oldest first."""

    __slots__ = ("kept", "size")

    def __init__(self) -> None:
        self.kept: OrderedDict[Place, Kept] = OrderedDict()
        self.size = 0

    def put(self, place: Place, kept: Kept) -> None:
        self.drop(place)
        self.kept[place] = kept
        self.size += kept.size

    def drop(self, place: Place) -> None:
        old = self.kept.pop(place, None)
        if old is not None:
            self.size -= old.size

    def drop_oldest(self) -> None:
        self.drop(next(iter(self.kept)))

    def expire(self, now: float) -> None:
        while self.kept and next(iter(self.kept.values())).until < now:
            self.drop_oldest()


class Recall:
    """The thoughts of the process; it outlives reloads. Times are in seconds of the loop's clock."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._shelves: dict[str, Shelf] = {}
        self._most = most

    def keep(self, key: str, place: Place, thoughts: Sequence[Remembered], now: float) -> None:
        """Keep `thoughts` of a turn. Where there is no room, who keeps most gives way."""
        if not thoughts:
            return
        shelf = self._shelves.setdefault(key, Shelf())
        shelf.expire(now)
        size = OVERHEAD + sum(map(_size, thoughts))
        shelf.put(place, Kept(tuple(thoughts), size, now + KEPT_FOR))
        while sum(one.size for one in self._shelves.values()) > self._most:
            max(self._shelves.values(), key=lambda one: one.size).drop_oldest()
        self._shelves = {name: one for name, one in self._shelves.items() if one.kept}

    def find(self, key: str, place: Place, now: float) -> tuple[Remembered, ...]:
        """Return what was kept of a turn, nothing to anyone else."""
        shelf = self._shelves.get(key)
        kept = shelf.kept.get(place) if shelf is not None else None
        if kept is None or kept.until < now:
            return ()
        return kept.thoughts


def topic_of(request: Request) -> bytes:
    """Return what tells one conversation from another: how it begins, which never changes.

    That is what the system says first and the first user turn: many conversations begin with `hi`.
    """
    parts = []
    for message in request.messages:
        parts += [msgspec.to_builtins(block) for block in message.blocks]
        if message.role != "system":
            break
    for part in parts:
        part.pop("at", None)
        part.pop("cache", None)
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


def _size(one: Remembered) -> int:
    block = one.block
    return len(block.text.encode()) + len(block.signature or block.sealed or "")
