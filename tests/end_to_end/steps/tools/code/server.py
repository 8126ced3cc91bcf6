"""A server of the Model Context Protocol, by the official SDK: over stdio, or over HTTP on the port that is named."""

from __future__ import annotations

import os
import sys

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("test")


@server.tool()
def echo(text: str) -> str:
    """Say it again."""
    return f"again: {text}"


@server.tool()
def pid() -> str:
    """Say who runs this."""
    return f"pid {os.getpid()}"


@server.tool()
def environment(name: str) -> str:
    """Say what a variable holds."""
    return f"{name} is {os.environ.get(name)}"


@server.tool()
def big(length: int) -> str:
    """Say a lot."""
    return "x" * length


@server.tool()
def fail() -> str:
    """Fail."""
    raise ToolError("no luck")


@server.tool()
def die() -> str:
    """End the process."""
    os._exit(3)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        import uvicorn

        uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
    else:
        server.run()
