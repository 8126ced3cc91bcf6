"""Takes our own seals out of a body that goes to an upstream of the Messages API byte for byte.

A conversation may have been answered by another vendor before: the client then carries reasoning under our seal, which
Anthropic would refuse (`Invalid signature in thinking block`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.dialects.body import whole
from engine.dialects.seal import NEEDLE, PREFIX

SEALS = {"thinking": "signature", "redacted_thinking": "data"}
"""Where a block of reasoning holds its seal."""


def unsealed(fields: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Return the fields of a body without the thinking blocks that carry our seal; a turn left empty goes too.

    Raises `Problem` (400) where the messages cannot be read.
    """
    raw = fields.get("messages")
    if raw is None or NEEDLE not in bytes(raw):
        return fields
    kept = []
    for message in whole(raw):
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list) and any(map(_is_ours, content)):
            content = [block for block in content if not _is_ours(block)]
            if not content:
                continue
            message = {**message, "content": content}  # noqa: PLW2901 - the message as it goes on
        kept.append(message)
    return {**fields, "messages": msgspec.Raw(msgspec.json.encode(kept))}


def _is_ours(block: Any) -> bool:
    kind = block.get("type") if isinstance(block, dict) else None
    sealed = block.get(SEALS[kind]) if isinstance(kind, str) and kind in SEALS else None
    return isinstance(sealed, str) and sealed.startswith(PREFIX)
