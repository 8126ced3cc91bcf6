"""How a server of the Model Context Protocol is spoken to: a process, or HTTP by our own rules of dialling."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from engine.transport.client import Backend
from engine.transport.dial import trust

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from engine.config.sections.steps import Mcp

CONNECT, SILENCE = 5.0, 300.0
"""Seconds: for a connection, and for one read of a stream; a call has its own bound."""


@asynccontextmanager
async def process(mcp: Mcp, env: dict[str, str], gone: asyncio.Event) -> AsyncIterator[Any]:
    """Start the program. `gone` is set when its output ends. What it writes to its standard error is not kept."""
    assert mcp.command is not None
    parameters = StdioServerParameters(command=mcp.command[0], args=mcp.command[1:], env=env)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123, ASYNC230 - it never blocks
        async with stdio_client(parameters, errlog=nowhere) as (read, write):
            yield Ending(read, gone), write


@asynccontextmanager
async def http(mcp: Mcp, headers: dict[str, str]) -> AsyncIterator[Any]:
    """Speak to the server at `url`: at an address that an upstream may have, without the environment's proxies.

    The SDK itself follows a redirect only within the origin.
    """
    assert mcp.url is not None
    transport = httpx2.AsyncHTTPTransport(verify=trust(), trust_env=False)
    transport._pool._network_backend = Backend()
    timeout = httpx2.Timeout(CONNECT, read=SILENCE)
    async with (
        httpx2.AsyncClient(transport=transport, headers=headers, timeout=timeout, trust_env=False) as client,
        streamable_http_client(mcp.url, http_client=client) as streams,
    ):
        yield streams


class Ending:
    """A stream of messages that says when it has ended."""

    def __init__(self, inner: Any, gone: asyncio.Event) -> None:
        self._inner = inner
        self._gone = gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def receive(self) -> Any:
        try:
            return await self._inner.receive()
        except Exception:
            self._gone.set()
            raise

    def __aiter__(self) -> Ending:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._inner.__anext__()
        except Exception:  # its end, StopAsyncIteration, is one too
            self._gone.set()
            raise

    async def __aenter__(self) -> Ending:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *told: Any) -> Any:
        return await self._inner.__aexit__(*told)
