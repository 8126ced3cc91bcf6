"""A real MCP server over stdio, held by itself: what it has, what it says, when it grows, and how it ends."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from engine.config.sections.steps import Mcp, ToolSource
from engine.secret import Secret
from engine.serve.toolbox import server as module
from engine.serve.toolbox.base import Unready
from engine.serve.toolbox.server import McpServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

GROWS = '''
import os
from mcp.server.mcpserver import Image, MCPServer

server = MCPServer("grows")


@server.tool(name="read.file/now")
def read() -> str:
    """Read."""
    return "read " + os.environ["TOKEN"]


@server.tool()
def grow() -> str:
    """Get another tool."""
    server.add_tool(lambda: "more", name="more", description="More")
    return "grown"


@server.tool()
def picture() -> Image:
    """Show."""
    return Image(data=b"png", format="png")


server.run()
'''


def held(folder: Path, talk: Callable[[McpServer], Awaitable[None]], **how: object) -> None:
    """Talk to the server in a loop of its own."""
    file = folder / "grows.py"
    file.write_text(GROWS)
    mcp = Mcp(command=[sys.executable, str(file)], env={"TOKEN": Secret("tk-0123456789", "env:TOKEN")})

    async def run() -> None:
        server = McpServer("grows", ToolSource(mcp=mcp, **how))  # type: ignore[arg-type]  # prefix, only
        try:
            await talk(server)
        finally:
            await server.close()

    asyncio.run(run())


def test_names_are_made_to_fit(tmp_path: Path) -> None:
    async def talk(server: McpServer) -> None:
        told = {tool.own: tool.offered.name for tool in await server.tools()}
        assert told == {"read.file/now": "my_read_file_now", "grow": "my_grow", "picture": "my_picture"}
        assert (await server.call("read.file/now", {})).text == "read ***"

    held(tmp_path, talk, prefix="my_")


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    async def talk(server: McpServer) -> None:
        assert (await server.call("picture", {})).text == "[image image/png]"

    held(tmp_path, talk)


def test_a_tool_that_comes_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH", 0.0)

    async def talk(server: McpServer) -> None:
        assert len(await server.tools()) == 3
        await server.call("grow", {})
        async with asyncio.timeout(30):
            while "more" not in [tool.own for tool in await server.tools()]:
                await asyncio.sleep(0.02)
        assert server.begun == 1
        assert (await server.call("more", {})).text == "more"

    held(tmp_path, talk)


def test_one_that_cannot_begin_says_why_and_is_tried_again(tmp_path: Path) -> None:
    async def talk() -> None:
        program = tmp_path / "server.sh"
        server = McpServer("late", ToolSource(mcp=Mcp(command=[str(program)])))
        with pytest.raises(Unready, match="No such file"):
            await server.tools()
        (tmp_path / "grows.py").write_text(GROWS)
        program.write_text(f"#!/bin/sh\nTOKEN=a exec {sys.executable} {tmp_path / 'grows.py'}\n")
        program.chmod(0o755)
        async with asyncio.timeout(60):
            while server.state != "ready":
                await asyncio.sleep(0.05)
        assert len(await server.tools()) == 3
        await server.close()

    asyncio.run(talk())


def test_a_program_that_ends_at_once_is_not_begun_without_end(tmp_path: Path) -> None:
    async def talk() -> None:
        server = McpServer("brief", ToolSource(mcp=Mcp(command=["true"])))
        with pytest.raises(Unready):
            await server.tools()
        await asyncio.sleep(1.0)
        assert server.begun <= 4
        await server.close()
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    asyncio.run(talk())
