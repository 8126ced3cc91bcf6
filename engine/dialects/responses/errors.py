"""Why a response failed, read off the event or the answer that tells it.

Protocol facts: openai 3.54 (types/responses/response_error.py, response_error_event.py, response_failed_event.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dialects.failure import failed
from engine.dialects.openai.errors import judged

if TYPE_CHECKING:
    from engine.chat import Failure

FAILED = ("error", "response.failed")
"""The events that tell a failure."""
ENDS = frozenset({"response.completed", "response.incomplete"})
"""The events with which an answer ends."""
STATUSES = {"failed": "response.failed", "cancelled": "response.cancelled"}
"""The status of a response that is no answer -> the event that it should have ended with."""


def end_of(kind: str, status: Any) -> str:
    """Return what an event of ENDS is, whose response has this status: some servers complete what has failed."""
    return STATUSES.get(status, kind) if isinstance(status, str) else kind


def confessed(kind: str, event: dict[str, Any], data: bytes) -> Failure:
    """Return the failure that an event of FAILED tells: flat or nested where it is an `error`, else in its response.

    `data` is the event as it came.
    """
    told: Any
    if kind == "error":
        nested = event.get("error")
        told = nested if isinstance(nested, dict | str) else event
        if isinstance(told, dict):
            told = {name: value for name, value in told.items() if name != "type" or value != "error"}
    else:
        response = event.get("response")
        told = response.get("error") if isinstance(response, dict) else event.get("error")
    reason, message = judged(None, told)
    return failed(reason, None, message, [], data)
