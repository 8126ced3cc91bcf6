"""One `claude`, in the middle of one conversation: what it says becomes a queue of events, what it wants is held.

All that touches the SDK runs in a task of the process's own, so that a client who leaves cuts nothing in half.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import msgspec
from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ClaudeSDKError,
    RateLimitEvent,
    ResultMessage,
    StreamEvent,
    TextBlock,
)

from engine.chat import Failed, Failure
from engine.upstreams.drivers.claude_code.hands import Hands
from engine.upstreams.drivers.claude_code.names import PREFIX, SERVER
from engine.upstreams.drivers.claude_code.trouble import ended, trouble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from claude_agent_sdk import Message

    from engine.upstreams.drivers.claude_code.asked import Block, Recipe

QUEUED = 256
"""Events that wait for a client who reads slowly; then `claude` waits too."""
LINE = 64 * 1024 * 1024
"""Longest line of `claude`, in bytes."""
PATIENCE = 5.0
"""Seconds that an interrupt may take; then the process is ended."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Where a session can be taken up again: behind one message of the assistant."""

    session: str
    message: str


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """What every process of an upstream is started with."""

    name: str
    command: str | None
    env: dict[str, str]
    folder: str
    """An empty one: where `claude` works."""
    keeps: bool
    """Whether sessions are kept, to be resumed."""


