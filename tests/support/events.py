"""Server-sent events as the vendors write them, and what else the answers of every API have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.loop import Call

CREATED = 1_790_000_000


def data(value: Any) -> bytes:
    """Return an event without a name."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def event(kind: str, **fields: Any) -> bytes:
    """Return a named event whose data repeats its type."""
    return f"event: {kind}\n".encode() + data({"type": kind, **fields})


def pieces(text: str) -> list[str]:
    """Return a text in the pieces in which it is streamed."""
    return [text[at : at + 8] for at in range(0, len(text), 8)]


def ids(prefix: str, calls: Sequence[Call]) -> list[str]:
    """Return the ids of calls."""
    return [f"{prefix}_{call.mark}" for call in calls]
