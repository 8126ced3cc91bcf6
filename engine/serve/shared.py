"""What is kept for clients between requests, shared by processes: stored responses, and reasoning of earlier turns.

Each process keeps its own as it does alone, lends a copy to the others, and looks there before it believes itself.
Everything is found by who asks and by its id, of which only a digest is told.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from engine.chat import Problem
from engine.dialects import crossing
from engine.dialects.thoughts import Remembered, mark_of
from engine.serve.recall import KEPT_FOR, MOST_BYTES, topic_of
from engine.serve.stored import Item, Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.plan.nodes import Room, Target
    from engine.serve.order import Order
    from engine.serve.recall import Place
    from engine.serve.stored import Responses
    from engine.store.base import Shelf

NULL = msgspec.Raw(b"null")


class Lent(msgspec.Struct, kw_only=True):
    """A stored response as it is written down; null in `index`: only the id is known."""

    id: str
    upstream: str | None
    response: bytes
    input: tuple[Item, ...]
    output: tuple[Item, ...]
    index: dict[str, msgspec.Raw]


RESPONSE = msgspec.json.Decoder(Lent)
THOUGHTS = msgspec.json.Decoder(tuple[Remembered, ...])
MOST_THOUGHTS = 1_000_000


def lend_response(order: Order, one: Stored) -> None:
    """Have other processes find a response too."""
    shelf = order.visit.generation.store.responses
    room = order.visit.generation.plan.responses
    if shelf is not None and room.entries:
        shelf.put(_name(order.caller, one.id), _written(one), room.seconds, room.entries, room.bytes)
        shelf.put(_name("", one.id), _digest(order.caller).encode(), room.seconds, room.entries, room.bytes)


async def borrow_response(shelf: Shelf, responses: Responses, caller: str, ident: str, room: Room, now: float) -> bool:
    """Have `responses` know of one what all processes know; say whether somebody else than `caller` got it."""
    found = await shelf.get([_name(caller, ident), _name("", ident)], patient=True)
    if found is None:
        return False
    value, owner = found
    if value is not None:
        responses.keep(caller, _read(value), room, now)
    else:
        responses.drop(caller, ident)
    return owner is not None and owner != _digest(caller).encode()


def drop_response(shelf: Shelf, caller: str, ident: str) -> None:
    """Let no process find a response any more."""
    shelf.drop(_name(caller, ident))


def lend_thoughts(order: Order, place: Place, thoughts: Sequence[Remembered]) -> None:
    """Have other processes find the reasoning of a turn too."""
    shelf = order.visit.generation.store.thoughts
    if shelf is not None and thoughts:
        shelf.put(_of(order.caller, place), msgspec.json.encode(thoughts), KEPT_FOR, MOST_THOUGHTS, MOST_BYTES)


async def borrow_thoughts(order: Order, target: Target) -> None:
    """Have the recall know what all processes know of a conversation, once it is about to be translated."""
    shelf = order.visit.generation.store.thoughts
    if shelf is None or order.borrowed or crossing(order.api, order.options(target).speaks, order.form) is None:
        return
    order.borrowed.append(True)
    try:
        request = order.request()
    except Problem:
        return  # it is said where it is read again
    topic = topic_of(request)
    seen: Counter[bytes] = Counter()
    places: list[Place] = []
    for mark in map(mark_of, request.messages):
        if mark is not None:
            places.append((topic, mark, seen[mark]))
            seen[mark] += 1
    now = order.visit.loop.time()
    places = [place for place in places if not order.recall.find(order.caller, place, now)]
    found = await shelf.get([_of(order.caller, place) for place in places])
    for place, value in zip(places, found or (), strict=False):
        if value is not None:
            order.recall.keep(order.caller, place, THOUGHTS.decode(value), now)


def _written(one: Stored) -> bytes:
    index = {ident: NULL if raw is None else raw for ident, raw in one.index.items()}
    lent = Lent(
        id=one.id, upstream=one.upstream, response=one.response, input=one.input, output=one.output, index=index
    )
    return msgspec.json.encode(lent)


def _read(data: bytes) -> Stored:
    lent = RESPONSE.decode(data)
    index = {ident: None if bytes(raw) == b"null" else raw for ident, raw in lent.index.items()}
    return Stored(
        id=lent.id, upstream=lent.upstream, response=lent.response, input=lent.input, output=lent.output, index=index
    )


def _name(caller: str, ident: str) -> str:
    return _digest(f"{caller}\0{ident}")


def _of(caller: str, place: Place) -> str:
    topic, mark, before = place
    return _digest(f"{caller}\0{topic.hex()}\0{mark.hex()}\0{before}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
