"""The responses of the Responses API by their id: read, deleted, their input listed. Never another caller's.

What an upstream keeps is asked of that upstream; what Turnout keeps is answered here. Protocol facts: openai 3.54
(resources/responses/responses.py, input_items.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Problem
from engine.dialects.clip import clipped
from engine.dialects.responses.retell import retold
from engine.dialects.sse import Splitter, parse
from engine.serve.reply import EVENT_STREAM, JSON

if TYPE_CHECKING:
    from engine.serve.stored import Item, Stored

PATH = re.compile(r"/v1/responses/(?P<id>[^/]+)(?:/(?P<part>input_items|cancel))?")
METHODS = {None: ("GET", "HEAD", "DELETE"), "input_items": ("GET", "HEAD"), "cancel": ("POST",)}
"""What can be done with a response and with its parts."""
NUMBER = re.compile(r"[0-9]{1,10}")
PAGE = (20, 100)
"""How many items a page has by default, and at most."""

Answer = tuple[tuple[bytes, bytes], bytes]
"""(content type, body)."""


def read(stored: Stored, query: dict[str, str]) -> Answer:
    """Return a response as it was answered; with `stream=true` as the stream it could have been."""
    if query.get("stream") != "true":
        return JSON, stored.response
    last = number(query, "starting_after", -1, least=-1)
    return EVENT_STREAM, behind(retold(msgspec.json.decode(stored.response)), last)


def behind(stream: bytes, last: int) -> bytes:
    """Return the events of a stream that come after the one with the number `last`."""
    events = Splitter().feed(stream)
    numbers = [msgspec.json.decode(parse(event)[1] or b"{}")["sequence_number"] for event in events]
    return b"".join(event for event, number in zip(events, numbers, strict=True) if number > last)


def deleted(stored: Stored) -> Answer:
    return JSON, msgspec.json.encode({"id": stored.id, "object": "response", "deleted": True})


def input_items(stored: Stored, query: dict[str, str]) -> Answer:
    """Return one page of the items that a response answered, the newest first unless `order=asc`."""
    items = list(map(shown, stored.input))
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise Problem(400, "invalid_request", "`order` must be asc or desc", param="order")
    if order == "desc":
        items.reverse()
    ids = [item["id"] for item in items]
    after = query.get("after")
    if after is not None and after not in ids:
        raise Problem(400, "invalid_request", "`after` is no item of this list", param="after")
    start = ids.index(after) + 1 if after is not None else 0
    page = items[start : start + number(query, "limit", PAGE[0], least=1, most=PAGE[1])]
    return JSON, msgspec.json.encode(
        {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": start + len(page) < len(items),
        }
    )


def shown(item: Item) -> dict[str, Any]:
    """Return an item as the API lists it: with an id, a type, and its content as parts."""
    value: dict[str, Any] = msgspec.json.decode(item.raw)
    value = {**value, "id": item.id, "type": value.get("type") or "message"}
    if value["type"] == "message":
        word = "output_text" if value.get("role") == "assistant" else "input_text"
        if isinstance(value.get("content"), str):
            value["content"] = [{"type": word, "text": value["content"]}]
        value.setdefault("status", "completed")
    return value


def number(query: dict[str, str], name: str, default: int, *, least: int, most: int = 2**31) -> int:
    """Return a number of the query. Raises `Problem` (400)."""
    text = query.get(name)
    if text is None:
        return default
    if not NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise Problem(400, "invalid_request", f"`{name}` must be a number from {max(least, 0)} to {most}", param=name)
    return int(text)


def uncancelled() -> Problem:
    return Problem(400, "invalid_request", "Cannot cancel a synchronous response.")


def not_found(ident: str) -> Problem:
    """Return the vendor's own error for a response that is not there, or is somebody else's."""
    return Problem(404, "response_not_found", f"Response with id '{clipped(ident)}' not found.")
