"""What is left of our own limits, in the header fields in which clients of each API read it.

Protocol facts: platform.openai.com, "Rate limits in headers"; platform.claude.com, API "Rate limits", response headers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from engine.serve.ratelimits import ANTHROPIC, OPENAI, date, duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.chat import Headers
    from engine.plan.limited import Counter
    from engine.store.base import Claim, Verdict

SHOWN = ("requests", "tokens")
"""The policies that clients are told of: there are no fields for the others."""
FAMILIES = (b"x-ratelimit-", b"anthropic-ratelimit-")


class Figure(NamedTuple):
    limit: int
    remaining: int
    reset: float
    """Seconds until it is whole again."""


class Figures:
    """The tightest limit on requests, and the tightest on tokens, that one request has met."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[str, Figure] = {}

    def see(self, asked: Sequence[Counter], claims: Sequence[Claim], verdict: Verdict) -> None:
        """Note what is left after a decision."""
        for counter, claim, left in zip(asked, claims, verdict.left, strict=False):
            word = counter.policy.word
            if word not in SHOWN:
                continue
            found = self._found.get(word)
            if found is None or left.remaining / claim.most < found.remaining / found.limit:
                self._found[word] = Figure(claim.most, max(0, left.remaining), left.reset)

    def __bool__(self) -> bool:
        return bool(self._found)

    def headers(self, vendor: str) -> Headers:
        """Return the fields for clients of `vendor`'s APIs: `anthropic`, or any other word for OpenAI's."""
        template = ANTHROPIC if vendor == "anthropic" else OPENAI
        told = []
        for word, (limit, remaining, reset) in self._found.items():
            whole = date(time.time() + reset) if vendor == "anthropic" else duration(reset)
            for figure, value in (("limit", str(limit)), ("remaining", str(remaining)), ("reset", whole)):
                told.append((template.format(kind=word, figure=figure).encode(), value.encode()))
        return told

    def over(self, headers: Iterable[tuple[bytes, bytes]], vendor: str) -> Headers:
        """Return `headers` of an upstream with our figures in place of its own, never both (rule T4)."""
        if not self._found:
            return list(headers)
        return [*(field for field in headers if not field[0].startswith(FAMILIES)), *self.headers(vendor)]
