"""Records as exchanges make them."""

from __future__ import annotations

import time
from typing import Any

from engine.chat import Usage
from engine.observe.record import Attempt, Request

ANSWERED = Attempt(target="openai/gpt-5.5", reason=None, status=200, seconds=0.2)


def request(number: int = 0, **fields: Any) -> Request:
    """Return the record of an answered request."""
    known: dict[str, Any] = {
        "request": f"req_{number:08x}",
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "seconds": 0.25,
        "generation": "0123456789ab",
        "at": time.time(),
        "api": "chat",
        "key": "ada",
        "client": "codex",
        "model": "smart",
        "target": "openai/gpt-5.5",
        "attempts": (ANSWERED,),
        "first": 0.2,
        "usage": Usage(input=100, cache_read=20, cache_write=3, output=50, reasoning=10),
        "cost": 1250,
    }
    return Request(**{**known, **fields})
