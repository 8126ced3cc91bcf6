"""What the client of a stream of the Responses API has been told.

A reasoning item in which nothing stands is no thinking: models that show none of theirs begin with one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dialects.responses.errors import ENDS
from engine.dialects.responses.tell import Standing
from engine.dialects.responses.write_stream import ResponsesEncoder
from engine.dialects.trail import Trail

if TYPE_CHECKING:
    from engine.dialects.codec import Asked

BEGINNINGS = frozenset({"response.created", "response.queued", "response.in_progress"})
HOLLOW = ("summary", "content", "encrypted_content")
"""The fields of a reasoning item in which something may stand."""


class ResponsesTrail(Trail):
    __slots__ = ("_ended", "_item", "_number", "_output", "_part", "_parts", "_response")

    def __init__(self) -> None:
        super().__init__()
        self._response: dict[str, Any] = {}
        """The response as its first events tell it."""
        self._number = 0
        """That of the next event."""
        self._output: list[dict[str, Any]] = []
        """The items that are done."""
        self._item: str | None = None
        """The id of the message that is open."""
        self._parts: list[dict[str, Any]] = []
        """The parts of it that are done."""
        self._part: list[str] | None = None
        """The pieces of the part that is open."""
        self._ended = False
        """Its text was told to be complete."""

    def read(self, kind: str, event: dict[str, Any]) -> bool:
        number = event.get("sequence_number")
        self._number = number + 1 if type(number) is int else self._number + 1
        if kind == "response.output_text.delta":
            return self._delta(event)
        if kind in BEGINNINGS:
            response = event.get("response")
            self._response = response if isinstance(response, dict) else self._response
            return not self._response.get("output")
        if kind == "response.output_item.added":
            return self._added(event)
        if kind == "response.output_item.done":
            return self._done(event)
        if kind in ("response.content_part.added", "response.content_part.done"):
            return self._told(event, begins=kind.endswith("added"))
        if kind == "response.output_text.done":
            self._ended = True
            return self._part is not None
        self.stopped = self.stopped or kind in ENDS
        return kind in ENDS or not kind.startswith("response.")

    def encoder(self, asked: Asked) -> ResponsesEncoder:
        standing = Standing(
            number=self._number,
            output=self._output,
            item=self._item,
            parts=self._parts,
            said=None if self._part is None else "".join(self._part),
            ended=self._ended,
        )
        encoder = ResponsesEncoder(asked)
        encoder.go_on(self._response, standing)
        return encoder

    def _delta(self, event: dict[str, Any]) -> bool:
        said = event.get("delta")
        if self._part is None or event.get("logprobs") or not isinstance(said, str):
            return False
        self._part.append(said)
        return self.say(said)

    def _added(self, event: dict[str, Any]) -> bool:
        item = event.get("item")
        if not isinstance(item, dict) or self._item is not None or event.get("output_index", 0) != len(self._output):
            return False
        if item.get("type") == "message" and not item.get("content") and item.get("id"):
            self._item = str(item["id"])
            self._parts, self._part = [], None
            return True
        return is_hollow(item)

    def _done(self, event: dict[str, Any]) -> bool:
        item = event.get("item")
        if not isinstance(item, dict) or (item.get("id") != self._item and not is_hollow(item)):
            return False
        self._output.append(item)
        self._item = self._part = None
        return True

    def _told(self, event: dict[str, Any], *, begins: bool) -> bool:
        part = event.get("part")
        if not isinstance(part, dict) or part.get("type") != "output_text" or part.get("annotations"):
            return False
        if self._item is None or begins is not (self._part is None):
            return False
        if begins:
            self._part, self._ended = [], False
            return not part.get("text")
        self._part = None
        self._parts.append(part)
        return True


def is_hollow(item: dict[str, Any]) -> bool:
    return item.get("type") == "reasoning" and not any(item.get(field) for field in HOLLOW)
