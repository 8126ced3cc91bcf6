"""The client's tools, as an MCP server inside Turnout (mcp 2.3): each call is held until the client brings its result.

`claude` says which call it makes in `_meta` (2.1.330: `claudecode/toolUseId`), the id that the client has seen too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mcp import types
from mcp.server import Server

from engine.upstreams.drivers.claude_code.names import SERVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.upstreams.drivers.claude_code.asked import Block, Tool

ID = "claudecode/toolUseId"
UNCLAIMED = {"content": [{"type": "text", "text": "nobody waits for this call"}], "isError": True}
MOST = 256
"""Calls of one message that are held."""


class Hands:
    """The tools of one process."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = [
            types.Tool.model_validate(
                {
                    "name": tool.name,
                    "description": tool.description,
                    "inputSchema": tool.schema,
                    # what changes nothing may run beside others: that is what lets parallel calls come at once
                    "annotations": {"readOnlyHint": True},
                    "_meta": {"anthropic/maxResultSizeChars": 10_000_000},
                }
            )
            for tool in tools
        ]
        self._expected: dict[str, tuple[str, Any]] = {}
        """The calls that the client is asked for: id -> (name, input)."""
        self._calls: dict[str, asyncio.Future[dict[str, Any]]] = {}

    @property
    def server(self) -> Server[Any]:
        return Server(SERVER, version="1", on_list_tools=self._list, on_call_tool=self._call)

    @property
    def held(self) -> int:
        """How many calls wait for the client."""
        return sum(not one.done() for one in self._calls.values())

    def begin(self) -> None:
        """A new message begins, so those of the last one have been answered."""
        self._calls.clear()
        self._expected = {}

    def expect(self, calls: Sequence[Block], names: dict[str, str]) -> None:
        """The client has been shown these calls. `names`: theirs -> ours."""
        self._expected = {
            str(call.get("id")): (names.get(str(call.get("name")), ""), call.get("input")) for call in calls[:MOST]
        }

    def give(self, results: dict[str, dict[str, Any]]) -> None:
        """Let the calls go on, also those that have not come yet."""
        for ident, result in results.items():
            future = self._future(ident)
            if future is not None and not future.done():
                future.set_result(result)

    async def _list(self, _context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=self._tools)

    async def _call(self, _context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        future = self._future(self._ident(params))
        if future is None:
            return types.CallToolResult.model_validate(UNCLAIMED)
        return types.CallToolResult.model_validate(await asyncio.shield(future))

    def _ident(self, params: types.CallToolRequestParams) -> str:
        """Return the id of a call: as it says, or that of one that looks the same and has not been made."""
        told = (params.meta or {}).get(ID)
        if isinstance(told, str):
            return told
        wanted = (params.name, params.arguments or {})
        return next((one for one, call in self._expected.items() if call == wanted and one not in self._calls), "")

    def _future(self, ident: str) -> asyncio.Future[dict[str, Any]] | None:
        """Return what a call waits for. It may come before the message that holds it has ended."""
        if ident not in self._calls and (not ident or len(self._calls) >= MOST):
            return None
        return self._calls.setdefault(ident, asyncio.get_running_loop().create_future())
