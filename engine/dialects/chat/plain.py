"""The chunks that a chat stream is mostly made of, read fast: one choice with text, reasoning or fragments of calls.

A chunk that is anything else, or has a field here of another type, does not fit these types, and is looked into at
leisure (piece.py). Protocol facts: openai 3.54 (types/chat/chat_completion_chunk.py).
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from engine.dialects.chat.piece import Fragment


class Function(Struct, forbid_unknown_fields=True):
    name: str | None = None
    arguments: str | None = None


class Entry(Struct, forbid_unknown_fields=True):
    index: int
    function: Function
    id: str | None = None
    type: Literal["function"] | None = None

    def fragment(self) -> Fragment:
        function = self.function
        return Fragment(self.index, self.id or "", function.name or "", function.arguments or "")


class Delta(Struct, forbid_unknown_fields=True):
    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: None = None
    tool_calls: list[Entry] | None = None


class Choice(Struct):
    """None: a field that holds more than null makes the chunk no plain one."""

    delta: Delta
    index: Literal[0] = 0
    finish_reason: None = None
    usage: None = None


class Chunk(Struct):
    choices: tuple[Choice]
    id: str | None = None
    model: str | None = None
    usage: None = None
    x_groq: None = None
    error: None = None


decode = msgspec.json.Decoder(Chunk).decode
"""Read a plain chunk. Raises for any other: `msgspec.DecodeError`, `UnicodeDecodeError`, `RecursionError`."""
