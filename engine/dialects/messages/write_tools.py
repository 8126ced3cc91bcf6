"""The tools of a request and which of them must be called, written for the Messages API.

Protocol facts: anthropic 2.12 (types/tool_param.py, types/tool_choice_*_param.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.clip import clipped
from engine.dialects.freetext import FREE_TEXT, described
from engine.dialects.messages.write_schema import fits, object_schema
from engine.dialects.offer import offered

if TYPE_CHECKING:
    from engine.chat import Choice, Request, Tool
    from engine.dialects.codec import Losses
    from engine.dialects.messages.breakpoints import Breakpoints
    from engine.dialects.messages.families import Claude
    from engine.dialects.names import Names


class Choosing(msgspec.Struct, frozen=True, kw_only=True):
    """Which tools the model must call: the field itself, and what the system prompt says instead of it."""

    field: dict[str, Any] | None = None
    told: str | None = None


def usable(request: Request, losses: Losses) -> list[Tool]:
    """Return the tools that can be sent. Raises `Problem` (400) where the client insists on one that cannot."""
    for tool in request.tools:
        if tool.hosted is not None:
            losses.dropped(tool.at, f"the tool {clipped(tool.hosted)} is run by the vendor of the client's API")
    return offered(request.tools, request.choice, losses)


def write_tools(
    tools: list[Tool], family: Claude, names: Names, marks: Breakpoints, losses: Losses
) -> list[dict[str, Any]]:
    return [write_tool(tool, family, names, marks, losses) for tool in tools]


def write_tool(tool: Tool, family: Claude, names: Names, marks: Breakpoints, losses: Losses) -> dict[str, Any]:
    written: dict[str, Any] = {"name": names.send(tool.name)}
    description = tool.description
    if tool.deferred:
        losses.approximated(f"{tool.at}.defer_loading", "sent with the others")
    if tool.kind == "custom":
        schema = FREE_TEXT
        description = described(tool, losses)
    else:
        schema = object_schema(tool.schema)
    if description:
        written["description"] = description
    written["input_schema"] = schema
    if tool.strict:
        if not family.structured or "strict" in family.refused:
            losses.dropped(f"{tool.at}.strict", "this model takes no strict tools")
        elif fits(schema):
            written["strict"] = True
        else:
            losses.dropped(f"{tool.at}.strict", "the schema has keywords that no strict tool may have")
    marks.put(written, tool.cache, tool.at)
    return written


def forces(choice: Choice | None) -> bool:
    return choice is not None and choice.mode in ("required", "tool")


def write_choice(
    request: Request, tools: list[Tool], family: Claude, names: Names, losses: Losses, *, thinking: bool
) -> Choosing:
    """Return which tools the model must call. Raises `Problem` (400) for a tool that is not there."""
    choice = request.choice
    if not tools:
        if choice is not None and choice.allowed is None and forces(choice):
            losses.dropped(choice.at, "there are no tools to call")
        return Choosing()
    field: dict[str, Any] | None = None
    told = None
    if choice is not None:
        field = {"type": {"required": "any"}.get(choice.mode, choice.mode)}
        if choice.mode == "tool":
            assert choice.name is not None
            field["name"] = names.send(choice.name)
    if choice is not None and forces(choice) and not can_force(family, thinking=thinking):
        told = f"Call the tool `{field['name']}` now." if field and "name" in field else "Call one of the tools now."
        why = "when it thinks" if family.forced == "unless-thinking" else "at all"
        losses.dropped(choice.at, f"this model cannot be made to call a tool {why}: it is told to")
        field = {"type": "auto"}
    if request.parallel is False and (field is None or field["type"] != "none"):
        if "tool_choice.disable_parallel_tool_use" in family.refused:
            losses.dropped(request.at("parallel"), "this upstream cannot be told")
        else:
            field = {**(field or {"type": "auto"}), "disable_parallel_tool_use": True}
    return Choosing(field=field, told=told)


def can_force(family: Claude, *, thinking: bool) -> bool:
    if family.forced == "no" or "tool_choice" in family.refused:
        return False
    return family.forced == "yes" or not thinking
