"""Which tools of a request are offered to the model: one of each name, and none that the client's choice leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.chat import Problem
from engine.dialects.clip import clipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.chat import Choice, Tool
    from engine.dialects.codec import Losses


def offered(tools: Sequence[Tool], choice: Choice | None, losses: Losses) -> list[Tool]:
    """Return what is left of `tools`, which are all that the client declared, when those of a vendor are left out.

    Raises `Problem` (400) where the client insists on a tool that is not offered.
    """
    own = [tool for tool in tools if tool.hosted is None]
    if choice is not None and choice.mode == "tool" and all(tool.name != choice.name for tool in own):
        raise unoffered(choice, hosted=is_hosted(choice, tools))
    return distinct(allowed(own, choice, losses), losses)


def is_hosted(choice: Choice, tools: Iterable[Tool]) -> bool:
    """Say whether a choice names a tool that its own vendor runs, and no tool of the client's."""
    named = [tool for tool in tools if choice.name in (tool.name, tool.hosted)]
    return bool(named) and all(tool.hosted is not None for tool in named)


def unoffered(choice: Choice, *, hosted: bool) -> Problem:
    """Return the refusal of a choice that names none of the tools that can be sent."""
    name = clipped(choice.name or "")
    if hosted:
        message = (
            f"`{choice.at}` insists on `{name}`, which the vendor of this API runs itself; the model is served by "
            "another one: leave the choice to the model, or offer a tool of your own"
        )
        return Problem(400, "unsupported_parameter", message, param=choice.at)
    message = f"`{choice.at}` names the tool `{name}`, which is not among `tools`"
    return Problem(400, "invalid_request", message, param=choice.at)


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
