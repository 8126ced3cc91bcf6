"""The responses that clients of the Responses API can come back to, and who keeps each.

What Turnout answered by translation it keeps itself, with all that led to it, so that `previous_response_id` works
towards any upstream. Of what an upstream keeps, it only knows which. Nobody but the caller who got a response ever
finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from engine.serve.shelves import Shelves

if TYPE_CHECKING:
    from engine.plan.nodes import Room

OVERHEAD = 512
"""What an entry costs besides, about, in bytes."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One response. `upstream` is who keeps it; None: Turnout, and the other fields say what it is."""

    id: str
    upstream: str | None = None
    response: dict[str, Any] = {}
    """As the client was told it."""
    input: tuple[Raw, ...] = ()
    """Every item of the conversation before it, earlier answers too."""
    output: tuple[Raw, ...] = ()

    @property
    def items(self) -> tuple[Raw, ...]:
        """The conversation up to here."""
        return (*self.input, *self.output)

    @property
    def size(self) -> int:
        """In bytes, about: the response says its output again."""
        return OVERHEAD + sum(len(bytes(item)) for item in (*self.input, *self.output, *self.output))


class Responses:
    """The responses of the process; they outlive reloads."""

    def __init__(self) -> None:
        self._shelves: Shelves[str, Stored] = Shelves()

    def keep(self, caller: str, stored: Stored, room: Room, now: float) -> None:
        """Keep a response for `caller`; `now` is by the loop's clock."""
        self._shelves.keep(caller, stored.id, stored, stored.size, room, now)

    def find(self, caller: str, ident: str, now: float) -> Stored | None:
        return self._shelves.find(caller, ident, now)

    def drop(self, caller: str, ident: str) -> bool:
        return self._shelves.drop(caller, ident)

    def item(self, caller: str, ident: str, now: float) -> Raw | None:
        """Return the item `ident` of any response that Turnout keeps for `caller`."""
        wanted = msgspec.json.encode(ident)
        for stored in self._shelves.all(caller, now):
            for item in stored.items:
                if wanted in bytes(item) and identity(item) == ident:
                    return item
        return None


class Identified(msgspec.Struct):
    id: str | None = None


def identity(item: Raw) -> str | None:
    """Return the `id` of an item."""
    try:
        return msgspec.json.decode(item, type=Identified).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
