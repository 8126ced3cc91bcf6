"""Tells a response as a stream: its events in order, numbered. What is told, and when, is the encoder's affair.

Protocol facts: openai 3.54 (types/responses/response_stream_event.py and the events it lists).
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.dialects.responses.broken import event
from engine.dialects.responses.items import SAID, part


class Saying(msgspec.Struct, frozen=True):
    """How text is told that comes in pieces."""

    stem: str
    """How its events begin."""
    field: str
    """What its last event calls all of it."""
    around: str = ""
    """How the events of the part around it begin; "" for a call, which has no parts."""
    index: str = ""
    """What counts the parts."""
    more: dict[str, Any] = {}
    """What else its events have."""


CONTENT = ("response.content_part", "content_index")
SUMMARY = ("response.reasoning_summary_part", "summary_index")
SAYINGS: dict[str, Saying] = {
    "output_text": Saying("response.output_text", "text", *CONTENT, {"logprobs": []}),
    "refusal": Saying("response.refusal", "refusal", *CONTENT),
    "summary_text": Saying("response.reasoning_summary_text", "text", *SUMMARY),
    "function_call": Saying("response.function_call_arguments", SAID["function_call"]),
    "custom_tool_call": Saying("response.custom_tool_call_input", SAID["custom_tool_call"]),
}


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stream stands that somebody else has told, and that is to be gone on with."""

    number: int
    """That of the next event."""
    output: list[dict[str, Any]]
    """The items that are done."""
    item: str | None
    """The id of the message that is open."""
    parts: list[dict[str, Any]]
    """The parts of it that are done."""
    said: str | None
    """The text of the part that is open."""
    ended: bool
    """That text was told to be complete, and the part was not."""


class Teller:
    """The stream of one response so far. At most one item is open, and in it at most one text."""

    __slots__ = ("_at", "_delta", "_ended", "_kind", "_said", "number", "output", "parts")

    def __init__(self) -> None:
        self.number = 0
        """That of the next event."""
        self.output: list[dict[str, Any]] = []
        """The items that are done."""
        self.parts: list[dict[str, Any]] = []
        """The parts of the open item that are done."""
        self._kind = ""
        self._ended = False
        """The text that is open has been told to be complete."""
        self._said: list[str] = []
        self._at: dict[str, Any] = {}
        """Where the open text stands, as all its events say."""
        self._delta = (b"", b"")
        """What stands before and behind a piece of it."""

    def go_on(self, standing: Standing) -> None:
        self.output = list(standing.output)
        if standing.item is not None:
            self.open({"id": standing.item})
            self.parts = list(standing.parts)
        if standing.said is not None:
            self.begin("output_text")
            self._said = [standing.said]
            self._ended = standing.ended
        self.number = standing.number

    def event(self, kind: str, fields: dict[str, Any]) -> bytes:
        told = event(kind, fields, self.number)
        self.number += 1
        return told

    def open(self, item: dict[str, Any]) -> bytes:
        self.parts = []
        self._at = {"item_id": item["id"], "output_index": len(self.output)}
        return self.event("response.output_item.added", {"output_index": len(self.output), "item": item})

    def begin(self, kind: str) -> bytes:
        """Begin a text of the open item, one of SAYINGS."""
        saying = SAYINGS[kind]
        self._kind, self._said, self._ended = kind, [], False
        if saying.around:
            self._at[saying.index] = len(self.parts)
        head = msgspec.json.encode({"type": f"{saying.stem}.delta", **self._at})[:-1]
        tail = msgspec.json.encode({**saying.more, "sequence_number": 0})[1:-2]
        self._delta = (
            b"event: " + saying.stem.encode() + b".delta\ndata: " + head + b',"delta":',
            b"," + tail + b"%d}\n\n",
        )
        return self.event(f"{saying.around}.added", {**self._at, "part": part(kind, "")}) if saying.around else b""

    def say(self, text: str) -> bytes:
        """Tell a piece of the open text. This is what a stream is mostly made of."""
        self._said.append(text)
        before, behind = self._delta
        self.number += 1
        return before + msgspec.json.encode(text) + behind % (self.number - 1)

    def said(self) -> str:
        """Return what was told of the open text, or of the last one."""
        return "".join(self._said)

    def end(self) -> bytes:
        """The open text is complete."""
        saying, text = SAYINGS[self._kind], self.said()
        told = b""
        if not self._ended:
            told = self.event(f"{saying.stem}.done", {**self._at, saying.field: text, **saying.more})
        if not saying.around:
            return told
        self.parts.append(part(self._kind, text))
        return told + self.event(f"{saying.around}.done", {**self._at, "part": self.parts[-1]})

    def close(self, item: dict[str, Any]) -> bytes:
        """The open item is complete: `item` is all of it."""
        told = self.event("response.output_item.done", {"output_index": len(self.output), "item": item})
        self.output.append(item)
        return told
