"""Reasoning that a client's API cannot carry, kept until the client comes back with the results of its tools.

Anthropic wants its own thinking back, with its seal, in front of the calls it led to. A chat client has nowhere to put
it. So it is kept here: for the same client key, the same conversation and the same calls, and for the model that
thought it. Bounded by size and by age; what is gone is gone, and the writer does without.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from engine.plan.nodes import Room
from engine.serve.shelves import Shelves

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


class Recall:
    """The thoughts of the process; it outlives reloads. Times are in seconds of the loop's clock."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._shelves: Shelves[Place, tuple[Remembered, ...]] = Shelves()
        self._room = Room(bytes=most, seconds=KEPT_FOR)

    def keep(self, key: str, place: Place, thoughts: Sequence[Remembered], now: float) -> None:
        """Keep `thoughts` of a turn. Where there is no room, who keeps most gives way."""
        if thoughts:
            size = OVERHEAD + sum(map(_size, thoughts))
            self._shelves.keep(key, place, tuple(thoughts), size, self._room, now)

    def find(self, key: str, place: Place, now: float) -> tuple[Remembered, ...]:
        """Return what was kept of a turn, nothing to anyone else."""
        return self._shelves.find(key, place, now) or ()


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
