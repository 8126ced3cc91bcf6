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

    __slots__ = ("_found", "_trying")

    def __init__(self) -> None:
        self._found: dict[str, Figure] = {}
        self._trying: dict[str, Figure] = {}
        """Those of the target that is tried."""

    def see(self, asked: Sequence[Counter], claims: Sequence[Claim], verdict: Verdict, *, trying: bool) -> None:
        """Note what is left after a decision; `trying`: it only concerns the target that is tried."""
        told = self._trying if trying else self._found
        for counter, claim, left in zip(asked, claims, verdict.left, strict=False):
            word = counter.policy.word
            if word not in SHOWN:
                continue
            told[word] = tighter(told.get(word), Figure(claim.most, max(0, left.remaining), left.reset))

    def forget(self) -> None:
        """Forget what concerns a target that does not answer."""
        self._trying.clear()

    def headers(self, vendor: str) -> Headers:
        """Return the fields for clients of `vendor`'s APIs: `anthropic`, or any other word for OpenAI's."""
        template = ANTHROPIC if vendor == "anthropic" else OPENAI
        told = []
        for word in (one for one in SHOWN if one in self._found or one in self._trying):
            limit, remaining, reset = tighter(self._found.get(word), self._trying.get(word))
            whole = date(time.time() + reset) if vendor == "anthropic" else duration(reset)
            for figure, value in (("limit", str(limit)), ("remaining", str(remaining)), ("reset", whole)):
                told.append((template.format(kind=word, figure=figure).encode(), value.encode()))
        return told

    def over(self, headers: Iterable[tuple[bytes, bytes]], vendor: str) -> Headers:
        """Return `headers` of an upstream with our figures in place of its own, never both (rule T4)."""
        if not self._found and not self._trying:
            return list(headers)
        return [*(field for field in headers if not field[0].startswith(FAMILIES)), *self.headers(vendor)]


def tighter(one: Figure | None, two: Figure | None) -> Figure:
    """Return the figure of which less is left; one of them is there."""
    if one is None or two is None:
        found = one or two
        assert found is not None
        return found
    return two if two.remaining / two.limit < one.remaining / one.limit else one
