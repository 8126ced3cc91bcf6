"""A tap around another one, for a stream that another target may carry on: it notes what the client is told.

It holds back an upstream's own error event until it is known that nobody carries on, and what is no event for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dialects.around import Around
from engine.dialects.sse import cut
from engine.dialects.tap import malformed

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Failure, Problem
    from engine.dialects.base import Failing, Tap
    from engine.dialects.trail import Trail


class Following(Around):
    """`scrub` takes out of an upstream's words what nobody may see."""

    __slots__ = ("_error", "_flaw", "_scrub", "_tells", "_trail")

    def __init__(self, tap: Tap, trail: Trail, scrub: Callable[[bytes], bytes]) -> None:
        super().__init__(tap)
        self._tells, self.told = self.told, False
        self._trail = trail
        self._scrub = scrub
        self._error: bytes | None = None
        """The upstream's own."""
        self._flaw: Failure | None = None
        """What it sent that is no event: the client is not told that either."""

    @property
    def failure(self) -> Failure | None:
        return self._flaw or super().failure

    def change(self, out: bytes) -> bytes:
        if self._flaw is not None:
            return b""
        if out and self._tells and self.failure is not None:
            *whole, self._error = cut(out)
            out = b"".join(whole)
        passed = self._trail.feed(out) if out else out
        if len(passed) < len(out):
            self._flaw = malformed("an event that is not JSON")
        return passed

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:
        return super().broken(problem, asked) if self._error is None else self._scrub(self._error)
