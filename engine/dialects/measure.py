"""The size of a request, in tokens as we estimate them (level 2 facts). Encoded media is never counted.

`input_tokens` = UTF-8 bytes of text and tool schemas / 4 * 1.15 + 1600 for each image.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from engine.dialects.failure import text

IMAGE_TOKENS = 1600
IMAGES = frozenset({"image", "image_url", "input_image"})
"""Block types that are a picture."""
MEDIA = frozenset({"input_audio", "input_file", "file", "redacted_thinking"})
"""Block types that are encoded as a whole."""
NOT_TEXT = frozenset(
    {
        "type",
        "role",
        "id",
        "tool_use_id",
        "tool_call_id",
        "call_id",
        "status",
        "phase",
        "signature",
        "source",
        "audio",
        "file_id",
        "encrypted_content",
        "encrypted_index",
        "cache_control",
        "prompt_cache_breakpoint",
    }
)
"""Fields of a message or block that the model does not read as text."""
WHOLE = frozenset({"input", "arguments"})
"""Fields whose value the model reads as JSON."""


class Tally:
    """What was found so far: bytes of text, pictures, and tokens counted exactly (token arrays)."""

    __slots__ = ("images", "size", "tokens")

    def __init__(self) -> None:
        self.size = 0
        self.images = 0
        self.tokens = 0

    @property
    def input_tokens(self) -> int:
        return tokens(self.size) + self.images * IMAGE_TOKENS + self.tokens

    def add(self, value: Any) -> None:
        """Count a message, a block, a prompt, or a list of them. Shapes nobody knows count by the text in them."""
        if isinstance(value, str):
            self.size += octets(value)
        elif isinstance(value, list):
            for one in value:
                if isinstance(one, int):
                    self.tokens += 1
                else:
                    self.add(one)
        elif isinstance(value, dict):
            kind = text(value.get("type"))
            if kind in IMAGES:
                self.images += 1
            elif kind not in MEDIA:
                self._fields(value)

    def _fields(self, block: dict[str, Any]) -> None:
        for name, value in block.items():
            if name in WHOLE and not isinstance(value, str):
                self.schema(value)
            elif name == "source" and isinstance(value, dict) and value.get("type") in ("text", "content"):
                self.add(value.get("data") or value.get("content"))
            elif name not in NOT_TEXT:
                self.add(value)

    def schema(self, value: Any) -> None:
        """Count tool definitions, or anything else the model reads as JSON."""
        if value:
            self.size += len(msgspec.json.encode(value))


def tokens(size: int) -> int:
    """Return the tokens of text of `size` bytes."""
    return math.ceil(size * 1.15 / 4)


def octets(text: str) -> int:
    """Return the UTF-8 size of `text`, 0 for a data URL."""
    if text.startswith("data:") and ";base64," in text[:200]:
        return 0
    return len(text) if text.isascii() else len(text.encode())
