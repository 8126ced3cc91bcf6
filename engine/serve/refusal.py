"""A request refused before any exchange began, by the wire or by its Host or Origin: its record, its answer."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from engine.observe.record import Request
from engine.serve.reply import JSON, form_of, marks, with_ids

if TYPE_CHECKING:
    from litestar.types import Scope

    from engine.chat import Problem
    from engine.serve.reply import Visit

PHRASES = {
    400: b"Bad Request",
    408: b"Request Timeout",
    431: b"Request Header Fields Too Large",
    501: b"Not Implemented",
}

PATH = re.compile(rb"(?:[^/?#]*://[^/?#]*)?([^?#]{0,200})")
"""The path in a request target. What stands before it may name a user and a password, what comes after a key."""


def refusal(visit: Visit, method: str, target: bytes, problem: Problem, seconds: float = 0.0) -> Request:
    """Return its record. `method` and `target` are as far as they came; `seconds` since the first byte."""
    found = PATH.match(target)
    path = found[1].decode("latin-1") if found else ""
    return Request(
        request=visit.id,
        method=method or "-",
        path=path or "-",
        status=problem.status,
        seconds=seconds,
        generation=visit.generation.id,
        at=time.time(),
        reason=problem.code,
        problem=f"{problem.code}: {problem.message}"[:500],  # it may name a Host of any length
    )


def last_words(visit: Visit, scope: Scope, problem: Problem) -> bytes:
    """Return the answer with which a connection ends, as bytes on the wire, in the form of the API as far as it is
    known."""
    body = form_of(scope).error(problem, visit.id)
    fields = [JSON, *with_ids([], visit), *marks(visit), (b"content-length", b"%d" % len(body))]
    head = b"".join(b"%s: %s\r\n" % field for field in fields)
    status = b"%d %s" % (problem.status, PHRASES[problem.status])
    return b"HTTP/1.1 %s\r\n%sconnection: close\r\n\r\n%s" % (status, head, body)
