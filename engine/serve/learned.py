"""What the models of an upstream refused, for a while: so that only the first request pays for finding out.

Only what helped is remembered (the request went through without it), and nothing for ever: a server may learn better,
and no client can make the others do without for long.
"""

from __future__ import annotations

from collections import OrderedDict

MOST_MODELS = 1024
"""Models of one upstream: through a pattern clients can name any number."""
KEPT_FOR = 3600.0
"""Seconds after which a refusal is asked for anew."""


class Learned:
    """The refusals of one upstream, in the words of its codec. Times are in seconds of the loop's clock."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, dict[str, float]] = OrderedDict()
        """Model -> word -> when it is forgotten."""

    def of(self, model: str, now: float) -> frozenset[str]:
        """Return what `model` is known to refuse."""
        words = self._until.get(model)
        return frozenset(word for word, until in words.items() if until > now) if words else frozenset()

    def add(self, model: str, words: frozenset[str], now: float) -> None:
        """Remember that a request to `model` went through without `words`."""
        if not words:
            return
        known = self._until.setdefault(model, {})
        for word in words:
            known[word] = now + KEPT_FOR
        while len(self._until) > MOST_MODELS:
            self._until.popitem(last=False)
