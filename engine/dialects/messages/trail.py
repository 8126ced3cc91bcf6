"""What the client of a stream of the Messages API has been told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dialects.messages.write_stream import STOP, MessagesEncoder
from engine.dialects.trail import Trail

if TYPE_CHECKING:
    from engine.dialects.codec import Asked


class MessagesTrail(Trail):
    __slots__ = ("_next", "_open")

    def __init__(self) -> None:
        super().__init__()
        self._next = 0
        """The index of the next block to begin."""
        self._open = False
        """The block before it is open."""

    def read(self, kind: str, event: dict[str, Any]) -> bool:
        delta, block = event.get("delta"), event.get("content_block")
        if kind == "content_block_delta" and isinstance(delta, dict):
            return delta.get("type") == "text_delta" and self._open and self.say(delta.get("text"))
        if kind == "content_block_start" and isinstance(block, dict):
            in_order = not self._open and event.get("index") == self._next
            self._open, self._next = True, self._next + 1
            others = block.get("type") != "text" or block.get("citations")
            return in_order and not others and self.say(block.get("text"))
        if kind == "content_block_stop":
            self._open = False
            return True
        if kind == "message_delta" and isinstance(delta, dict):
            self.stopped = self.stopped or bool(delta.get("stop_reason"))
            return True
        if kind == "message_start":
            message = event.get("message")
            return isinstance(message, dict) and not message.get("content")
        return kind in ("ping", "message_stop")

    def encoder(self, asked: Asked) -> MessagesEncoder:
        encoder = MessagesEncoder(asked)
        encoder.go_on(self._next, inside=self._open)
        return encoder

    def rest(self) -> bytes | None:
        return STOP if self.stopped and not self._open else None
