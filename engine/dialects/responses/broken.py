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

CODES = {
    "rate_limited": "rate_limit_exceeded",
    "context_length": "context_length_exceeded",
    "quota": "insufficient_quota",
    "overloaded": "server_is_overloaded",
    "invalid_request": "invalid_prompt",
    "content_filter": "invalid_prompt",
}
"""Our codes -> those by which clients decide whether to ask again, compact or give up; any other is server_error."""


def failed_event(response: dict[str, Any], problem: Problem, sequence: int) -> bytes:
    """Return the event that ends a stream; `response` is what was told of it so far, `sequence` the event's number."""
    error = {"code": CODES.get(problem.code, "server_error"), "message": problem.message}
    return event("response.failed", {"response": {**response, "status": "failed", "error": error}}, sequence)


def event(kind: str, fields: dict[str, Any], sequence: int) -> bytes:
    """Return one event, numbered."""
    return frame(msgspec.json.encode({"type": kind, **fields, "sequence_number": sequence}), kind.encode())


def broken_stream(problem: Problem, request_id: str) -> bytes:
    """Return a whole stream that tells nothing but `problem`."""
    response = {
        "id": f"resp_{request_id.removeprefix('req_')}",
        "object": "response",
        "created_at": 0,
        "status": "in_progress",
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "usage": None,
    }
    return event("response.created", {"response": response}, 0) + failed_event(response, problem, 1)


def broken(first: bytes, last: bytes, problem: Problem, request_id: str) -> bytes:
    """Return the end of a stream that began with the event `first` and whose last event was `last`."""
    try:
        response = msgspec.json.decode(parse(first)[1] or b"")["response"]
        sequence = msgspec.json.decode(parse(last)[1] or b"")["sequence_number"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        return broken_stream(problem, request_id)
    if not isinstance(response, dict) or type(sequence) is not int:
        return broken_stream(problem, request_id)
    return failed_event(response, problem, sequence + 1)