class Process:
    """See the module. `state` is starting, idle, running, held (calls wait for the client) or ended."""

    def __init__(
        self, launch: Launch, recipe: Recipe, system: str, point: Point | None, changed: Callable[[], None]
    ) -> None:
        """`system` is the file that holds the system prompt. `changed` is called when `state` has changed."""
        self.recipe = recipe
        self.resumed = point is not None
        self.state = "starting"
        self.used = 0.0
        """When it was last asked, by the loop's clock."""
        self.position: bytes | None = None
        """Where its conversation is, once it has answered."""
        self.point: Point | None = None
        """Where it can be taken up again."""
        self.limit: RateLimitEvent | None = None
        self.cost = 0.0
        """USD at list prices, as `claude` reckons."""
        self.stray = False
        """It said something that nobody asked for, or is not to be asked any more."""
        self.closing = False
        """Somebody ends it."""
        self.hands = Hands(recipe.tools)
        self._name = launch.name
        self._system = system
        self._changed = changed
        self._events: asyncio.Queue[dict[str, Any] | Failure] = asyncio.Queue(QUEUED)
        self._ready = asyncio.Event()
        self._asked = False
        """A message of the user is being worked on: its result has not come."""
        self._settled = asyncio.Event()
        self._whole = False
        """The message that is awaited has come whole."""
        self._stopped = ""
        """Why the last message stopped."""
        self._ending = False
        self._error: tuple[str | None, str] = (None, "")
        self._client = ClaudeSDKClient(self._options(launch, point))
        self._side: set[asyncio.Task[None]] = set()
        self._life = asyncio.get_running_loop().create_task(self._live())

    @property
    def names(self) -> dict[str, str]:
        """Ours -> the client's."""
        return {tool.name: tool.theirs for tool in self.recipe.tools}

    @property
    def over(self) -> bool:
        return self.state == "ended"

    @property
    def gone(self) -> bool:
        """Nothing is left of it."""
        return self._life.done()

    async def ask(self, content: list[Block]) -> None:
        """Have it answer a message of the user. Raises `Failed` when it cannot be asked."""
        self._become("running")
        await self._ready.wait()
        if self._asked:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._settled.wait()
        if self.over or self._asked:
            raise ended(self._name, "has ended" if self.over else "goes on with what it was asked before")
        self._events = asyncio.Queue(QUEUED)
        self._error = (None, "")
        self._asked, self._whole = True, False
        self._settled.clear()
        message = {"type": "user", "message": {"role": "user", "content": content}, "parent_tool_use_id": None}
        try:
            await asyncio.shield(self._aside(self._say(message)))
        except ClaudeSDKError:
            raise ended(self._name, "does not listen") from None

    def answer(self, results: dict[str, dict[str, Any]]) -> None:
        """Give it the results of its calls; it goes on."""
        self._whole = False
        self._become("running")
        self.hands.give(results)

    async def event(self, patience: float) -> dict[str, Any]:
        """Return the next event of the message it is writing. Raises `Failed`, also after `patience` seconds."""
        if self.over and self._events.empty():
            raise ended(self._name, "has ended")
        try:
            async with asyncio.timeout(patience):
                found = await self._events.get()
        except TimeoutError:
            message = f"upstream `{self._name}`: `claude` has said nothing for {patience:g} s"
            raise Failed(Failure(reason="timeout", message=message)) from None
        if isinstance(found, Failure):
            raise Failed(found)
        return found

    def pause(self, calls: list[Block], position: bytes) -> None:
        """Its message is whole, and the client has it. It wants `calls` of the client's tools, or nothing more."""
        self.position = position
        if calls:
            self.hands.expect(calls, {tool.theirs: tool.name for tool in self.recipe.tools})
        self._become("held" if calls else "idle")

    async def close(self, *, interrupt: bool = False) -> None:
        """End the process."""
        first, self._ending = not self._ending, True
        if first and interrupt and not self.over and self._asked and self._ready.is_set():
            with contextlib.suppress(Exception):
                async with asyncio.timeout(PATIENCE):
                    await self._client.interrupt()
        if first and not self.over:
            self._life.cancel()
        await asyncio.wait([self._life])

    async def _live(self) -> None:
        why = "ended"
        try:
            await self._client.connect()
            self._ready.set()
            if self.state == "starting":
                self._become("idle")
            async for message in self._client.receive_messages():
                await self._take(message)
        except asyncio.CancelledError:
            why = "was ended"
        except Exception as error:
            code = getattr(error, "exit_code", None)
            why = f"ended with exit code {code}" if code is not None else f"could not be run ({type(error).__name__})"
        finally:
            self._become("ended")
            self._ready.set()
            self._settled.set()
            self._leave(ended(self._name, why).failure)
            with contextlib.suppress(Exception):
                await self._client.disconnect()
            asyncio.get_running_loop().call_soon(self._changed)

    def _leave(self, failure: Failure) -> None:
        """Tell whoever waits for an event that none will come."""
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(failure)

    async def _take(self, message: Message) -> None:
        if isinstance(message, StreamEvent):
            if message.parent_tool_use_id is None:
                await self._event(message.event)
        elif isinstance(message, AssistantMessage):
            if message.error is not None:
                text = " ".join(block.text for block in message.content if isinstance(block, TextBlock))
                self._error = (message.error, text)
            elif message.session_id and message.uuid:
                self.point = Point(session=message.session_id, message=message.uuid)
        elif isinstance(message, RateLimitEvent):
            self.limit = message
        elif isinstance(message, ResultMessage):
            await self._result(message)

    async def _event(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "message_start":
            if self._whole and self._stopped != "tool_use":
                # it goes on by itself, after what the client takes for the end
                self.stray = True
                self._changed()
            self._whole = False
            self.hands.begin()
        elif kind == "message_delta":
            self._stopped = str((event.get("delta") or {}).get("stop_reason") or self._stopped)
        elif kind == "message_stop":
            self._whole = True
        if not self.stray:
            await self._events.put(event)

    async def _result(self, result: ResultMessage) -> None:
        self._asked = False
        self.cost = max(self.cost, result.total_cost_usd or 0.0)
        if not self._whole and not self.stray:
            await self._events.put(self._failure(result))
        self._settled.set()
        self._changed()

    def _failure(self, result: ResultMessage) -> Failure:
        error, text = self._error
        said = text or " ".join(result.errors or []) or (result.result or "" if result.is_error else "")
        now = asyncio.get_running_loop().time()
        return trouble(self._name, error, result.api_error_status, said, self.resets(now), now)

    def resets(self, now: float) -> float | None:
        """Return when the plan's limit is over, by the loop's clock."""
        info = self.limit.rate_limit_info if self.limit is not None else None
        return now + info.resets_at - time.time() if info is not None and info.resets_at is not None else None

    async def _say(self, message: dict[str, Any]) -> None:
        async def one() -> AsyncIterator[dict[str, Any]]:
            yield message

        await self._client.query(one())

    def _aside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._side.add(task)
        task.add_done_callback(self._beside)
        return task

    def _beside(self, task: asyncio.Task[None]) -> None:
        self._side.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited for it knows, or has gone

    def _become(self, state: str) -> None:
        if self.state != "ended":
            self.state = state
        self.used = asyncio.get_running_loop().time()
        self._changed()

    def _options(self, launch: Launch, point: Point | None) -> ClaudeAgentOptions:
        recipe = self.recipe
        tools = recipe.tools
        return ClaudeAgentOptions(
            model=recipe.model,
            system_prompt={"type": "file", "path": self._system},
            tools=[],
            allowed_tools=[f"{PREFIX}{tool.name}" for tool in tools],
            mcp_servers={SERVER: {"type": "sdk", "name": SERVER, "instance": self.hands.server}} if tools else {},
            strict_mcp_config=True,
            setting_sources=[],
            permission_mode="dontAsk",
            include_partial_messages=True,
            verbatim_prompts=True,
            thinking=recipe.thinking,  # type: ignore[arg-type]  # one of its forms (asked.py)
            effort=recipe.effort,  # type: ignore[arg-type]  # what it does not know it refuses
            cli_path=launch.command,
            cwd=launch.folder,
            env=launch.env,
            stderr=_unheard,
            max_buffer_size=LINE,
            resume=point.session if point is not None else None,
            resume_session_at=point.message if point is not None else None,
            fork_session=point is not None,
            extra_args={} if launch.keeps else {"no-session-persistence": None},
            client_app="turnout",
        )


def _unheard(_line: str) -> None:
    """What `claude` writes to standard error may hold anything, so it is not passed on."""
