"""The tools of a request, and which of them must or may be called, in the form of the Responses API.

Chat completions has the same things one step deeper. Protocol facts: openai 3.54
(types/responses/function_tool_param.py, custom_tool_param.py, tool_choice_*_param.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.dialects.clip import clipped
from engine.dialects.freetext import FREE_TEXT, described
from engine.dialects.offer import is_hosted, offered
from engine.dialects.openai.strict import fits

if TYPE_CHECKING:
    from engine.chat import Choice, Tool
    from engine.dialects.openai.draft import Draft, Json

PLACEHOLDER = "DeferredToolPlaceholder"
"""The tool with which Claude Code keeps a place for tools that Anthropic loads later (2.1.330)."""

WORDS = {"auto": "auto", "none": "none", "required": "required"}


def write_tools(draft: Draft) -> Json:
    """Return tools, tool_choice and parallel_tool_calls: none of them where no tool is left.

    Raises `Problem` (400) where the client insists on a tool that it did not declare. A vendor's own tool is left out
    together with the choice of it: both are told.
    """
    request = draft.request
    choice = request.choice
    if choice is not None and choice.mode == "tool" and is_hosted(choice, request.tools):
        draft.losses.dropped(choice.at, "the tool it names runs at its own vendor only")
        choice = None
    tools = offered([tool for tool in request.tools if sendable(tool, draft)], choice, draft.losses)
    if not tools:
        if choice is not None and choice.allowed is None and choice.mode == "required":
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
        return True  # `offered` leaves it out, and knows it by its name where the client insists on it
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
        losses.approximated(f"{tool.at}.{draft.request.at('cache')}", "the upstream caches by itself")
    if tool.kind == "custom":
        return free_text(tool, name, draft)
    return function(name, tool.description, parameters(tool.schema), strict=is_strict(tool, draft))


def function(name: str, description: str | None, schema: Json, *, strict: bool) -> Json:
    about = {"description": description} if description else {}
    return {"type": "function", "name": name, **about, "parameters": schema, "strict": strict}


def free_text(tool: Tool, name: str, draft: Draft) -> Json:
    """Return a tool that takes free text, as a function where the model knows no others."""
    if draft.wraps:
        draft.wrapped.add(name)
        return function(name, described(tool, draft.losses), FREE_TEXT, strict=False)
    written: Json = {"type": "custom", "name": name}
    if tool.description:
        written["description"] = tool.description
    if tool.grammar is not None:
        written["format"] = {"type": "grammar", **tool.grammar}
    return written


def is_strict(tool: Tool, draft: Draft) -> bool:
    if not tool.strict:
        return False
    if draft.family.strict and draft.takes("strict") and fits(tool.schema):
        return True
    draft.losses.dropped(f"{tool.at}.strict", "the upstream cannot hold the model to this schema")
    return False


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
    kind = next((tool.kind for tool in tools if tool.name == choice.name), "function")
    return {"type": "function" if draft.wraps else kind, "name": draft.names.send(choice.name or "")}
