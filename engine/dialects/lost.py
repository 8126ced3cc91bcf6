"""What of an answer no other API can be told, in the words in which that is noted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.chat import Loss

if TYPE_CHECKING:
    from engine.chat import Grade, Opaque

WORD = re.compile(r"[a-z_]{1,40}")
"""A type that may be repeated in a log: anything else an upstream might write there is not."""


def foreign(kind: str, at: str) -> Loss:
    """Return the loss of what only its own vendor knows, such as a `server_tool_use` at `content[2]`."""
    what = f"`{kind}`" if WORD.fullmatch(kind) else "this"
    return Loss(at, "dropped", f"{what} has no counterpart in the client's API")


def unsaid(at: str, grade: Grade) -> Loss:
    """Return the loss of why the model stopped, where the client's API has no word for it."""
    return Loss(at, grade, "a reason for the stop that the client's API has no word for")


def opaque(block: Opaque) -> Loss:
    return foreign(block.kind, block.at)


UNTOLD = Loss("usage", "dropped", "the upstream told no usage; the client gets an estimate")
