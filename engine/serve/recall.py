"""Reasoning that a client's API cannot carry, kept until the client comes back with the results of its tools.

Anthropic wants its own thinking back, with its seal, in front of the calls it led to. A chat client has nowhere to put
it. So it is kept here: for the same client key, the same conversation and the same call, and for the model that
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
    from engine.dialects.translate import Remembered

MOST_BYTES = 64 * 1024 * 1024
"""All that is kept, in bytes of text and seals."""
OVERHEAD = 512
"""What an entry costs besides, about, in bytes."""
KEPT_FOR = 24 * 3600.0
"""Seconds: a conversation may rest overnight."""

Place = tuple[str, bytes, str]
"""Client key, conversation, id of a tool call."""


class Kept(msgspec.Struct, frozen=True):
    thoughts: tuple[Remembered, ...]
    size: int
    until: float


class Recall:
    """The thoughts of the process; it outlives reloads. Times are in seconds of the loop's clock."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._kept: OrderedDict[Place, Kept] = OrderedDict()
        self._most = most
        self._size = 0

    def keep(self, key: str, topic: bytes, calls: Sequence[str], thoughts: Sequence[Remembered], now: float) -> None:
        """Keep `thoughts` for every call they led to."""
        if not thoughts:
            return
        size = OVERHEAD + sum(map(_size, thoughts))
        for call in filter(None, calls):
            place = (key, topic, call)
            self._drop(place)
            self._kept[place] = Kept(tuple(thoughts), size, now + KEPT_FOR)
            self._size += size
        while self._kept and (self._size > self._most or next(iter(self._kept.values())).until < now):
            self._drop(next(iter(self._kept)))

    def find(self, key: str, topic: bytes, call: str, now: float) -> tuple[Remembered, ...]:
        """Return what was kept for a call, nothing to anyone else."""
        kept = self._kept.get((key, topic, call))
        if kept is None or kept.until < now:
            return ()
        return kept.thoughts

    def _drop(self, place: Place) -> None:
        old = self._kept.pop(place, None)
        if old is not None:
            self._size -= old.size


def topic_of(request: Request) -> bytes:
    """Return what tells one conversation from another: how its first user turn begins, which never changes."""
    first = next((message for message in request.messages if message.role == "user"), None)
    if first is None:
        return b""
    parts = [msgspec.to_builtins(block) for block in first.blocks]
    for part in parts:
        part.pop("at", None)
        part.pop("cache", None)
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


def _size(one: Remembered) -> int:
    return len(one.block.text) + len(one.block.signature or one.block.sealed or "")
