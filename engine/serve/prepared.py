"""The answer to `generate: false`, which only prepares: where no upstream can be told so, there is nothing to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.dialects.base import Failing
from engine.dialects.responses.broken import begun, event
from engine.serve.road import Local

if TYPE_CHECKING:
    from engine.serve.order import Order

NOTHING = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}


def prepared(order: Order) -> Local:
    """Return a response without output, complete. The connection it came by remembers what was asked."""
    asked = Failing(request=order.visit.id, model=order.peek.model, created=int(time.time()))
    response = begun(asked)
    done = response | {"status": "completed", "usage": NOTHING}
    body = event("response.created", {"response": response}, 0) + event("response.completed", {"response": done}, 1)
    return Local(body=body, streamed=True)
