"""The tools of a request, and which of them must or may be called: each definition stands in a field of its kind.

Protocol facts: openai 3.54 (types/chat/chat_completion_*_tool_param.py, chat_completion_tool_choice_option_param.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dialects.openai import tools

if TYPE_CHECKING:
    from engine.dialects.openai.draft import Draft, Json


def write_tools(draft: Draft) -> Json:
    """Return tools, tool_choice and parallel_tool_calls: none of them where no tool is left."""
    sent = tools.write_tools(draft)
    if "tools" in sent:
        sent["tools"] = [nested(tool) for tool in sent["tools"]]
    if isinstance(choice := sent.get("tool_choice"), dict):
        sent["tool_choice"] = nested(choice)
    return sent


def nested(tool: Json) -> Json:
    """Return a tool, or what names one, as this API has it. Nothing is strict here that does not say so."""
    inner = {name: value for name, value in tool.items() if name != "type" and (name, value) != ("strict", False)}
    if "format" in inner:
        inner["format"] = {"type": "grammar", "grammar": {k: v for k, v in inner["format"].items() if k != "type"}}
    return {"type": tool["type"], tool["type"]: inner}
