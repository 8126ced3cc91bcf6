"""Takes our own seals out of a body that goes to an upstream of the Responses API byte for byte.

A conversation may have been answered by another vendor before: the client then carries reasoning under our seal, which
OpenAI could not decrypt.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.dialects.body import whole
from engine.dialects.seal import NEEDLE, PREFIX


def unsealed(fields: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Return the fields of a body without the reasoning items that carry our seal; every other item byte for byte.

    Raises `Problem` (400) where the input cannot be read.
    """
    raw = fields.get("input")
    if raw is None or NEEDLE not in bytes(raw) or not bytes(raw).startswith(b"["):
        return fields  # a text may begin with anything
    items = msgspec.json.decode(raw, type=list[msgspec.Raw])
    kept = [bytes(item) for item in items if NEEDLE not in bytes(item) or not _is_ours(whole(item))]
    return {**fields, "input": msgspec.Raw(b"[" + b",".join(kept) + b"]")}


def _is_ours(item: Any) -> bool:
    if not isinstance(item, dict) or item.get("type") != "reasoning":
        return False
    sealed = item.get("encrypted_content")
    return isinstance(sealed, str) and sealed.startswith(PREFIX)
