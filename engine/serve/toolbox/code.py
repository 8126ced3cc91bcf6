"""Tools of LangChain's, in this process: what a file names by its path.

Imported only where a file has such tools, and then in a thread or before there is a loop.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from engine.dialects.rounds import Offered
from engine.plan.tools import module_of
from engine.serve.toolbox.base import Outcome, Tool, chosen, shown
from engine.upstreams.base import Unbuildable
from engine.upstreams.drivers.langchain.load import imported

if TYPE_CHECKING:
    from engine.config.sections.steps import ToolSource


class CodeTools:
    """Implements `Source` (base.py)."""

    state = "ready"

    def __init__(self, declared: ToolSource) -> None:
        """Import them. Raises `Unbuildable`."""
        found = imported(*module_of(declared), "object")
        each = list(found) if isinstance(found, list | tuple) else [found]
        self._tools = {tool.name: tool for tool in (_tool(one, str(declared.object)) for one in each)}
        every = [_offered(tool, declared.prefix) for tool in self._tools.values()]
        self._offered = chosen(every, declared)
        missing = sorted(set(declared.only or ()) - self._tools.keys())
        if missing:
            known = ", ".join(self._tools)
            raise Unbuildable("no-such-tool", f"it has no tool `{missing[0]}`", ("only",), f"it has: {known}")

    @property
    def names(self) -> list[str]:
        """What models are told."""
        return [tool.offered.name for tool in self._offered]

    def begin(self) -> None:
        """It lives since it was imported."""

    async def tools(self) -> list[Tool]:
        return self._offered

    async def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        tool = self._tools[name]
        told = await tool.ainvoke({"type": "tool_call", "id": "call", "name": name, "args": arguments})
        if isinstance(told, ToolMessage):
            return Outcome(str(told.text), told.status == "error")
        return Outcome(str(told))

    async def close(self) -> None:
        """There is nothing to end."""


def _tool(found: Any, path: str) -> BaseTool:
    if isinstance(found, BaseTool):
        return found
    try:
        if inspect.isclass(found) and issubclass(found, BaseTool):
            return found()
        if inspect.isfunction(found):
            is_async = inspect.iscoroutinefunction(found)
            return StructuredTool.from_function(None if is_async else found, found if is_async else None)
    except Exception as error:
        raise Unbuildable("bad-tool", f"`{path}` cannot be made a tool: {error}", ("object",)) from None
    help_ = "name a BaseTool, a list of such, or a function with a docstring"
    raise Unbuildable("not-a-tool", f"`{path}` is of type `{type(found).__name__}`, and no tool", ("object",), help_)


def _offered(tool: BaseTool, prefix: str) -> Tool:
    function = convert_to_openai_tool(tool)["function"]
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    name = shown(tool.name, prefix)
    return Tool(tool.name, Offered(name=name, description=function.get("description", ""), schema=schema))
