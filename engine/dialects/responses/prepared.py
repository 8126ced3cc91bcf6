"""The answer to `generate: false` where nobody prepares anything: a response without output, complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dialects.responses.broken import begun, event

if TYPE_CHECKING:
    from engine.dialects.base import Failing

NOTHING = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}


def prepared(asked: Failing) -> bytes:
    """Return the whole stream."""
    response = begun(asked)
    done = response | {"status": "completed", "usage": NOTHING}
    return event("response.created", {"response": response}, 0) + event("response.completed", {"response": done}, 1)
