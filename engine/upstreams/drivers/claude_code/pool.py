"""The processes of one upstream: found by conversation, started where there is none, ended when nobody asks them.

Bounds: processes, sessions that are remembered, how long one is idle or holds calls. A process that is idle makes room.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_agent_sdk import delete_session, list_sessions

from engine.units import seconds
from engine.upstreams.drivers.claude_code.environment import environment
from engine.upstreams.drivers.claude_code.process import Launch, Point, Process
from engine.upstreams.drivers.claude_code.trouble import busy

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from claude_agent_sdk import RateLimitEvent

    from engine.upstreams.claude_code import ClaudeCode
    from engine.upstreams.drivers.claude_code.asked import Asked, Recipe


FOLDER = "turnout-claude-"
"""How the folders of this kind begin; behind it is the process whose it is."""


def clear(folder: Path) -> None:
    """Remove the folder, and the transcripts of the sessions that `claude` has had there."""
    empty = str(folder / "empty")
    with contextlib.suppress(OSError, ValueError):
        for session in list_sessions(directory=empty, include_worktrees=False):
            delete_session(session.session_id, empty)
    shutil.rmtree(folder, ignore_errors=True)


def clear_left_behind() -> None:
    """Remove the folders of processes of Turnout that were killed."""
    if sys.platform == "win32":
        return  # to ask whether a process lives would end it there
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*-*"):
        owner = folder.name.removeprefix(FOLDER).partition("-")[0]
        if not owner.isdigit():
            continue
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            clear(folder)
        except (OSError, OverflowError):
            continue  # somebody else's


class Pool:
    """See the module. Every process in `_live` is counted until nothing is left of it."""

    def __init__(self, name: str, options: ClaudeCode) -> None:
        self.limit: RateLimitEvent | None = None
        """What `claude` said last of the plan's limits."""
        self._name = name
        self._options = options
        self._most = options.processes
        self._lasts = {"idle": seconds(options.idle), "held": seconds(options.tools_timeout)}
        """State -> seconds that a process may be in it."""
        self._live: list[Process] = []
        self._spares: set[Process] = set()
        """Processes that have not been asked anything."""
        self._points: OrderedDict[bytes, Point] = OrderedDict()
        self._spent = 0.0
        """By processes that are gone, in USD."""
        self._news = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._folder: Path | None = None

    @property
    def processes(self) -> int:
        return len(self._live)

    @property
    def held(self) -> int:
        """How many conversations wait for results of the client's tools."""
        return sum(process.state == "held" for process in self._live)

    @property
    def cost(self) -> float:
        """What everything answered would cost at list prices, in USD, as `claude` reckons."""
        return self._spent + sum(process.cost for process in self._live)

    def find(self, asked: Asked) -> Process | None:
        """Return the process that is in this conversation and waits for the user."""
        key = asked.recipe.key
        for process in self._live:
            fits = process.state in self._lasts and not process.stray and process not in self._spares
            if fits and process.position == asked.position and process.recipe.key == key:
                return process
        return None

    def point(self, asked: Asked) -> Point | None:
        """Return where a session of this conversation can be taken up again."""
        return self._points.get(asked.position)

    def has_room(self, recipe: Recipe, point: Point | None) -> bool:
        """Say whether `start` may be called."""
        return len(self._live) < self._most or (point is None and self._spare(recipe) is not None)

    def start(self, recipe: Recipe, point: Point | None = None) -> Process:
        """Return a process that has been asked nothing yet."""
        spare = self._spare(recipe) if point is None else None
        if spare is None:
            return self._begin(recipe, point)
        self._spares.discard(spare)
        return spare

    async def room(self) -> None:
        """Wait until one more process may be started. Raises `Failed` where that takes long."""
        patience = seconds(self._options.queue_timeout)
        end = asyncio.get_running_loop().time() + patience
        while len(self._live) >= self._most:
            self._make_room()
            left = end - asyncio.get_running_loop().time()
            self._news.clear()
            try:
                async with asyncio.timeout(max(left, 0.001)):
                    await self._news.wait()
            except TimeoutError:
                why = f"all {self._most} processes are in use, {self.held} of them hold tool calls (processes)"
                raise busy(self._name, why) from None

    def _spare(self, recipe: Recipe) -> Process | None:
        key = recipe.key
        return next((one for one in self._spares if one.recipe.key == key and not one.over), None)

    def rest(self, process: Process, position: bytes, *, first: bool) -> None:
        """A process has answered, and waits for the user at `position`. `first`: that was the conversation's begin."""
        point = process.point
        if point is not None and process.state == "idle" and self._options.sessions:
            self._points[position] = point
            self._points.move_to_end(position)
            while len(self._points) > self._options.sessions:
                self._forget(self._points.popitem(last=False)[1])
        if first and len(self._spares) < self._options.warm and len(self._live) < self._most:
            self._spares.add(self._begin(process.recipe, None))

    def drop(self, process: Process, *, interrupt: bool = False) -> None:
        """End a process, in the background."""
        self._spares.discard(process)
        process.stray = process.closing = True
        self._aside(process.close(interrupt=interrupt))

    def forget(self, asked: Asked) -> None:
        """A session could not be taken up again."""
        self._points.pop(asked.position, None)

    async def close(self) -> None:
        """End everything, and remove what was written for it."""
        if self._keeper is not None:
            self._keeper.cancel()
        for process in list(self._live):
            self.drop(process, interrupt=True)
        while self._closing:
            await asyncio.wait(self._closing)
        if self._folder is not None:
            await asyncio.to_thread(clear, self._folder)

    def _begin(self, recipe: Recipe, point: Point | None) -> Process:
        launch = self._launch()
        process = Process(launch, recipe, self._system(recipe), point, self._changed)
        self._live.append(process)
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())
        return process

    def _make_room(self) -> None:
        """End who has been idle longest, unless somebody is on the way out already."""
        if any(one.stray for one in self._live):
            return
        idle = [one for one in self._live if one.state == "idle" or (one in self._spares and one.state == "starting")]
        if idle:
            self.drop(min(idle, key=lambda one: one.used))

    def _changed(self) -> None:
        for process in [one for one in self._live if one.gone]:
            self._live.remove(process)
            self._spares.discard(process)
            self._spent += process.cost
        for process in self._live:
            if process.limit is not None:
                self.limit, process.limit = process.limit, None
        for process in [one for one in self._live if one.stray and not one.closing and one.state in self._lasts]:
            self.drop(process, interrupt=True)
        self._news.set()

    async def _keep(self) -> None:
        """End whoever has been idle, or has held calls, for too long."""
        loop = asyncio.get_running_loop()
        while True:
            nearest = 3600.0
            for process in self._live:
                last = self._lasts.get(process.state)
                if last is None:
                    continue
                left = process.used + last - loop.time()
                if left <= 0 and not process.stray:
                    self.drop(process, interrupt=process.state == "held")
                elif left > 0:
                    nearest = min(nearest, left)
            await asyncio.sleep(min(nearest, *self._lasts.values()))

    def _forget(self, point: Point) -> None:
        """Delete the transcript of a session that nothing leads to any more."""
        if any(one.session == point.session for one in self._points.values()):
            return
        if any(one.point is not None and one.point.session == point.session for one in self._live):
            return
        folder = str(self._launch().folder)

        async def delete() -> None:
            try:
                await asyncio.to_thread(delete_session, point.session, folder)
            except (OSError, ValueError):  # it is not there
                return

        self._aside(delete())

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` beside everything else; `close` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _launch(self) -> Launch:
        options = self._options
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))
            self._aside(asyncio.to_thread(clear_left_behind))
            (self._folder / "empty").mkdir()
            (self._folder / "prompts").mkdir()
            (self._folder / "tmp").mkdir()
        return Launch(
            name=self._name,
            command=options.command,
            env=environment(os.environ, options.env, str(self._folder / "tmp")),
            folder=str(self._folder / "empty"),
            keeps=options.sessions > 0,
        )

    def _system(self, recipe: Recipe) -> str:
        """Return the file with the system prompt: what is on a command line, everybody on the machine can read."""
        assert self._folder is not None
        file = self._folder / "prompts" / recipe.key.hex()
        if not file.exists():
            kept = sorted((self._folder / "prompts").iterdir(), key=lambda one: one.stat().st_mtime)
            for old in kept[: max(0, len(kept) - 4 * self._most)]:
                old.unlink(missing_ok=True)
            file.write_text(recipe.system, encoding="utf-8")
        return str(file)
