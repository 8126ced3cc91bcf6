"""The tools of a Responses request and which of them must be called, read into the neutral vocabulary.

They stand in `tools`, and in the input where the client or a search has brought more of them: all are offered from the
start. Protocol facts: openai 3.54 (types/responses/tool_param.py, tool_choice_*_param.py, response_input_param.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from engine.chat import Choice, Tool
from engine.dialects.responses.namespaces import PLAIN, Namespaces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.dialects.codec import Losses
    from engine.dialects.fields import Fields

OWN = ("function", "custom")
"""The kinds of tools that the client runs and that every API has; any other is run, or at least known, by OpenAI."""


def read_tools(body: Fields, items: Sequence[Fields], losses: Losses) -> tuple[tuple[Tool, ...], Namespaces]:
    """Return the tools of the request and of its input, and what they are called."""
    tools = [tool for one in body.objects("tools") for tool in read_tool(one, losses)]
    searched = []
    begun = False
    for item in items:
        kind = item.text("type")
        if kind not in ("additional_tools", "tool_search_output"):
            begun = True
            continue
        found = [tool for one in item.objects("tools") for tool in read_tool(one, losses)]
        if kind == "additional_tools":
            tools += found
        else:
            searched += [replace(tool, deferred=False) for tool in found]
        if found and begun:
            losses.approximated(item.path("tools"), "offered from the start of the conversation")
    known = {(tool.namespace, tool.name) for tool in tools}
    tools += [tool for tool in searched if (tool.namespace, tool.name) not in known]
    names = Namespaces(tools)
    return tuple(replace(tool, name=names.flat(tool.name, tool.namespace)) for tool in tools), names


def read_tool(tool: Fields, losses: Losses) -> list[Tool]:
    """Return one of `tools`, under its own name; of a namespace, its tools."""
    kind = tool.text("type") or "function"
    if kind == "namespace":
        return read_namespace(tool, losses)
    if kind not in OWN:
        return [Tool(name=tool.text("name") or kind, hosted=kind, at=tool.at)]
    return [read_definition(tool, kind, losses)]


def read_namespace(space: Fields, losses: Losses) -> list[Tool]:
    """Return the tools of a namespace. What it says of itself stands before what its first tool says."""
    name = space.named("name")
    members = [tool for one in space.objects("tools") for tool in read_tool(one, losses)]
    tools = [replace(tool, namespace=name) if tool.hosted is None else tool for tool in members]
    if name != PLAIN and tools:
        losses.approximated(space.at, "its tools are offered one by one, each under both names")
    about = space.text("description")
    if about and tools:
        first = tools[0].description
        tools[0] = replace(tools[0], description=f"{about}\n\n{first}" if first else about)
        losses.approximated(space.path("description"), "stands in the description of its first tool")
    return tools


def read_definition(tool: Fields, kind: str, losses: Losses) -> Tool:
    told = tool.object(kind) or tool  # beside its type, or inside as in chat completions
    wish = told.object("format") if kind == "custom" else None
    if tool.flag("async"):
        losses.approximated(tool.path("async"), "other APIs want each result right after its call")
    if "programmatic" in tool.texts("allowed_callers"):
        losses.approximated(tool.path("allowed_callers"), "the model calls it itself")
    if tool.schema("output_schema"):
        losses.dropped(tool.path("output_schema"), "no counterpart in other APIs")
    return Tool(
        name=told.named("name"),
        description=told.text("description"),
        schema=told.schema("parameters"),
        strict=told.flag("strict"),
        kind="custom" if kind == "custom" else "function",
        grammar=None if wish is None else read_grammar(wish),
        deferred=bool(tool.flag("defer_loading")),
        at=told.at,
    )


def read_grammar(wish: Fields) -> dict[str, Any] | None:
    """Return {syntax, definition}; None where any text will do."""
    if wish.named("type") != "grammar":
        return None
    return {"syntax": wish.required("syntax"), "definition": wish.required("definition")}


def read_choice(body: Fields, names: Namespaces) -> Choice | None:
    value = body.value.get("tool_choice")
    if isinstance(value, str):
        return Choice(mode=word_of(body, "tool_choice", value))
    choice = body.object("tool_choice")
    if choice is None:
        return None
    if choice.named("type") == "allowed_tools":
        mode: Any = word_of(choice, "mode", choice.text("mode") or "auto")
        allowed = [name for tool in choice.objects("tools") for name in names_of(tool, names)]
        return Choice(mode=mode, allowed=tuple(dict.fromkeys(allowed)))
    meant = names_of(choice, names)
    if len(meant) != 1:
        raise body.wrong("tool_choice", "none, auto, required, or an object that names one tool")
    return Choice(mode="tool", name=meant[0])


def names_of(choice: Fields, names: Namespaces) -> list[str]:
    """Return the tools that are meant by {type, name}: one, unless it is a namespace; one of OpenAI's is its type."""
    kind = choice.named("type")
    if kind == "namespace":
        return names.members(choice.named("name"))
    if kind not in OWN:
        return [kind]
    return [names.flat(choice.named("name"), choice.text("namespace"))]


def word_of(holder: Fields, name: str, value: str) -> Any:
    words = ("auto", "required") if name == "mode" else ("none", "auto", "required")
    if value not in words:
        others = "" if name == "mode" else ", or an object that names a tool"
        raise holder.wrong(name, f"one of {', '.join(words)}{others}")
    return value
