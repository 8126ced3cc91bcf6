"""One client's socket for requests: reads frames, asks each as a POST, several at once, and ends it all when it ends.

It holds no lease and no key between its messages: each is looked at anew. Only the connection is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, cast

from engine.chat import Problem
from engine.plan.admission import identify
from engine.serve.clock import today
from engine.serve.sockets.post import Post
from engine.serve.sockets.talk import Ask, Cancel
from engine.transport.wire import Closed

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPScope

    from engine.chat import Headers
    from engine.plan.nodes import Sockets as Limits
    from engine.serve.generation import Generation
    from engine.serve.sockets.client import ClientWire
    from engine.serve.sockets.registry import Sockets
    from engine.serve.sockets.talk import Talk
    from engine.serve.switch import Switch

POLICY, RESTART, IDLE, AGED = 1008, 1012, 1001, 1001
"""Close codes (RFC 6455, 7.4; IANA: 1012 service restart)."""


class Session:
    """`run` is the task of the connection. Requests of one lane go one after the other."""

    def __init__(
        self, scope: HTTPScope, prefix: str, wire: ClientWire, talk: Talk, sockets: Sockets, switch: Switch
    ) -> None:
        """`prefix` is that of the base it came by."""
        self._scope = scope
        self._prefix = prefix
        self._wire = wire
        self._talk = talk
        self._sockets = sockets
        self._switch = switch
        self._limits_then = switch.generation.plan.sockets
        self._loop = asyncio.get_running_loop()
        self._born = self._loop.time()
        self._last = self._born
        """When a frame last came or a request last ended."""
        self._running: dict[str, Post] = {}
        """Lane -> the request that runs in it."""
        self._asks: dict[str, deque[Ask]] = {}
        """Lane -> those that wait."""
        self._size = 0
        self._room = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._why: tuple[int, str] | None = None
        """Set when the connection closes as soon as nothing runs."""

    @property
    def _limits(self) -> Limits:
        """What the live file says; where it lets nobody in any more, what it said when this one came."""
        found = self._switch.generation.plan.sockets or self._limits_then
        assert found is not None
        return found

    async def run(self) -> None:
        """Serve the connection to its end."""
        self._wire.gone = self._room.set
        self._wire.stopped = self.stop
        self._tick()
        try:
            while True:
                message = await self._wire.receive()
                self._last = self._loop.time()
                if message.text:
                    await self._hear(message.data)
                else:
                    told = Problem(400, "invalid_request", "send text frames: a binary one says nothing here")
                    await self._wire.send(self._talk.problem(told))
                while self._size > self._switch.generation.plan.body_limit and self._wire.closed is None:
                    self._room.clear()
                    await self._room.wait()
        except Closed:
            pass
        finally:
            self._sockets.leave(self)
            self._end()
            self._wire.gone = self._wire.stopped = None

    def stop(self) -> None:
        """The server stops: what runs may end, nothing new begins."""
        self._close_when_idle(RESTART, "the server stops or restarts")

    def swapped(self, generation: Generation, drain: float) -> None:  # noqa: ARG002 - for others they matter
        """Nothing here hangs on a generation but how long it may last."""
        self._tick()

    async def _hear(self, data: bytes) -> None:
        self._sockets.messages += 1
        try:
            heard = self._talk.hear(data)
            if isinstance(heard, Ask):
                if self._why is not None:
                    raise self._closing()
                if len(self._running) + sum(map(len, self._asks.values())) >= self._limits.requests:
                    raise self._talk.crowded(self._limits.requests)
                self._size += heard.size
                self._asks.setdefault(heard.lane, deque()).append(heard)
                await self._next(heard.lane)
                return
        except Problem as problem:
            await self._wire.send(self._talk.problem(problem, data))
            return
        if isinstance(heard, Cancel):
            await self._cancel(heard)
            return
        for frame in heard.frames:
            await self._wire.send(frame)

    async def _next(self, lane: str) -> None:
        """Begin the next request of a lane, if none runs there."""
        while lane not in self._running:
            waiting = self._asks.get(lane)
            if not waiting:
                self._asks.pop(lane, None)
                return
            ask = waiting.popleft()
            try:
                body = ask.answering.body()
            except Problem as problem:
                self._free(ask.size)
                for frame in ask.answering.refused(problem):
                    await self._wire.send(frame)
                continue
            post = Post(self._scope, self._prefix + ask.path, body, ask.answering, self._wire)
            self._running[lane] = post
            task = self._loop.create_task(self._ask(lane, ask, post))
            post.task = task
            self._sockets.tasks.add(task)
            task.add_done_callback(self._sockets.tasks.discard)

    async def _ask(self, lane: str, ask: Ask, post: Post) -> None:
        try:
            await post.run(cast("ASGIApp", self._switch))
        finally:
            self._running.pop(lane, None)
            self._free(ask.size)
            self._last = self._loop.time()
            if (follow := ask.answering.follow()) is not None:
                self._size += follow.size
                self._asks.setdefault(lane, deque()).appendleft(follow)
            if self._wire.closed is None:
                if post.status == 401 and self._unknown():
                    self._wire.close(POLICY, "the key is not valid any more")
                elif self._why is not None:
                    self._close_when_idle(*self._why)
        if self._wire.closed is None and self._why is None:
            with contextlib.suppress(Closed):  # whoever reads the connection is told
                await self._next(lane)

    async def _cancel(self, cancel: Cancel) -> None:
        waiting = self._asks.get(cancel.lane, deque()) if cancel.waiting else deque()
        post = self._running.get(cancel.lane)
        gone = [one.answering for one in waiting]
        for one in waiting:
            self._free(one.size)
        waiting.clear()
        if post is not None and not post.answering.over:
            gone.insert(0, post.answering)
        frames = [frame for answering in gone for frame in answering.cancelled()]
        if post is not None:
            post.leave()  # first, for the client may take nothing for now
        for frame in frames:
            await self._wire.send(frame)

    def _unknown(self) -> bool:
        """Say whether nobody knows the key of this connection any more."""
        try:
            identify(self._switch.generation.plan, cast("Headers", self._scope["headers"]), today())
        except Problem:
            return True
        return False

    def _closing(self) -> Problem:
        return Problem(503, "overloaded", "this connection is about to close; open another one")

    def _free(self, size: int) -> None:
        self._size -= size
        self._room.set()

    def _close_when_idle(self, code: int, reason: str) -> None:
        self._why = (code, reason)
        waiting = [ask for lane in self._asks.values() for ask in lane]
        self._asks.clear()
        if waiting:
            self._sockets.hold(self._loop.create_task(self._turn_away(waiting)))
        elif not self._running:
            self._wire.close(code, reason)

    async def _turn_away(self, waiting: list[Ask]) -> None:
        """Tell requests whose turn does not come any more."""
        for ask in waiting:
            self._free(ask.size)
            for frame in ask.answering.refused(self._closing()):
                with contextlib.suppress(Closed):
                    await self._wire.send(frame)
        if not self._running and self._why is not None:
            self._wire.close(*self._why)

    def _tick(self) -> None:
        """See whether the connection has been silent for too long, or has become too old."""
        if self._timer is not None:
            self._timer.cancel()
        if self._wire.closed is not None or self._why is not None:
            return  # it closes as soon as nothing runs
        now, limits = self._loop.time(), self._limits
        age, silent = now - self._born, now - self._last
        if age >= limits.total:
            if (frame := self._talk.aged(limits.total)) is not None:
                self._sockets.hold(self._loop.create_task(self._farewell(frame)))
            else:
                self._close_when_idle(AGED, f"open for {limits.total:g} s (server.websocket.total)")
            return
        if not self._running and silent >= limits.idle:
            self._wire.close(IDLE, f"nothing was asked for {limits.idle:g} s (server.websocket.idle)")
            return
        rest = min(limits.total - age, limits.idle - (0.0 if self._running else silent))
        self._timer = self._loop.call_later(max(rest, 0.01), self._tick)

    async def _farewell(self, frame: bytes) -> None:
        try:
            await self._wire.send(frame)
        except Closed:
            return
        self._close_when_idle(AGED, f"open for {self._limits.total:g} s (server.websocket.total)")

    def _end(self) -> None:
        """Whatever runs has nobody to answer to."""
        if self._timer is not None:
            self._timer.cancel()
        self._asks.clear()
        stalled = self._wire.stalled
        told = f"the client took nothing of its answer for {stalled:g} s (server.send_timeout)"
        for post in list(self._running.values()):
            post.leave(Problem(499, "client_stalled", told) if stalled else None)
        self._talk.close()
        self._wire.close(1011, "an error inside Turnout")  # unless it is closed
