"""Two WebSockets as one: the client's and the upstream's. Frames pass both ways, none faster than it is taken.

It is pinned to what it was routed to. On every edit it looks whether the new generation still leads there: then it goes
over to it, and keeps no old one alive; else it ends after `server.drain`. Ping and pong are each side's own.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from typing import TYPE_CHECKING

from engine.chat import Failure, Problem, Usage
from engine.dialects import realtime
from engine.serve.failures import problem_of
from engine.serve.sockets.staying import astray
from engine.transport.waiting import late
from engine.transport.wire import GONE, Closed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.chat import Reason
    from engine.plan.nodes import Sockets as Limits
    from engine.plan.nodes import Target
    from engine.serve.exchange import Exchange
    from engine.serve.generation import Generation
    from engine.serve.sockets.client import ClientWire
    from engine.serve.sockets.reaching import Reaching
    from engine.transport.waiting import Stage
    from engine.transport.wire import Wire
    from engine.transport.ws import UpstreamWire

LEAVING, POLICY, RESTART, GATEWAY = 1001, 1008, 1012, 1014
"""Close codes (RFC 6455, 7.4; IANA: 1012 service restart, 1014 bad gateway)."""
SOON = 0.01
"""Seconds that a timer rings in at the earliest."""
STOPS = "the server stops or restarts"


class Bridge:
    """One open connection. `run` returns when it is over."""

    def __init__(
        self, exchange: Exchange, reaching: Reaching, target: Target, client: ClientWire, limits: Limits
    ) -> None:
        self.failure: Failure | None = None
        """Set when the upstream broke it off."""
        self._exchange = exchange
        self._reaching = reaching
        self._target = target
        self._client = client
        self._upstream: UpstreamWire = reaching.wire
        self._limits = limits
        self._loop = exchange.visit.loop
        self._shown = reaching.order.shown_model(target)
        self._waits = reaching.waits
        self._born = self._last = self._loop.time()
        """When it was accepted, and when a frame last came from either side."""
        self._responses = 0
        """How many responses are in progress."""
        self._wrote = 0.0
        """Tokens that came of these, by our own guess."""
        self._begun = 0.0
        """When the first of these began."""
        self._spoke = 0.0
        """When a frame of the upstream was last taken by the client."""
        self._why: tuple[int, str] | None = None
        """Set when it closes as soon as none is."""
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.TimerHandle | None = None
        """Runs while the live generation has no place for it, because of `_astray`."""
        self._astray: str | None = None
        self._events = itertools.count(1)

    async def run(self) -> None:
        """Carry frames until one side closes, or both are told to."""
        self._client.stopped = self.stop
        self._tick()
        ways = [
            self._loop.create_task(self._carry(self._client, self._upstream, self._up)),
            self._loop.create_task(self._carry(self._upstream, self._client, self._down)),
        ]
        try:
            left = set(ways)
            while left:
                done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                if any(way.result() for way in done):
                    break
        except asyncio.CancelledError:  # `server.drain` is over, or that of a generation that must go
            self._close(RESTART, self._astray or STOPS)
        finally:
            for timer in (self._timer, self._ending):
                if timer is not None:
                    timer.cancel()
            for way in ways:
                way.cancel()
            self._close(1011, "an error inside Turnout")  # unless both are closed
            await asyncio.gather(*ways, return_exceptions=True)
            if self._responses:  # nobody will say what these took
                self._reaching.add(Usage(output=math.ceil(self._wrote), estimated=True))

    def stop(self) -> None:
        """The server stops: a response that is in progress may end."""
        self._close_when_idle(RESTART, STOPS)

    def swapped(self, generation: Generation, drain: float) -> None:
        self._astray = why = astray(self._exchange, self._reaching.live, self._target, generation)
        if why is not None:
            if self._ending is None:
                self._ending = self._loop.call_later(drain, self._close, RESTART, why)
            return
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        visit = self._exchange.visit
        assert visit.task is not None
        old, visit.generation = visit.generation, generation
        generation.leases.add(visit.task)
        old.release(visit.task)
        self._exchange.plan = generation.plan
        if self._exchange.guard is not None:
            self._exchange.guard.follow(generation.plan)
        self._limits = generation.plan.sockets or self._limits
        self._tick()

    # frames

    async def _carry(self, source: Wire, sink: Wire, one: Callable[[bytes], Awaitable[None]]) -> bool:
        """Carry what comes from `source`. Return whether everything of it was carried, its close too."""
        try:
            while True:
                message = await source.receive()
                self._last = self._loop.time()
                if message.text:
                    await one(message.data)
                else:
                    await sink.send(message.data, text=False)
        except Closed:
            if source.closed is None:
                return False  # the other way tells why
            self._part(source, sink)
            return True

    async def _up(self, data: bytes) -> None:
        try:
            data = realtime.heard(data, self._target.model)
        except Problem as problem:
            await self._client.send(self._error(problem))
            return
        await self._upstream.send(data)

    async def _down(self, data: bytes) -> None:
        said = realtime.said(data, self._shown)
        self._spoke = math.inf  # until the client has taken it, the silence is not the upstream's
        await self._client.send(self._reaching.live.scrub(said.data) if said.error else said.data)
        self._spoke = self._loop.time()
        self._wrote += said.wrote
        if said.begins:
            self._responses += 1
            self._begun = self._spoke
            self._tick()
        elif said.ends:
            self._responses = max(0, self._responses - 1)
            self._wrote = 0.0 if not self._responses else self._wrote
            self._begun = self._spoke
        if said.usage is not None:
            await self._charge(said)
        if self._why is not None and not self._responses:
            self._close(*self._why)

    async def _charge(self, said: realtime.Said) -> None:
        """Charge a response; the one that uses a limit up is the last."""
        assert said.usage is not None
        used, guard = self._reaching.add(said.usage), self._exchange.guard
        problem = await guard.spend(used) if guard is not None and used is not None else None
        if problem is not None:
            self._exchange.problem = problem
            await self._client.send(self._error(problem))
            self._close(POLICY, problem.message)

    def _error(self, problem: Problem) -> bytes:
        ident = self._exchange.visit.id
        return realtime.error(problem, f"event_{ident}_{next(self._events)}", ident)

    # ends

    def _part(self, source: Wire, sink: Wire) -> None:
        """`source` is closed: close `sink` in the same words, as far as they can be said there."""
        closed = source.closed
        assert closed is not None
        code, reason = closed.code, closed.reason
        if source is self._upstream:
            if code == GONE or source.complained:
                told = f"upstream `{self._target.upstream}` broke the connection off"
                self._fails("disconnect", f"{told}: {closed}")
                code, reason = GATEWAY, told
            reason = self._reaching.live.scrub(reason.encode()).decode()
        elif code == GONE or source.complained:
            code, reason = LEAVING, "the client is gone"
        sink.close(code, reason)

    def _fails(self, reason: Reason, message: str) -> None:
        """Note that the upstream did not keep up its side."""
        self.failure = Failure(reason=reason, message=message)
        self._exchange.problem = problem_of(self.failure, self._target)

    def _close_when_idle(self, code: int, reason: str) -> None:
        self._why = (code, reason)
        if not self._responses:
            self._close(code, reason)

    def _close(self, code: int, reason: str) -> None:
        """Close both sides."""
        self._client.close(code, reason)
        self._upstream.close(LEAVING)

    def _tick(self) -> None:
        """See whether the connection has been silent for too long, or has become too old, or a response has."""
        if self._timer is not None:
            self._timer.cancel()
        now, limits, waits = self._loop.time(), self._limits, self._waits
        if self._why is None and now - self._born >= limits.total:
            self._close_when_idle(LEAVING, f"open for {limits.total:g} s (server.websocket.total)")
        if now - self._last >= limits.idle:
            self._close(LEAVING, f"nothing was said for {limits.idle:g} s (server.websocket.idle)")
        ends = [self._last + limits.idle]
        if self._why is None:
            ends.append(self._born + limits.total)
        if self._responses:
            ends += [self._spoke + waits.idle, self._begun + waits.total]
            stages: tuple[Stage, ...] = ("idle", "total")
            for stage, end in zip(stages, ends[-2:], strict=True):
                if now >= end:
                    self._late(stage)
        if self._client.closed is None:
            self._timer = self._loop.call_at(max(min(ends), now + SOON), self._tick)

    def _late(self, stage: Stage) -> None:
        error = late(f"upstream `{self._target.upstream}`", stage, self._waits)
        self._fails(error.reason, error.message)
        self._close(GATEWAY, error.message)
