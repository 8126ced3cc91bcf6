"""What the client of one stream has been told so far, read off its bytes as they go out, whatever way they came.

With it another target can carry on where an upstream broke off: an encoder of the client's API in the state that the
client is in. Each API has its own; what all of them have in common is here. Sans-io.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.failure import text as text_of
from engine.dialects.sse import cut, parse

if TYPE_CHECKING:
    from engine.dialects.codec import Asked, Encoder

MOST = 1 << 20
"""The longest text, in characters, that is kept to be sent again."""


class Trail(ABC):
    """One stream. `feed` takes everything that goes to the client but keep-alives, always whole events."""

    __slots__ = ("_said", "_size", "plain", "stopped")

    def __init__(self) -> None:
        self.plain = True
        """The client was told nothing but text, and not too much of it: another model can go on from it."""
        self.stopped = False
        """It was told why the model stopped."""
        self._said: list[str] = []
        self._size = 0

    @property
    def text(self) -> str:
        """All the text so far."""
        return "".join(self._said)

    def feed(self, out: bytes) -> bytes:
        """Take whole events; return those that may go to the client: none from the first on that is not JSON."""
        if not self.plain:
            return out
        passed = 0
        for event in cut(out):
            name, data = parse(event)
            if data is not None and data.strip() and not data.startswith(b"[DONE]"):
                try:
                    value = msgspec.json.decode(data)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    return out[:passed]
                if not isinstance(value, dict) or not self._take(name, value):
                    self.plain = False
                    self._said.clear()
                    return out
            passed += len(event)
        return out

    def _take(self, name: bytes, event: dict[str, Any]) -> bool:
        kind = text_of(event.get("type")) or name.decode("utf-8", "replace")
        return self.read(kind, event) and self._size <= MOST

    @abstractmethod
    def read(self, kind: str, event: dict[str, Any]) -> bool:
        """Take one event; say whether it is part of an answer in plain text."""

    @abstractmethod
    def encoder(self, asked: Asked) -> Encoder:
        """Return an encoder that goes on where the stream stands."""

    def rest(self) -> bytes | None:
        """Return what is missing of a stream that has said why the model stopped; None where that cannot be said."""
        return None

    def say(self, said: Any) -> bool:
        """Note a piece of text."""
        if not isinstance(said, str):
            return said is None
        self._said.append(said)
        self._size += len(said)
        return True
