"""The tools of a chat completions request and which of them must be called, read into the neutral vocabulary.

Protocol facts: openai 3.54 (types/chat/chat_completion_tool_*_param.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.chat import Choice, Tool
from engine.dialects.chat.read_parts import read_cache

if TYPE_CHECKING:
    from engine.chat import Kind
    from engine.dialects.fields import Fields


def read_tool(tool: Fields) -> Tool:
    """Return one of `tools`. Its definition may stand beside its type too, as in the Responses API (Cursor)."""
    kind = tool.text("type") or "function"
    if kind not in ("function", "custom"):
        return Tool(name=tool.text("name") or kind, hosted=kind, at=tool.at)
    inner = tool.object(kind)
    if inner is None and tool.value.get("name") is None:
        raise tool.missing(kind)
    cache, _ = read_cache(tool)
    return read_definition(inner or tool, "custom" if kind == "custom" else "function", cache)


def read_function(function: Fields) -> Tool:
    return read_definition(function, "function", None)


def read_definition(tool: Fields, kind: Kind, cache: str | None) -> Tool:
    wish = tool.object("format")
    return Tool(
        name=tool.named("name"),
        description=tool.text("description"),
        schema=tool.schema("parameters"),
        strict=tool.flag("strict"),
        kind=kind,
        grammar=read_grammar(wish) if kind == "custom" and wish is not None else None,
        cache=cache,
        at=tool.at,
    )


def read_grammar(wish: Fields) -> dict[str, Any] | None:
    """Return {syntax, definition}; they stand in `grammar`, or beside the type as in the Responses API."""
    if wish.named("type") != "grammar":
        return None
    grammar = wish.object("grammar") or wish
    return {"syntax": grammar.required("syntax"), "definition": grammar.required("definition")}


def read_choice(body: Fields) -> Choice | None:
    value = body.value.get("tool_choice")
    if isinstance(value, str):
        return Choice(mode=word_of(body, "tool_choice", value))
    choice = body.object("tool_choice")
    if choice is None:
        return None
    kind = choice.named("type")
    if kind == "allowed_tools":
        allowed = choice.object("allowed_tools") or choice
        names = tuple(name_of(tool) for tool in allowed.objects("tools"))
        mode = allowed.text("mode") or "auto"
        if mode not in ("auto", "required"):
            raise allowed.wrong("mode", "auto or required")
        return Choice(mode="required" if mode == "required" else "auto", allowed=names)
    if kind in ("none", "auto", "required"):
        return Choice(mode=word_of(choice, "type", kind))
    return Choice(mode="tool", name=name_of(choice))


def name_of(choice: Fields) -> str:
    """Return the tool that is meant by {type, function: {name}}; the name may stand beside the type too."""
    kind = choice.named("type")
    inner = choice.object(kind) if kind in ("function", "custom") else None
    if inner is None and choice.value.get("name") is None:
        if kind in ("function", "custom"):
            raise choice.missing(kind)
        return kind
    return (inner or choice).named("name")


def read_function_choice(body: Fields) -> Choice | None:
    value = body.value.get("function_call")
    if isinstance(value, str):
        return Choice(mode=word_of(body, "function_call", value), at="function_call")
    choice = body.object("function_call")
    return None if choice is None else Choice(mode="tool", name=choice.named("name"), at="function_call")


def word_of(holder: Fields, name: str, value: str) -> Any:
    if value == "any":  # what Mistral's API calls it
        return "required"
    if value not in ("none", "auto", "required"):
        raise holder.wrong(name, "none, auto, required or an object that names a tool")
    return value
