"""The events of one message, as they come, and the message they add up to (Messages API, streaming). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.upstreams.drivers.claude_code.asked import renamed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.upstreams.drivers.claude_code.asked import Block

PIECES = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}


class Fold:
    """One message of `claude`. `names`: what tools are to it -> what they are to the client."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.message: dict[str, Any] = {}
        self.begun = False
        self.over = False
        self._names = dict(names)
        self._blocks: dict[int, Block] = {}
        self._pieces: dict[int, dict[str, list[str]]] = {}

    def add(self, event: dict[str, Any]) -> dict[str, Any]:
        """Take an event; return it as the client gets it."""
        index = event.get("index", 0)
        match event.get("type"):
            case "message_start":
                self.begun = True
                self.message = dict(event.get("message") or {})
            case "content_block_start":
                block = renamed(event.get("content_block") or {}, self._names)
                event = {**event, "content_block": block}
                self._blocks[index] = dict(block)
                self._pieces[index] = {}
            case "content_block_delta":
                self._delta(index, event.get("delta") or {})
            case "message_delta":
                self.message.update(event.get("delta") or {})
                self.message["usage"] = {**(self.message.get("usage") or {}), **(event.get("usage") or {})}
            case "message_stop":
                self.over = True
                self.message["content"] = [self._whole(index) for index in sorted(self._blocks)]
        return event

    @property
    def calls(self) -> list[Block]:
        """The calls of tools in the whole message."""
        return [block for block in self.message.get("content", []) if block.get("type") == "tool_use"]

    def _delta(self, index: int, delta: dict[str, Any]) -> None:
        field = PIECES.get(str(delta.get("type")))
        if field is not None and index in self._pieces:
            self._pieces[index].setdefault(field, []).append(str(delta.get(field, "")))
        elif delta.get("type") == "citations_delta" and index in self._blocks:
            block = self._blocks[index]
            block["citations"] = [*(block.get("citations") or []), delta.get("citation")]

    def _whole(self, index: int) -> Block:
        block, pieces = self._blocks[index], self._pieces[index]
        for field in ("text", "thinking", "signature"):
            if field in pieces:
                block[field] = str(block.get(field) or "") + "".join(pieces[field])
        if "partial_json" in pieces:
            try:
                block["input"] = msgspec.json.decode("".join(pieces["partial_json"]) or "{}")
            except msgspec.DecodeError:
                block["input"] = {}
        return block
