"""A request of the Responses API, read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.dialects.responses.read_request import read

if TYPE_CHECKING:
    from engine.chat import Request


def asked(*items: dict[str, Any], **fields: Any) -> Request:
    """Read a request with these items as its input, or with a word of greeting."""
    return read(json.dumps({"model": "asked", "input": list(items) or "Hi", **fields}).encode())


def lost(request: Request) -> dict[str, str]:
    """Return the losses of a request: path -> grade."""
    return {loss.path: loss.grade for loss in request.losses}
