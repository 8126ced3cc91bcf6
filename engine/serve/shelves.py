"""What is kept for clients between their requests: for each owner apart, bounded in number, size and age.

Times are in seconds of the loop's clock. Where there is no room, who keeps most gives way, the oldest first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.plan.nodes import Room

Place = TypeVar("Place")
Value = TypeVar("Value")


class Kept(msgspec.Struct, Generic[Value], frozen=True):
    value: Value
    size: int
    at: float
    until: float


class Shelf(Generic[Place, Value]):
    """What is kept for one owner, the oldest first."""

    __slots__ = ("kept", "size")

    def __init__(self) -> None:
        self.kept: OrderedDict[Place, Kept[Value]] = OrderedDict()
        self.size = 0

    def put(self, place: Place, kept: Kept[Value]) -> None:
        self.drop(place)
        self.kept[place] = kept
        self.size += kept.size

    def drop(self, place: Place) -> bool:
        """Say whether there was anything."""
        old = self.kept.pop(place, None)
        if old is not None:
            self.size -= old.size
        return old is not None

    def drop_oldest(self) -> None:
        self.drop(next(iter(self.kept)))

    def expire(self, seconds: float, now: float) -> None:
        """Drop what is older than `seconds`, or than it was to become when it was kept."""
        while self.kept:
            oldest = next(iter(self.kept.values()))
            if min(oldest.until, oldest.at + seconds) >= now:
                break
            self.drop_oldest()


class Shelves(Generic[Place, Value]):
    """The shelves of the process, by owner; they outlive reloads."""

    def __init__(self) -> None:
        self._shelves: dict[str, Shelf[Place, Value]] = {}

    def keep(self, owner: str, place: Place, value: Value, size: int, room: Room, now: float) -> bool:
        """Keep `value`, of `size` bytes. Say whether there is room for it at all: if not, nothing gives way to it."""
        fits = size <= room.bytes and room.entries > 0
        if fits:
            self._shelves.setdefault(owner, Shelf()).put(place, Kept(value, size, now, now + room.seconds))
        self.fit(room, now, owner)
        return fits

    def fit(self, room: Room, now: float, last: str | None = None) -> None:
        """Let go of what `room` has no place for, or no more: a reload may have made it smaller.

        Where two keep as much, the owner of what came `last` is spared.
        """
        shelves = self._shelves
        for one in shelves.values():
            one.expire(room.seconds, now)
        while sum(one.size for one in shelves.values()) > room.bytes:
            max(shelves.items(), key=lambda item: (item[1].size, item[0] != last))[1].drop_oldest()
        while sum(len(one.kept) for one in shelves.values()) > room.entries:
            max(shelves.items(), key=lambda item: (len(item[1].kept), item[0] != last))[1].drop_oldest()
        self._shelves = {name: one for name, one in shelves.items() if one.kept}

    def find(self, owner: str, place: Place, now: float) -> Value | None:
        """Return what was kept there; nothing to anyone else."""
        shelf = self._shelves.get(owner)
        kept = shelf.kept.get(place) if shelf is not None else None
        return None if kept is None or kept.until < now else kept.value

    def is_foreign(self, owner: str, place: Place, now: float) -> bool:
        """Say whether something is kept there for another owner."""
        return any(self.find(name, place, now) is not None for name in self._shelves if name != owner)

    def all(self, owner: str, now: float) -> Iterator[Value]:
        """Yield everything that is kept for `owner`, the newest first."""
        shelf = self._shelves.get(owner)
        for kept in reversed(shelf.kept.values()) if shelf is not None else ():
            if kept.until >= now:
                yield kept.value

    def drop(self, owner: str, place: Place) -> bool:
        """Forget what was kept there; say whether there was anything."""
        shelf = self._shelves.get(owner)
        return shelf is not None and shelf.drop(place)
