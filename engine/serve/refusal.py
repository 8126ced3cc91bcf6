"""The record of a request that was refused before any exchange began: by the wire, or by its Host or Origin."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from engine.observe.record import Request

if TYPE_CHECKING:
    from engine.chat import Problem
    from engine.serve.reply import Visit

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
