"""What the answers of both APIs have in common: ids of calls, the words of a refusal, what is noted and guessed."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from engine.chat import Call, Loss, Refusal, Text, Thinking, Usage
from engine.dialects.lost import unsaid
from engine.dialects.measure import octets, tokens

if TYPE_CHECKING:
    import re

    from engine.chat import Block, Stop
    from engine.dialects.codec import Asked

CATEGORY = Loss("stop_details.category", "dropped", "the client's API has no kinds of refusals")


class Ids:
    """The ids of one answer's tool calls: as they are where they fit and are no one else's, else minted.

    `fit` is what an id may look like, None for anything. One that does not fit is changed the same way every time.
    """

    __slots__ = ("_asked", "_fit", "_given")

    def __init__(self, asked: Asked, fit: re.Pattern[str] | None = None) -> None:
        self._asked = asked
        self._fit = fit
        self._given: set[str] = set()

    def give(self, wish: str) -> str:
        """Return the id for the next call, whose upstream called it `wish`, or "" if it had none."""
        if wish and self._fit is not None and not self._fit.fullmatch(wish):
            digest = hashlib.sha256(wish.encode("utf-8", "surrogatepass")).digest()
            wish = "call_" + base64.b32encode(digest[:15]).decode().lower()
        number = len(self._given)
        while not wish or wish in self._given:
            wish = f"call_{self._asked.id}_{number}"
            number += 1
        self._given.add(wish)
        return wish


def note_stop(stop: Stop, asked: Asked) -> None:
    """Note what of the reason for a stop its client is not told."""
    if stop.reason == "pause":
        asked.lost.once(unsaid("stop_reason", "dropped"))
    elif stop.reason == "context":
        asked.lost.once(unsaid("stop_reason", "approximated"))
    elif stop.reason == "refusal" and (stop.details or {}).get("category"):
        asked.lost.once(CATEGORY)


def explanation(stop: Stop) -> str | None:
    """Return what the vendor says of a refusal; it has no text of its own there."""
    said = (stop.details or {}).get("explanation") if stop.reason == "refusal" else None
    return said if isinstance(said, str) and said else None


def guessed(asked: Asked, output: int) -> Usage:
    """Return our own estimate for an upstream that did not say; `output` is the size of its answer in bytes."""
    return Usage(input=asked.input_tokens, output=tokens(output), estimated=True)


def size(block: Block) -> int:
    """Return the size of what the model wrote, in bytes."""
    if isinstance(block, Call):
        return octets(block.arguments)
    return octets(block.text) if isinstance(block, Text | Thinking | Refusal) else 0
