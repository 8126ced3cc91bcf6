"""The numbers that a server tells of a request that its context window has no room for, and what room they leave.

Wordings: OpenAI, Anthropic, Gemini, xAI, Mistral, Groq, OpenRouter, and those of vLLM (older and newer), SGLang and
llama.cpp.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST = 256
"""The fewest tokens that are worth asking for: a shorter answer helps nobody."""

ROOM = "room="
"""How the word for the room that one request leaves for its answer begins in `Family.refused`."""

WINDOW = re.compile(
    r"maximum (?:context|prompt) length (?:is|of) (\d{1,9})|tokens allowed \((\d{1,9})\)"
    r"|(\d{1,9}) maximum context length|available context size \((\d{1,9})|requested \d{1,9} tokens, max (\d{1,9})"
    r"|exceed context limit: \d{1,9} \+ \d{1,9} > (\d{1,9})",
    re.IGNORECASE,
)

SHARES = tuple(
    re.compile(said, re.IGNORECASE)
    for said in (
        r"exceed context limit: (?P<input>\d{1,9}) \+ (?P<output>\d{1,9}) >",
        r"is too large: (?P<output>\d{1,9})\..*?has (?P<input>\d{1,9}) input tokens",
        r"requested (?P<output>\d{1,9}) output tokens and your prompt contains(?: at least)? (?P<input>\d{1,9}) input",
        r"tokens: (?P<input>\d{1,9}) tokens? from the input.*?(?P<output>\d{1,9}) tokens? for the completion",
        r"requested(?: about)? (?P<all>\d{1,9}) tokens \([^)]*?(?P<output>\d{1,9}) in the (?:completion|output)",
        r"(?:resulted in|has|contains(?: at least)?) (?P<input>\d{1,9})(?: input)? tokens",
        r"token count \((?P<input>\d{1,9})\)|request \((?P<all>\d{1,9}) tokens\)",
        r"requested(?: about)? (?P<all>\d{1,9}) tokens",
    )
)
"""What was asked for: the first that fits counts, they tell less and less. `all`: with or without the answer."""


class Need(Struct, frozen=True):
    """What a request needs of a window, in tokens; None: untold."""

    window: int
    input: int | None
    output: int | None
    all: int | None


def need(message: str) -> Need | None:
    """Return the numbers in a server's `message`; None if it does not tell the window and what was asked of it."""
    window = WINDOW.search(message)
    share = next((found for said in SHARES if (found := said.search(message))), None)
    if window is None or share is None:
        return None
    told = {name: int(number) for name, number in share.groupdict().items() if number is not None}
    input_, output, all_ = told.get("input"), told.get("output"), told.get("all")
    if input_ is None and output is not None and all_ is not None:
        input_ = all_ - output
    return Need(int(window[window.lastindex or 0]), input_, output, all_)


def room(message: str, asked: object) -> str | None:
    """Return the word for what the input leaves for the answer, where the answer `asked` for is longer than that."""
    told = need(message)
    if told is None or told.input is None or type(asked) is not int:
        return None
    left = told.window - told.input
    return f"{ROOM}{left}" if LEAST <= left < asked else None


def left(refused: Iterable[str]) -> int | None:
    """Return the room for the answer that the words of `Family.refused` tell."""
    return min((int(word.removeprefix(ROOM)) for word in refused if word.startswith(ROOM)), default=None)
