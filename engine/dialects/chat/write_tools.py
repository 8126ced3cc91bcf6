"""The tools of a request, and which of them must or may be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dialects.clip import clipped
from engine.dialects.offer import offered
from engine.dialects.openai.strict import fits

if TYPE_CHECKING:
    from typing import Any

    from engine.chat import Choice, Tool
    from engine.dialects.chat.draft import Draft
    from engine.dialects.chat.write_parts import Json

PLACEHOLDER = "DeferredToolPlaceholder"
"""The tool with which Claude Code keeps a place for tools that Anthropic loads later (2.1.330)."""

WORDS = {"auto": "auto", "none": "none", "required": "required"}


def write_tools(draft: Draft) -> Json:
    """Return tools, tool_choice and parallel_tool_calls: none of them where no tool is left."""
    request = draft.request
    choice = request.choice
    tools = offered([tool for tool in request.tools if sendable(tool, draft)], choice, draft.losses)
    if not tools:
        if choice is not None and choice.allowed is None and choice.mode in ("required", "tool"):
            draft.losses.dropped(choice.at, "there is no tool left that could be called")
        return {}
    sent: Json = {"tools": [write_tool(tool, draft) for tool in tools]}
    if choice is not None and (word := write_choice(choice, tools, draft)) is not None:
        sent["tool_choice"] = word
    if request.parallel is not None:
        if draft.family.parallel and draft.takes("parallel_tool_calls"):
            sent["parallel_tool_calls"] = request.parallel
        elif request.parallel is False:
            draft.losses.dropped(request.at("parallel"), "the upstream cannot be held to one call in a turn")
    return sent


def sendable(tool: Tool, draft: Draft) -> bool:
    if tool.hosted is not None:
        draft.losses.dropped(tool.at, f"{clipped(tool.hosted)} runs at its own vendor only")
        return False
    if tool.deferred and tool.name == PLACEHOLDER:
        draft.losses.approximated(tool.at, "a place for tools that are loaded later: all are sent at once")
        return False
    return True


def write_tool(tool: Tool, draft: Draft) -> Json:
    losses = draft.losses
    name = draft.names.send(tool.name)
    if name != tool.name:
        losses.approximated(f"{tool.at}.name", "too long or with other characters: sent changed, given back as it is")
    if tool.deferred:
        losses.approximated(f"{tool.at}.defer_loading", "sent with the others")
    if tool.cache is not None:
        losses.approximated(f"{tool.at}.cache_control", "the upstream caches by itself")
    described: Json = {"name": name}
    if tool.description:
        described["description"] = tool.description
    if tool.kind == "custom":
        if tool.grammar is not None:
            described["format"] = {"type": "grammar", "grammar": tool.grammar}
        return {"type": "custom", "custom": described}
    described["parameters"] = parameters(tool.schema)
    if tool.strict:
        if draft.family.strict and draft.takes("strict") and fits(tool.schema):
            described["strict"] = True
        else:
            losses.dropped(f"{tool.at}.strict", "the upstream cannot hold the model to this schema")
    return {"type": "function", "function": described}


def parameters(schema: dict[str, Any] | None) -> dict[str, Any]:
    """Return a schema of arguments as servers want it: an object's, with `properties`."""
    if schema is None:
        return {"type": "object", "properties": {}}
    full = schema if "type" in schema else {"type": "object", **schema}
    return full if full["type"] != "object" or "properties" in full else {**full, "properties": {}}


def write_choice(choice: Choice, tools: list[Tool], draft: Draft) -> str | Json | None:
    if choice.mode != "none" and not draft.takes("tool_choice"):
        if choice.mode != "auto":
            draft.losses.dropped(choice.at, "the upstream does not let a call be demanded")
        return None
    if choice.mode != "tool":
        return WORDS[choice.mode]
    hosted = {tool.name for tool in draft.request.tools if tool.hosted is not None}
    if choice.name in hosted - {tool.name for tool in tools}:
        draft.losses.dropped(choice.at, "the tool it names runs at its own vendor only")
        return None
    kind = next((tool.kind for tool in tools if tool.name == choice.name), "function")
    return {"type": kind, kind: {"name": draft.names.send(choice.name or "")}}
