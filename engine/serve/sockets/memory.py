"""What a Responses connection remembers: of each lane the latest response, whole, so that the next can go on from it.

The vendor keeps it so too, also of requests that store nothing (`store: false`); it is gone with the connection.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw


class Kept(msgspec.Struct, frozen=True):
    """One response: the conversation up to it and with it, item by item."""

    id: str
    items: tuple[Raw, ...]
    size: int
    queued: tuple[Raw, ...] = ()
    """What was steered, and stands first in what goes on from here."""


class Memory:
    """One connection's. It holds at most `room` bytes; beyond that the lanes that spoke first are forgotten."""

    def __init__(self, room: int, lanes: int) -> None:
        self._room = room
        self._lanes = lanes
        self._kept: dict[str, Kept] = {}
        """Lane -> its latest response; the lane that spoke last stands last."""
        self._size = 0

    def find(self, ident: str) -> Kept | None:
        """Return the response with this id, if it is the latest of a lane."""
        return next((one for one in self._kept.values() if one.id == ident), None)

    def keep(self, lane: str, ident: str, items: tuple[Raw, ...]) -> None:
        """Keep what `lane` said last."""
        self.forget_lane(lane)
        one = Kept(ident, items, sum(len(bytes(item)) for item in items))
        if one.size > self._room:
            return
        self._kept[lane] = one
        self._size += one.size
        while self._size > self._room or len(self._kept) > self._lanes:
            self.forget_lane(next(iter(self._kept)))

    def queue(self, ident: str, items: tuple[Raw, ...]) -> None:
        """Keep what was steered while the response was under way, for whoever goes on from it."""
        for lane, one in self._kept.items():
            if one.id == ident:
                self._kept[lane] = msgspec.structs.replace(one, queued=items)

    def forget(self, ident: str) -> None:
        """Forget a response: a turn that went on from it has failed."""
        for lane in [lane for lane, one in self._kept.items() if one.id == ident]:
            self.forget_lane(lane)

    def forget_lane(self, lane: str) -> None:
        one = self._kept.pop(lane, None)
        if one is not None:
            self._size -= one.size

    def clear(self) -> None:
        self._kept.clear()
        self._size = 0
