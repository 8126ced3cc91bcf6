"""What has come of an item that is not whole, of a response that its client takes back."""

from __future__ import annotations

from typing import Any

import msgspec

DELTA = "response.output_text.delta"
ADDED, PART = "response.output_item.added", "response.content_part.added"


class Partial:
    """The events of the item that is under way."""

    def __init__(self) -> None:
        self._events: list[bytes] = []

    def see(self, kind: str, data: bytes) -> None:
        """Note an event."""
        if kind == "response.output_item.done":
            self._events.clear()
        elif kind in (ADDED, PART, DELTA):
            self._events.append(data)

    def close(self) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Return the events that close the item, without their numbers, and the item; nothing where none is open.

        A message keeps the text that has come; any other item cannot be used by halves.
        """
        events = [msgspec.json.decode(one) for one in self._events]
        self._events.clear()
        if not events or events[0].get("type") != ADDED:
            return [], None
        added = events[0]
        item, place = added.get("item") or {}, {"output_index": added.get("output_index", 0)}
        text = "".join(one.get("delta", "") for one in events if one["type"] == DELTA)
        closing: list[dict[str, Any]] = []
        if item.get("type") == "message" and any(one["type"] == PART for one in events):
            at = {"item_id": item.get("id"), **place, "content_index": 0}
            part = {"type": "output_text", "text": text, "annotations": []}
            closing += [
                {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
                {"type": "response.content_part.done", **at, "part": part},
            ]
            item = {**item, "content": [part]}
        item = {**item, "status": "incomplete"}
        closing.append({"type": "response.output_item.done", **place, "item": item})
        return closing, item if item.get("type") == "message" else None
