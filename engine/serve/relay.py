"""Drives the attempts of one request against live upstreams, until one answers or none is left.

Two moments in a stream. *Open*: after `hold` without content the head goes out, then only keep-alives; another target
may still answer. *Commit*: the first real content; from here a failure is one in-band error. `attempts` decides what
is tried next; this file only does it. What comes back is in `answering.py`, what is said when nobody answers in
`giving_up.py`, the heads of answers in `heads.py`.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from engine.chat import Failed, Failure, Problem
from engine.observe.record import Attempt
from engine.plan.attempts import NO_TRY, attempts
from engine.plan.nodes import Done
from engine.serve.answering import own, receive
from engine.serve.balancing import balanced
from engine.serve.bill import bill, meter_for
from engine.serve.carrying import carry
from engine.serve.failures import cooling, loggable, stopping
from engine.serve.giving_up import give_up, say_broken
from engine.serve.headers import credential_across
from engine.serve.heads import early
from engine.serve.road import Local
from engine.serve.shared import borrow_thoughts
from engine.serve.ways import road
from engine.upstreams.base import Call

if TYPE_CHECKING:
    from engine.chat import Headers, Loss, Usage
    from engine.dialects.base import Tap
    from engine.dialects.meter import Meter
    from engine.plan.nodes import Pool, Target
    from engine.serve.generation import Live
    from engine.serve.order import Order
    from engine.serve.reply import Reply
    from engine.serve.road import Road

CORRECTIONS = 3
"""How often one try may be repeated without what its upstream refused."""
CORRECTABLE = frozenset({"bad_request", "context_length", "not_found"})


class Relay:
    """One request on its way. After `run`, `tries` and `problem` say how it went."""

    def __init__(self, order: Order, reply: Reply, before: Relay | None = None) -> None:
        """`before`: the round of the same conversation that led to this one."""
        self.order = order
        self.reply = reply
        self.tries: list[Attempt] = list(before.tries) if before is not None else []
        self.skipped: list[Attempt] = list(before.skipped) if before is not None else []
        """The targets that were passed over without being asked, and why."""
        self.sent: int = before.sent if before is not None else 0
        self.target: Target | None = None
        self.problem: Problem | None = None
        self.losses: tuple[Loss, ...] = ()
        """What the last target was not told, or not exactly."""
        self._told: tuple[Loss, ...] = ()
        """What the last target says itself that it lost."""
        self.corrected: list[str] = []
        """What an upstream refused of what Turnout wrote, and was left out of a further try."""
        self.estimate: str | None = None
        """How a number in the answer was come by, where Turnout counted itself."""
        self.straight = True
        """The last target spoke the client's API: its own words may go to the client as they are."""
        self.broke: Failure | None = None
        """Why the answer that the client is getting broke off."""
        self.tap: Tap | None = None
        """What the answer of the last target goes through, if it is a stream."""
        self.unfit: Problem | None = None
        """Why the first target that could not be asked this could not."""
        self.keyless = False
        """A target was left out because the client sent no credential that may be forwarded to it."""
        self.meter: Meter | None = None
        """Reads the tokens of the last answer, where anybody asks for them."""
        self.carry = carry(order)
        """What it takes to have a stream that breaks off carried on; None where that is not to be."""
        self._bill = bill(order)
        self._before = (before.usage, before.cost) if before is not None else (None, None)
        self._loop = order.visit.loop

    @property
    def usage(self) -> Usage | None:
        """What the request took so far, all tries together; None where nobody asks for it (`Plan.needs_usage`)."""
        own, before = self.own_usage, self._before[0]
        return own + before if own is not None and before is not None else own

    @property
    def own_usage(self) -> Usage | None:
        """Likewise, without the rounds before."""
        return self._bill.usage if self._bill is not None else None

    @property
    def cost(self) -> int | None:
        """What that costs, in micro-USD; None where nothing of it has a price."""
        costs = [cost for cost in (self.own_cost, self._before[1]) if cost is not None]
        return sum(costs) if costs else None

    @property
    def own_cost(self) -> int | None:
        """Likewise, without the rounds before."""
        return self._bill.cost if self._bill is not None else None

    @property
    def carries_on(self) -> bool:
        """Whether the next target is to carry on from where a stream broke off."""
        return self.carry is not None and self.carry.going

    async def run(self) -> None:
        """Answer the client. Raises `Problem` when no target answered and nothing has been sent yet."""
        order, reply = self.order, self.reply
        if order.peek.stream:
            reply.hold(order.decision.hold, order.dialect.keepalive(order.api), lambda: early(order))
        course = attempts(order.decision, jitter, lambda pool: balanced(order, pool))
        reply_to: Done | None = None
        try:
            while True:
                command = next(course) if reply_to is None else course.send(reply_to)
                if command.delay:
                    await asyncio.sleep(command.delay)
                failure = await self._admitted(command.target, command.pool)
                if failure is None:
                    return
                if failure.reason in NO_TRY:
                    self._skip(command.target, failure)
                reply_to = Done(failure=failure)
        except StopIteration as stop:
            final: Done = stop.value
        except asyncio.CancelledError:
            if order.visit.gone:
                raise
            self.problem = stopping()
            if not self.reply.opened:
                raise self.problem from None
            await say_broken(self, self.problem)
            return
        assert final.failure is not None
        await give_up(self, final.failure)

    def _skip(self, target: Target, failure: Failure) -> None:
        guard = self.order.guard
        limit = guard.refusing if guard is not None and failure.reason == "limited" else None
        self.skipped.append(Attempt(target=str(target), reason=failure.reason, message=failure.message, limit=limit))

    async def _admitted(self, target: Target, pool: Pool) -> Failure | None:
        """Try one target if its own limits admit that (rule L5)."""
        guard = self.order.guard
        if guard is None:
            return await self._try(target, pool)
        full = await guard.attempt(self.order.decision, pool, target)
        if full is not None:
            return full
        failure = await self._try(target, pool)
        if failure is not None:
            await guard.failed(sent=failure.reason not in NO_TRY)
        return failure

    async def _try(self, target: Target, pool: Pool) -> Failure | None:
        """Try one target; None when it has answered the client, for better or worse."""
        live = self._ready(target)
        if isinstance(live, Failure):
            return live
        self.target = self.target or target
        if self.order.visit.generation.store.thoughts is not None:
            await borrow_thoughts(self.order, target)
        known = live.learned.of(target.model, self._loop.time())
        found: frozenset[str] = frozenset()
        failure: Failure | None = None
        for _ in range(1 + CORRECTIONS):
            try:
                asks = self.order if self.carry is None else self.carry.ask(target, pool, known | found)
                way = road(asks, target, pool.tuning, known | found)
            except Problem as problem:
                self.unfit = self.unfit or problem
                return failure or Failure(reason="off", message=f"{target} cannot be asked this: {problem.message}")
            self.target = target
            self.losses = way.losses
            if isinstance(way, Local) and self.carries_on:
                return failure or Failure(reason="off", message=f"{target} cannot be asked to go on")
            if isinstance(way, Local):
                live.learned.add(target.model, found, self._loop.time())
                await own(self, way)
                return None
            self.straight = way.straight
            failure = await self._send(target, live, way)
            if failure is None:
                live.learned.add(target.model, way.lasting(found), self._loop.time())
            if failure is None or failure.reason not in CORRECTABLE:
                break
            word = way.correction(failure)
            if word is None or word in known | found:
                break
            found |= {word}
            self.corrected.append(word)
        return failure

    def _ready(self, target: Target) -> Live | Failure:
        """Return the upstream of `target`, or why it cannot be asked now."""
        live = self.order.visit.generation.live.get(target.upstream)
        if live is None:
            return Failure(reason="off", message=self.order.visit.generation.plan.off.get(target.upstream, "off"))
        if self.forwards(target) and not self.order.credential:
            self.keyless = True
            return Failure(reason="off", message=f"{target} takes the client's own credential, and there is none")
        cools, why = live.health.cools(target.model, self._loop.time())
        return cooling(target, why, cools) if cools else live

    async def _send(self, target: Target, live: Live, way: Road) -> Failure | None:
        """Send to one target once."""
        begun = self._loop.time()
        status: int | None = None
        self.sent += 1
        carries_on, broke = self.carries_on, self.carry.broke if self.carry is not None else 0
        metered = self._bill is not None or self.carry is not None
        self.meter = meter_for(way.api) if metered else None
        failure: Failure | None = None
        health = live.health.of(target.model)
        trial = health.begin()
        self.reply.on_first = health.recovered if trial else health.spoke
        try:
            try:
                answer = await live.driver.send(self._call(target, way, begun))
                self._told = getattr(answer, "losses", ())
                self.lose(way)
                status = answer.status
                try:
                    failure = await receive(self, way, answer, live)
                finally:
                    answer.close()
            except Failed as failed:
                failure = failed.failure
            now = self._loop.time()
            if failure is None and not carries_on:
                first = self.reply.first
                health.took((now if first is None else first) - begun, now, whole=not self.order.peek.stream)
            again = any(one.target == str(target) and one.reason is not None for one in self.tries)
            health.settle(failure or self.broke, now, trial, ours=not self.forwards(target), again=again)
        finally:
            health.end(trial)
            self.reply.on_first = None
            if self._bill is not None and self.meter is not None:
                came = failure is None or (self.carry is not None and self.carry.broke > broke)
                self._bill.add(target, self.meter, failed=not came)
        if failure is not None:
            failure = live.scrubbed(failure)
        if failure is None or failure.reason not in NO_TRY:
            why = failure or self.broke
            self.tries.append(
                Attempt(
                    target=str(target),
                    reason=why.reason if why else None,
                    message=loggable(why) if why else "",
                    status=status,
                    seconds=round(now - begun, 6),
                    continued=carries_on,
                )
            )
        return failure

    def lose(self, way: Road) -> None:
        """Note what has been lost so far, on the way and at the target."""
        self.losses = (*way.losses, *self._told)

    def _call(self, target: Target, way: Road, now: float) -> Call:
        order = self.order
        return Call(
            api=way.api,
            method="POST",
            path=way.path,
            query=way.query,
            headers=way.headers,
            body=way.body,
            model=target.model,
            stream=order.peek.stream,
            credential=self._credential(target, way),
            faults=order.faults,
            turn=order.turn if way.straight else None,
            spent=now - order.started,
        )

    def _credential(self, target: Target, way: Road) -> Headers:
        if not self.forwards(target):
            return []
        own = self.order.credential
        return own if way.straight else credential_across(own, way.api)

    def forwards(self, target: Target) -> bool:
        """Say whether `target` is sent the client's own credential (rule K4)."""
        return self.order.visit.generation.plan.upstreams[target.upstream].forward


def jitter(limit: float) -> float:
    """Return a wait between nothing and `limit` seconds: full jitter keeps clients from coming back together."""
    return random.uniform(0, limit)  # noqa: S311 - spreads load, hides nothing
