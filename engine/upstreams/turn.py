"""What a request on a client's WebSocket says beside its body, for drivers that speak WebSocket upstream too."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Line(Protocol):
    """A connection to an upstream, kept for one lane of one client."""

    def close(self) -> None:
        """Close it."""


class Turn:
    """One request in its lane."""

    __slots__ = ("fresh", "generate", "lines", "previous")

    def __init__(
        self,
        lines: dict[object, Line],
        *,
        generate: bool = True,
        previous: str | None = None,
        fresh: msgspec.Raw | None = None,
    ) -> None:
        self.lines = lines
        """The connections of the lane, by the driver that made them."""
        self.generate = generate
        """False: only prepare; a later request goes on from it."""
        self.previous = previous
        """The response that it goes on from, where the client named it and the body says everything in its place."""
        self.fresh = fresh
        """What its `input` adds to that."""
