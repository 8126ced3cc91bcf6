"""A server of the Model Context Protocol, through the official SDK: begun once, and begun again when it goes.

The SDK wants a session to be opened and closed by one task: that is `_live`, which lives as long as the server is
wanted. Calls come from the tasks of the requests.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

from mcp import Client, MCPError
from mcp.types import CONNECTION_CLOSED, EmbeddedResource, TextContent, TextResourceContents

from engine.dialects.rounds import Offered
from engine.secret import Secret
from engine.serve.toolbox.base import Outcome, Tool, Unready, chosen, scrubbed, shown
from engine.serve.toolbox.wires import http, process

if TYPE_CHECKING:
    from mcp.types import CallToolResult

    from engine.config.sections.steps import ToolSource

START = 20.0
"""Seconds in which a server must have begun and said which tools it has."""
SOUND = 10.0
"""Seconds after which a server that goes counts as one that had run well."""
PAUSE = (0.25, 30.0)
"""Least and most seconds before one that does not run is begun again."""
FRESH = 60.0
"""Seconds after which a server is asked anew which tools it has, while requests go on with those that are known."""
MOST = 512
"""Tools of one server that are looked at."""
CHANGED = "notifications/tools/list_changed"


class McpServer:
    """Implements `Source` (base.py)."""

    def __init__(self, name: str, declared: ToolSource) -> None:
        """`declared` has its secrets filled in."""
        self.name = name
        self._declared = declared
        assert declared.mcp is not None
        self._mcp = declared.mcp
        given = [*declared.mcp.env.values(), *declared.mcp.headers.values()]
        self._secrets = [value.reveal() for value in given if isinstance(value, Secret)]
        self._client: Client | None = None
        self._tools: list[Tool] = []
        self._gone = asyncio.Event()
        self._news = asyncio.Event()
        """Its tools may be others now."""
        self._listed_at = 0.0
        self._flaw = ""
        self._tried = asyncio.Event()
        """Set once the try under way has come to an end, good or bad."""
        self._task: asyncio.Task[None] | None = None
        self.begun = 0
        """How often it has been begun."""

    @property
    def state(self) -> str:
        return "ready" if self._client is not None else self._flaw or "starting"

    def begin(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._live())

    async def tools(self) -> list[Tool]:
        self.begin()
        if self._client is None:
            await self._tried.wait()
        if self._client is None:
            raise Unready(self._flaw or "it has gone")
        if asyncio.get_running_loop().time() - self._listed_at > FRESH:
            self._news.set()
        return self._tools

    async def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        await self.tools()
        client = self._client
        if client is None:
            raise Unready(self._flaw or "it has gone")
        try:
            result = await client.call_tool(name, arguments)
        except MCPError as error:
            if error.code == CONNECTION_CLOSED or not await self._answers(client):
                self._leave(client)
            raise RuntimeError(scrubbed(str(error), self._secrets)) from None
        except Exception as error:
            raise RuntimeError(scrubbed(_why(error), self._secrets)) from None
        return Outcome(scrubbed(_text(result), self._secrets), bool(result.is_error))

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _live(self) -> None:
        """Keep the server running until cancelled."""
        clock = asyncio.get_running_loop().time
        pause = 0.0
        while True:
            begun = clock()
            self.begun += 1
            self._gone, self._news = asyncio.Event(), asyncio.Event()
            self._tried.clear()
            try:
                await self._session()
                flaw = "it has gone"
            except TimeoutError:
                flaw = f"it did not begin within {START:g} s"
            except Exception as error:
                flaw = scrubbed(_why(error), self._secrets)
            finally:
                self._client = None
            pause = 0.0 if clock() - begun > SOUND else min(max(PAUSE[0], pause * 2), PAUSE[1])
            self._flaw = flaw
            if pause == 0.0 or pause == PAUSE[0]:
                self._tried.clear()  # whoever comes now waits for the next try
            else:
                self._tried.set()
            await asyncio.sleep(pause)

    async def _session(self) -> None:
        """Run one session until it ends."""
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(START):
                client = await stack.enter_async_context(self._wired())
                self._tools = await self._listed(client)
            self._client, self._flaw = client, ""
            self._tried.set()
            while not self._gone.is_set():
                self._news.clear()
                wait = [asyncio.ensure_future(event.wait()) for event in (self._gone, self._news)]
                try:
                    await asyncio.wait(wait, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for one in wait:
                        one.cancel()
                if not self._gone.is_set():
                    with suppress(MCPError, TimeoutError):  # those that are known stay, until it is seen to have gone
                        async with asyncio.timeout(START):
                            self._tools = await self._listed(client)
            self._client = None
            self._tried.clear()

    def _wired(self) -> Client:
        mcp = self._mcp
        if mcp.command is not None:
            transport: Any = process(mcp, _revealed(mcp.env), self._gone)
        else:
            transport = http(mcp, _revealed(mcp.headers))
        return Client(transport, cache=None, message_handler=self._heard)

    async def _heard(self, message: Any) -> None:
        if getattr(message, "method", None) == CHANGED:
            self._news.set()

    async def _listed(self, client: Client) -> list[Tool]:
        self._listed_at = asyncio.get_running_loop().time()
        found: list[Tool] = []
        cursor: str | None = None
        while len(found) < MOST:
            page = await client.list_tools(cursor=cursor)
            for tool in page.tools:
                name = shown(tool.name, self._declared.prefix)
                offered = Offered(name=name, description=tool.description or "", schema=dict(tool.input_schema))
                found.append(Tool(tool.name, offered))
            cursor = page.next_cursor
            if cursor is None:
                break
        return chosen(found, self._declared)

    async def _answers(self, client: Client) -> bool:
        """Say whether a server that refused a call still knows us: over HTTP there is nothing else to tell by."""
        try:
            async with asyncio.timeout(START):
                await client.list_tools()
        except Exception:
            return False
        return True

    def _leave(self, client: Client) -> None:
        """Begin anew, unless that has begun already."""
        if self._client is client:
            self._client = None
            self._tried.clear()
            self._gone.set()


def _revealed(values: dict[str, Any]) -> dict[str, str]:
    return {name: value.reveal() if isinstance(value, Secret) else str(value) for name, value in values.items()}


def _text(result: CallToolResult) -> str:
    """Return a result as text: what is none is named."""
    told = []
    for part in result.content:
        if isinstance(part, TextContent):
            told.append(part.text)
        elif isinstance(part, EmbeddedResource) and isinstance(part.resource, TextResourceContents):
            told.append(part.resource.text)
        else:
            what = getattr(part, "uri", None) or getattr(part, "mime_type", None) or ""
            told.append(f"[{part.type} {what}]".replace(" ]", "]"))
    return "\n".join(told)


def _why(error: BaseException) -> str:
    """Return what went wrong, of the first of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".rstrip(": ")
