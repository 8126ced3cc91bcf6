"""What the client of a stream of chat completions has been told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dialects.chat.write_stream import ChatEncoder
from engine.dialects.trail import Trail

if TYPE_CHECKING:
    from engine.dialects.codec import Asked

HEAD = ("id", "created", "model")
"""What all chunks of a stream have in common."""


class ChatTrail(Trail):
    __slots__ = ("_head",)

    def __init__(self) -> None:
        super().__init__()
        self._head: dict[str, Any] = {}

    def read(self, kind: str, event: dict[str, Any]) -> bool:  # noqa: ARG002 - chunks have no names
        choices = event.get("choices")
        if not choices:
            return "error" not in event
        self._head = {field: event[field] for field in HEAD if event.get(field)}
        if not isinstance(choices, list) or len(choices) > 1 or not isinstance(choices[0], dict):
            return False
        choice = choices[0]
        delta = choice.get("delta") or {}
        if choice.get("index") or choice.get("logprobs") or not isinstance(delta, dict):
            return False
        self.stopped = self.stopped or bool(choice.get("finish_reason"))
        others = any(value for field, value in delta.items() if field not in ("role", "content"))
        return not others and self.say(delta.get("content"))

    def encoder(self, asked: Asked) -> ChatEncoder:
        encoder = ChatEncoder(asked)
        encoder.go_on(self._head)
        return encoder
