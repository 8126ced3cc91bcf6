"""Which tools of a request are offered to the model: one of each name, and none that the client's choice leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.dialects.clip import clipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.chat import Choice, Tool
    from engine.dialects.codec import Losses


def offered(tools: Sequence[Tool], choice: Choice | None, losses: Losses) -> list[Tool]:
    """Return what is left of `tools`, which are those that can be sent at all."""
    return distinct(allowed(tools, choice, losses), losses)


def allowed(tools: Sequence[Tool], choice: Choice | None, losses: Losses) -> list[Tool]:
    """Return the tools that `choice` allows. A name it allows that no tool has was never offered: that is told."""
    if choice is None or choice.allowed is None:
        return list(tools)
    names = {tool.name for tool in tools}
    if names.isdisjoint(choice.allowed):
        losses.dropped(choice.at, "there is no tool that it allows: none is sent")
        return []
    if missing := [name for name in choice.allowed if name not in names]:
        losses.dropped(choice.at, f"there is no tool {clipped(', '.join(missing))} that could be allowed")
    losses.approximated(choice.at, "only the tools allowed are sent")
    names.intersection_update(choice.allowed)
    return [tool for tool in tools if tool.name in names]


def distinct(tools: Iterable[Tool], losses: Losses) -> list[Tool]:
    """Return the first tool of each name: which of two the model calls, nobody could tell."""
    found: dict[str, Tool] = {}
    for tool in tools:
        first = found.setdefault(tool.name, tool)
        if first is tool:
            continue
        if replace(tool, at="") == replace(first, at=""):
            losses.approximated(tool.at, f"the very same as {first.at}: sent once")
        else:
            losses.dropped(tool.at, f"a second tool with the name {clipped(tool.name)}")
    return list(found.values())
