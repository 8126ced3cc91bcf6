"""How a stream of the Responses API ends that an error has broken off.

The last event is response.failed, with the response as far as it goes and the next sequence number: clients follow one
response through a stream (openai 3.54: lib/streaming/responses/_responses.py; Codex takes the end of a stream without
it for a lost connection). Where nothing has gone out, a response is begun only to be failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.sse import frame, parse

if TYPE_CHECKING:
    from engine.chat import Problem
    from engine.dialects.base import Failing

CODES = {
    "rate_limited": "rate_limit_exceeded",
    "context_length": "context_length_exceeded",
    "quota": "insufficient_quota",
    "invalid_request": "invalid_prompt",
    "content_filter": "invalid_prompt",
}
"""Our codes -> those by which clients decide whether to ask again, compact or give up; any other is server_error.

An overloaded server is no other: at server_is_overloaded Codex 0.171 gives up ("Selected model is at capacity"), and
what another vendor calls overloaded is over in a moment.
"""


def failed_event(response: dict[str, Any], problem: Problem, sequence: int) -> bytes:
    """Return the event that ends a stream; `response` is what was told of it so far, `sequence` the event's number."""
    error = {"code": CODES.get(problem.code, "server_error"), "message": problem.message}
    return event("response.failed", {"response": {**response, "status": "failed", "error": error}}, sequence)


def event(kind: str, fields: dict[str, Any], sequence: int) -> bytes:
    """Return one event, numbered."""
    return frame(msgspec.json.encode({"type": kind, **fields, "sequence_number": sequence}), kind.encode())


def broken_stream(problem: Problem, asked: Failing) -> bytes:
    """Return a whole stream that tells nothing but `problem`."""
    response = begun(asked)
    return event("response.created", {"response": response}, 0) + failed_event(response, problem, 1)


def begun(asked: Failing) -> dict[str, Any]:
    """Return a response of which nothing has been said."""
    return {
        "id": f"resp_{asked.request.removeprefix('req_')}",
        "object": "response",
        "created_at": asked.created,
        "status": "in_progress",
        "model": asked.model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "usage": None,
    }


def broken(first: bytes, last: bytes, problem: Problem, asked: Failing) -> bytes:
    """Return the end of a stream that began with the event `first` and whose last event was `last`.

    Some servers number nothing, and some begin without a response: then it is one of ours that fails.
    """
    response, sequence = told(first).get("response"), told(last).get("sequence_number")
    number = sequence + 1 if type(sequence) is int else 0
    return failed_event(response if isinstance(response, dict) else begun(asked), problem, number)


def told(event: bytes) -> dict[str, Any]:
    """Return the data of an event; empty where it is no object."""
    try:
        value = msgspec.json.decode(parse(event)[1] or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
