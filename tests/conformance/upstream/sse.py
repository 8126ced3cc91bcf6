"""Events and JSON as vendors write them: characters as UTF-8, not as escapes."""

from __future__ import annotations

import json
from typing import Any


def plain(value: Any) -> bytes:
    """Return JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()


def data(value: Any) -> bytes:
    """Return an event without a name."""
    return b"data: " + plain(value) + b"\n\n"


def event(kind: str, **fields: Any) -> bytes:
    """Return a named event whose data repeats its type."""
    return f"event: {kind}\n".encode() + data({"type": kind, **fields})
