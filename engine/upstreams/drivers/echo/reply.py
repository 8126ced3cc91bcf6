"""What echo says: one neutral wish, one neutral reply. The files of the APIs put both into their wire forms."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal

import msgspec

from engine.upstreams.drivers.echo.instance import instance

Schema = dict[str, Any] | bool

PIECE = re.compile(r"\s*\S{1,16}|\s+")
"""What echo counts as one token of text, and sends as one piece."""
QUOTED = 2000
"""How much of a prompt or a tool's result is repeated, in characters."""
CREATED = 1767225600
"""The moment at which everything echo makes was made: 2026-01-01, since the same request has the same answer."""


class Tool(msgspec.Struct, frozen=True):
    name: str
    schema: Schema | None
    """Of its arguments; None for a tool that takes plain text."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for, whatever its API."""

    prompt: str
    """The last text of the user."""
    results: list[str] = []
    """What tools have answered since."""
    tools: list[Tool] = []
    choice: Literal["auto", "none", "any"] | tuple[str, ...] = "auto"
    """Whether a tool must be called; a tuple names those of which one must."""
    parallel: bool = True
    schema: Schema | None = None
    """What the text must be an instance of."""
    stop: list[str] = []
    limit: int | None = None
    think: bool = False
    demo: bool = False


class Use(msgspec.Struct, frozen=True):
    """A call of a tool. `arguments` is JSON, or text as it is where the tool takes `plain` text."""

    name: str
    arguments: str
    id: str
    plain: bool

    @property
    def pieces(self) -> list[str]:
        return [self.arguments[at : at + 16] for at in range(0, len(self.arguments), 16)]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What echo answers; texts in the pieces in which they are sent."""

    thinking: list[str] = []
    text: list[str] = []
    uses: list[Use] = []
    end: Literal["done", "length", "stop", "tools"] = "done"
    stopped_by: str | None = None

    @property
    def thinking_tokens(self) -> int:
        return len(self.thinking)

    @property
    def tokens(self) -> int:
        """Everything that was put out, in tokens: one a piece, and one for each tool's name."""
        return len(self.thinking) + len(self.text) + sum(1 + len(use.pieces) for use in self.uses)


def mark(body: bytes) -> str:
    """Return 24 characters that the same request always has."""
    return hashlib.sha256(body).hexdigest()[:24]


def say(wish: Wish, seed: str) -> Said:
    """Answer `wish`; ids are made from `seed`."""
    thinking = PIECE.findall(f"The user said {wish.prompt[:60]!r}; I repeat it.") if wish.think else []
    called = calls(wish)
    if called:
        uses = [
            Use(tool.name, arguments(tool, wish.prompt), f"{seed[:20]}{number:04x}", tool.schema is None)
            for number, tool in enumerate(called)
        ]
        return Said(thinking=thinking, uses=uses, end="tools")
    text = written(wish)
    cut, stopped_by = len(text), None
    for word in wish.stop:
        at = text.find(word) if word else -1
        if 0 <= at < cut:
            cut, stopped_by = at, word
    pieces = PIECE.findall(text[:cut])
    if wish.limit is not None and len(thinking) + len(pieces) > wish.limit:
        thinking = thinking[: wish.limit]
        return Said(thinking=thinking, text=pieces[: wish.limit - len(thinking)], end="length")
    return Said(thinking=thinking, text=pieces, end="stop" if stopped_by else "done", stopped_by=stopped_by)


def calls(wish: Wish) -> list[Tool]:
    """Return the tools to call: those the prompt names, in its order, or one because one is demanded."""
    if wish.choice == "none":
        return []
    allowed = [tool for tool in wish.tools if not isinstance(wish.choice, tuple) or tool.name in wish.choice]
    places = [(named(wish.prompt, tool.name), tool) for tool in allowed]
    found = [tool for place, tool in sorted(places, key=lambda pair: pair[0]) if place >= 0]
    if wish.choice == "auto" and wish.results:
        return []
    if not found and wish.choice != "auto":
        found = allowed[:1]
    return found if wish.parallel else found[:1]


def named(prompt: str, name: str) -> int:
    """Return where `prompt` has `name` as a word of its own, -1 if nowhere."""
    found = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", prompt)
    return found.start() if found else -1


def arguments(tool: Tool, prompt: str) -> str:
    """Return arguments that are valid for the tool."""
    if tool.schema is None:
        return prompt[:QUOTED]
    made = instance(tool.schema)
    return msgspec.json.encode(made if isinstance(made, dict) else {}).decode()


def written(wish: Wish) -> str:
    """Return the text of the answer."""
    if wish.schema is not None:
        return msgspec.json.encode(instance(wish.schema)).decode()
    heard = wish.prompt[:QUOTED] or "(no text)"
    if wish.results:
        heard = "the tool answered " + "; ".join(result[:QUOTED] for result in wish.results)
    return f"[turnout echo] {heard}" if wish.demo else f"echo: {heard}"
