"""A block that only its own vendor knows, as text that another model can read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from engine.chat import Opaque

UNREAD = frozenset(
    {
        "type",
        "id",
        "call_id",
        "tool_use_id",
        "cache_control",
        "prompt_cache_breakpoint",
        "citations",
        "encrypted_content",
        "encrypted_index",
        "encrypted_stdout",
        "signature",
    }
)
"""Fields of another vendor's blocks that no other model can read."""

ENCODED = re.compile(r"data:[^,]{,200};base64,.*|[A-Za-z0-9+/_-]{1000,}={0,2}", re.DOTALL)
"""Images and the like: no text, and long."""


def rendered(block: Opaque) -> str:
    """Return what another model can read of a block, "" for nothing."""
    value = readable(block.raw)
    return f"[{block.kind}] {msgspec.json.encode(value).decode()}" if value else ""


def readable(value: Any) -> Any:
    """Return `value` without its unreadable fields, empty places, and what is encoded."""
    if isinstance(value, dict):
        found = {key: readable(item) for key, item in value.items() if key not in UNREAD}
        return {key: item for key, item in found.items() if item not in (None, {}, [])}
    if isinstance(value, list):
        return [readable(item) for item in value]
    return "[encoded]" if isinstance(value, str) and ENCODED.fullmatch(value) else value
