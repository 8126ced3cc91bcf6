"""The responses that clients of the Responses API can come back to, and who keeps each.

What Turnout answered by translation it keeps itself, with all that led to it, so that `previous_response_id` works
towards any upstream. Of what an upstream keeps, it only knows which. Nobody but the caller who got a response ever
finds it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Raw

from engine.dialects.responses.items import PREFIXES
from engine.serve.shelves import Shelves

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.plan.nodes import Room

OVERHEAD = 512
"""What an entry costs besides, about, in bytes."""
BESIDE = 160
"""What an item costs besides."""


class Item(NamedTuple):
    """An item of a conversation, and the id by which it can be referred to."""

    id: str
    raw: Raw


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One response. `upstream` is who keeps it; None: Turnout, and the other fields say what it is."""

    id: str
    upstream: str | None = None
    response: bytes = b""
    """As the client was told it, JSON."""
    input: tuple[Item, ...] = ()
    """Every item of the conversation before it, earlier answers too."""
    output: tuple[Item, ...] = ()
    index: dict[str, Raw | None] = {}
    """Id -> item; of what an upstream keeps, only the ids are known."""

    @property
    def items(self) -> tuple[Item, ...]:
        """The conversation up to here."""
        return (*self.input, *self.output)

    @property
    def size(self) -> int:
        """In bytes, about."""
        items = sum(len(bytes(item.raw)) + BESIDE for item in self.items)
        return OVERHEAD + len(self.response) + items + BESIDE * len(self.index)


def stored(response: dict[str, Any], before: Stored | None, asked: Iterable[Raw]) -> Stored:
    """Return a response to be kept, that went on from `before` and was `asked` these items.

    The items are copied: they would hold the whole body in which they came.
    """
    ident: str = response["id"]
    own = tuple(named(item.copy(), ident, place) for place, item in enumerate(asked))
    output = tuple(named(Raw(msgspec.json.encode(item)), ident, -1) for item in response["output"])
    earlier = before.items if before is not None else ()
    known = before.index if before is not None else {}
    return Stored(
        id=ident,
        response=msgspec.json.encode(response),
        input=(*earlier, *own),
        output=output,
        index={**known, **{item.id: item.raw for item in (*own, *output)}},
    )


class Known(msgspec.Struct):
    id: str | None = None
    type: str | None = None


KNOWN = msgspec.json.Decoder(Known)


def named(raw: Raw, response: str, place: int) -> Item:
    """Return an item by its id; one without an id gets one, which is that of no other item."""
    try:
        known = KNOWN.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        known = Known()
    if known.id:
        return Item(known.id, raw)
    kind = known.type or "message"
    digest = hashlib.sha256(f"{response} {place}".encode()).hexdigest()[:24]
    return Item(f"{PREFIXES.get(kind, 'item')}_{digest}", raw)


class Responses:
    """The responses of the process; they outlive reloads."""

    def __init__(self) -> None:
        self._shelves: Shelves[str, Stored] = Shelves()

    def keep(self, caller: str, one: Stored, room: Room, now: float) -> bool:
        """Keep a response for `caller`; `now` is by the loop's clock. Say whether there is room for it at all."""
        return self._shelves.keep(caller, one.id, one, one.size, room, now)

    def fit(self, room: Room, now: float) -> None:
        """Let go of what there is no room for any more."""
        self._shelves.fit(room, now)

    def find(self, caller: str, ident: str, now: float) -> Stored | None:
        return self._shelves.find(caller, ident, now)

    def is_foreign(self, caller: str, ident: str, now: float) -> bool:
        """Say whether somebody else than `caller` got this response."""
        return self._shelves.is_foreign(caller, ident, now)

    def drop(self, caller: str, ident: str) -> bool:
        return self._shelves.drop(caller, ident)

    def items(self, caller: str, idents: Iterable[str], now: float) -> dict[str, Raw | str]:
        """Return the items with these ids that `caller` got: each itself, or the upstream that keeps it."""
        wanted = set(idents)
        found: dict[str, Raw | str] = {}
        for one in self._shelves.all(caller, now):
            for ident in wanted & one.index.keys():
                raw = one.index[ident]
                found[ident] = raw if raw is not None else one.upstream or ""
            wanted -= found.keys()
            if not wanted:
                break
        return found
