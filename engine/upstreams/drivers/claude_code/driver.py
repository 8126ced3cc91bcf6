"""The live upstream: a request finds its conversation, waits for its place, and is answered by one message."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from engine.chat import Failed, Loss
from engine.units import seconds
from engine.upstreams import base as state
from engine.upstreams.drivers.claude_code import told
from engine.upstreams.drivers.claude_code.asked import read
from engine.upstreams.drivers.claude_code.line import Line
from engine.upstreams.drivers.claude_code.pool import Pool
from engine.upstreams.drivers.claude_code.turn import EVENTS, JSON, Turn

if TYPE_CHECKING:
    from engine.chat import Headers
    from engine.upstreams.base import Call
    from engine.upstreams.claude_code import ClaudeCode
    from engine.upstreams.drivers.claude_code.asked import Asked, Block
    from engine.upstreams.drivers.claude_code.process import Point, Process

TOLD = Loss("messages", "approximated", "no session of claude holds the earlier turns: they are told as text")
BESIDE = Loss("messages", "approximated", "what is said beside results of tools is told with the last of them")
UNRESUMED = frozenset({"disconnect", "server_error", "bad_request"})
"""How it fails when a session cannot be taken up again."""

for _name in ("claude_agent_sdk", "mcp"):  # their words may hold those of a client
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False


class ClaudeCodeDriver:
    """Implements `Driver` (upstreams/base.py)."""

    remote = False

    def __init__(self, name: str, options: ClaudeCode) -> None:
        """Raise `ValueError` when there is no such command."""
        if options.command is not None and shutil.which(options.command) is None:
            raise ValueError(f"command: there is no program `{options.command}` that could be run")
        self.name = name
        self._silence = seconds(options.silence)
        self._line = Line(name, options.concurrency, options.queue, seconds(options.queue_timeout))
        self._pool = Pool(name, options)

    @property
    def pool(self) -> state.Pool:
        """How it is now."""
        return state.Pool(
            processes=self._pool.processes,
            busy=self._line.running,
            waiting=self._line.waiting,
            held=self._pool.held,
            list_price_usd=round(self._pool.cost, 6),
        )

    async def send(self, call: Call) -> Turn:
        """Have `claude` answer `call`. Raises `Failed`."""
        body = call.body if isinstance(call.body, bytes) else b"".join([piece async for piece in call.body])
        asked = read(body, call.model or "")
        await self._line.enter()
        try:
            turn = await self._turn(asked)
        except BaseException:
            self._line.leave()
            raise
        try:
            try:
                await turn.begin(stream=call.stream)
            except Failed as failed:
                if not turn.process.resumed or failed.failure.reason not in UNRESUMED:
                    raise
                turn = await self._anew(turn)
                await turn.begin(stream=call.stream)
        except BaseException:
            turn.close()
            raise
        turn.headers = [EVENTS if call.stream else JSON, *self._headers(turn)]
        return turn

    async def close(self) -> None:
        """End every process."""
        await self._pool.close()

    async def _turn(self, asked: Asked) -> Turn:
        """Ask whoever knows the conversation, or somebody new. Raises `Failed`."""
        process = self._pool.find(asked)
        if process is not None and process.state == "held":
            return self._brought(asked, process)
        if process is not None:
            return await self._ask(asked, process, told.prompt([], asked.new))
        point = self._pool.point(asked)
        if point is not None:
            return await self._ask(asked, await self._start(asked, point), told.prompt([], asked.new))
        return await self._fresh(asked)

    async def _start(self, asked: Asked, point: Point | None = None) -> Process:
        """Return a process that has been asked nothing yet. Raises `Failed`.

        Who waits for one stands aside: it may be needed by results that free another.
        """
        while not self._pool.has_room(asked.recipe, point):
            await self._line.aside(self._pool.room())
        return self._pool.start(asked.recipe, point)

    async def _fresh(self, asked: Asked) -> Turn:
        process = await self._start(asked)
        losses = (TOLD,) if asked.before else ()
        return await self._ask(asked, process, told.prompt(asked.before, asked.new), losses)

    async def _anew(self, turn: Turn) -> Turn:
        """A session could not be taken up again: begin another one."""
        self._pool.forget(turn.asked)
        turn.give_up()
        self._pool.drop(turn.process)
        try:
            return await self._fresh(turn.asked)
        except BaseException:
            self._line.leave()
            raise

    async def _ask(self, asked: Asked, process: Process, content: list[Block], losses: tuple[Loss, ...] = ()) -> Turn:
        turn = Turn(asked, process, losses + asked.lost, self._silence, self._left)
        try:
            await process.ask(content)
        except BaseException:
            self._pool.drop(process, interrupt=True)
            raise
        return turn

    def _brought(self, asked: Asked, process: Process) -> Turn:
        """Give a process the results of its calls."""
        results = asked.results
        said = told.plain(asked.said) if asked.said else []
        last = next(reversed(results), None)
        process.answer({one: told.results(block, said if one == last else []) for one, block in results.items()})
        return Turn(asked, process, ((BESIDE,) if said else ()) + asked.lost, self._silence, self._left)

    def _left(self, turn: Turn) -> None:
        """An answer is over."""
        self._line.leave()
        if turn.whole and not turn.process.stray:
            self._pool.rest(turn.process, turn.position, first=not turn.asked.before)
        else:
            self._pool.drop(turn.process, interrupt=True)

    def _headers(self, turn: Turn) -> Headers:
        headers: Headers = []
        ident = turn.fold.message.get("id")
        if isinstance(ident, str):
            headers.append((b"request-id", ident.encode("ascii", "replace")))
        if self._pool.limit is not None:
            info = self._pool.limit.rate_limit_info
            told_of = {"status": info.status, "reset": info.resets_at, "representative-claim": info.rate_limit_type}
            headers += [
                (b"anthropic-ratelimit-unified-" + name.encode(), str(value).encode("ascii", "replace"))
                for name, value in told_of.items()
                if value is not None
            ]
        return headers
