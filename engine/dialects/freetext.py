"""Tools that take free text, where only functions can be sent: one argument `input` holds the text.

On the way back `engine.dialects.restore` takes it out again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from engine.chat import Tool
    from engine.dialects.codec import Losses

FREE_TEXT: dict[str, Any] = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
"""The arguments of such a function."""


def described(tool: Tool, losses: Losses) -> str | None:
    """Return the description of `tool` as a function; a grammar stands in it."""
    losses.approximated(tool.at, "free text goes as the one argument `input`")
    if tool.grammar is None:
        return tool.description
    losses.dropped(f"{tool.at}.format", "a grammar binds no more: the description tells it")
    rule = f"The input must fit this {tool.grammar['syntax']} grammar:\n{tool.grammar['definition']}"
    return f"{tool.description}\n\n{rule}" if tool.description else rule


def wrapped(text: str) -> str:
    """Return free text as the arguments of the function."""
    return msgspec.json.encode({"input": text}).decode()
