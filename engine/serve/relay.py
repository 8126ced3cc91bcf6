"""Drives the attempts of one request against live upstreams, until one answers or none is left.

Two moments in a stream. *Open*: after `hold` without content the head goes out, then only keep-alives; another target
may still answer. *Commit*: the first real content; from here a failure is one in-band error. `attempts` decides what
is tried next; this file only does it.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from engine.chat import Failed, Failure, Problem
from engine.dialects.base import Failing
from engine.observe.record import Attempt
from engine.plan.attempts import attempts
from engine.plan.nodes import Done
from engine.serve.begun import begun, is_event_stream
from engine.serve.failures import (
    after_retries,
    answer_to,
    forwarded,
    loggable,
    no_credential,
    problem_of,
    stopping,
)
from engine.serve.headers import credential_across, down, down_across
from engine.serve.inflate import inflated
from engine.serve.pour import pour
from engine.serve.reply import EVENT_STREAM, JSON, marks, with_ids
from engine.serve.road import Local
from engine.serve.ways import road
from engine.upstreams.base import Call

if TYPE_CHECKING:
    from engine.chat import Headers, Loss
    from engine.dialects.base import Tap
    from engine.plan.nodes import Pool, Target
    from engine.serve.generation import Live
    from engine.serve.order import Order
    from engine.serve.reply import Reply
    from engine.serve.road import Road
    from engine.upstreams.base import Answer

ANSWER_LIMIT = 256 * 1024 * 1024
"""Largest JSON answer that is taken, in bytes."""

CORRECTIONS = 3
"""How often one try may be repeated without what its upstream refused."""
CORRECTABLE = frozenset({"bad_request", "context_length", "not_found"})
DOWN = frozenset({"connect", "tls", "timeout", "disconnect", "server_error", "overloaded"})
"""The reasons that say something about the health of an upstream."""
NO_TRY = frozenset({"off", "cooling", "limited"})
"""The reasons for which nothing was sent."""


class Relay:
    """One request on its way. After `run`, `tries` and `problem` say how it went."""

    def __init__(self, order: Order, reply: Reply) -> None:
        self.order = order
        self.reply = reply
        self.tries: list[Attempt] = []
        self.sent = 0
        self.target: Target | None = None
        self.problem: Problem | None = None
        self.losses: tuple[Loss, ...] = ()
        """What the translation for the last target lost."""
        self.corrected: list[str] = []
        """What an upstream refused of what Turnout wrote, and was left out of a further try."""
        self._estimate: str | None = None
        self._straight = True
        """The last target spoke the client's API: its own words may go to the client as they are."""
        self._broke: Failure | None = None
        """Why the answer that the client is getting broke off."""
        self._tap: Tap | None = None
        """What the answer of the last target goes through, if it is a stream."""
        self._unfit: Problem | None = None
        """Why the first target that could not be asked this could not."""
        self._keyless = False
        """A target was left out because the client sent no credential that may be forwarded to it."""
        self._loop = order.visit.loop

    async def run(self) -> None:
        """Answer the client. Raises `Problem` when no target answered and nothing has been sent yet."""
        order, reply = self.order, self.reply
        if order.peek.stream:
            reply.hold(order.decision.hold, order.dialect.keepalive(order.api), self._early_head)
        course = attempts(order.decision, jitter)
        reply_to: Done | None = None
        try:
            while True:
                command = next(course) if reply_to is None else course.send(reply_to)
                if command.delay:
                    await asyncio.sleep(command.delay)
                failure = await self._try(command.target, command.pool)
                if failure is None:
                    return
                reply_to = Done(failure=failure)
        except StopIteration as stop:
            final: Done = stop.value
        except asyncio.CancelledError:
            if order.visit.gone:
                raise
            self.problem = stopping()
            if not self.reply.opened:
                raise self.problem from None
            await self._say_broken(self.problem)
            return
        assert final.failure is not None
        await self._give_up(final.failure)

    async def _try(self, target: Target, pool: Pool) -> Failure | None:
        """Try one target; None when it has answered the client, for better or worse."""
        live = self.order.visit.generation.live.get(target.upstream)
        if live is None:
            return Failure(reason="off", message=self.order.visit.generation.plan.off.get(target.upstream, "off"))
        if self._forwards(target) and not self.order.credential:
            self._keyless = True
            return Failure(reason="off", message=f"{target} takes the client's own credential, and there is none")
        self.target = self.target or target
        known = live.learned.of(target.model, self._loop.time())
        found: frozenset[str] = frozenset()
        failure: Failure | None = None
        for _ in range(1 + CORRECTIONS):
            try:
                way = road(self.order, target, pool.tuning, known | found)
            except Problem as problem:
                self._unfit = self._unfit or problem
                return failure or Failure(reason="off", message=f"{target} cannot be asked this: {problem.message}")
            self.target = target
            self.losses = way.losses
            if isinstance(way, Local):
                live.learned.add(target.model, found, self._loop.time())
                await self._own(way)
                return None
            self._straight = way.straight
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

    async def _send(self, target: Target, live: Live, way: Road) -> Failure | None:
        """Send to one target once."""
        begun = self._loop.time()
        status: int | None = None
        self.sent += 1
        try:
            answer = await live.driver.send(self._call(target, way, begun))
            status = answer.status
            try:
                failure = await self._answer(target, way, answer, live)
            finally:
                answer.close()
        except Failed as failed:
            failure = failed.failure
        if failure is not None:
            failure = live.scrubbed(failure)
        if failure is None or failure.reason not in NO_TRY:
            why = failure or self._broke
            self.tries.append(
                Attempt(
                    target=str(target),
                    reason=why.reason if why else None,
                    message=loggable(why) if why else "",
                    status=status,
                    seconds=round(self._loop.time() - begun, 6),
                )
            )
        if failure is not None and failure.reason in DOWN:
            live.failed(self._loop.time())
        return failure

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
            spent=now - order.started,
        )

    async def _answer(self, target: Target, way: Road, answer: Answer, live: Live) -> Failure | None:
        if not 200 <= answer.status <= 599:
            return Failure(reason="disconnect", message=f"{target} answered with the status {answer.status}")
        if answer.status >= 400:
            body = await inflated(answer).read(ANSWER_LIMIT)
            failure = way.classify(answer.status, answer.headers, body)
            if failure.reason not in DOWN:
                live.answered()
            return failure
        if 300 <= answer.status < 400:
            return Failure(reason="server_error", message=f"{target} answered with a redirect, which is never followed")
        live.answered()
        answer = inflated(answer)
        if not self.order.peek.stream:
            return await self._whole(way, answer)
        answer = await begun(answer)
        if is_event_stream(answer.headers):
            return await self._stream(way, answer, live)
        return await self._whole(way, answer)

    async def _own(self, local: Local) -> None:
        """Answer where there is nothing to ask anybody."""
        self._estimate = local.estimate
        if self.reply.opened:  # with keep-alives, while an earlier target was tried
            await self.reply.end(local.body)
            return
        visit = self.order.visit
        form = EVENT_STREAM if local.streamed else JSON
        await self.reply.whole(200, [form, *with_ids([], visit), *self.marks()], local.body)

    async def _whole(self, way: Road, answer: Answer) -> Failure | None:
        reply = self.reply
        body = await answer.read(ANSWER_LIMIT)
        body, streamed = way.whole(body, streamed=is_event_stream(answer.headers))
        self.losses = way.losses
        if reply.opened and not streamed:
            # The client was told to expect events, and this upstream never meant to send any.
            return Failure(reason="disconnect", message=f"{self.target} answered a stream with one JSON object")
        if reply.opened:
            await reply.end(body)
        else:
            await reply.whole(answer.status, self._head(way, answer, EVENT_STREAM if streamed else JSON), body)
        return None

    async def _stream(self, way: Road, answer: Answer, live: Live) -> Failure | None:
        def head() -> Headers:
            return self._head(way, answer, EVENT_STREAM)

        self._tap = tap = way.tap()
        failure = await pour(answer, tap, self.reply, head, live, str(self.target))
        self.losses = way.losses
        if failure is not None and not tap.committed:
            return failure
        if failure is not None:
            self._broke = live.scrubbed(failure)
            await self._break_off(self._broke)
            return None
        if tap.failure is not None:  # the upstream's own error event has gone out, and nothing after it
            self._broke = live.scrubbed(tap.failure)
            self.problem = problem_of(self._broke, self.target)
        await self.reply.end()
        return None

    async def _break_off(self, failure: Failure) -> None:
        """End an open stream with one in-band error, or answer with an error if nothing is out yet."""
        self.problem = problem_of(failure, self.target)
        if not self.reply.opened:
            raise self.problem
        await self._say_broken(self.problem)

    async def _say_broken(self, problem: Problem) -> None:
        """End an open stream with one in-band error, in the client's form."""
        order = self.order
        if order.peek.stream:
            failing = Failing(request=order.visit.id, model=order.peek.model, created=int(time.time()))
            tied = self._tap.broken(problem, failing) if self._tap is not None else None
            await self.reply.end(tied or order.dialect.stream_error(order.api, problem, failing))

    async def _give_up(self, failure: Failure) -> None:
        order, reply = self.order, self.reply
        if not self.tries and self._unfit is not None:
            self.problem = self._unfit
            if not reply.opened:
                raise self.problem
            await self._say_broken(self.problem)
            return
        if failure.reason == "off" and self._keyless:
            raise no_credential()
        if reply.opened:
            await self._break_off(failure)
            return
        forward = self.target is not None and self._forwards(self.target)
        passed = answer_to(failure, forward=forward) if self._straight else None
        if passed is None:
            self.problem = self._told(failure, forward=forward)
            raise self.problem
        status, headers, body = passed
        self.problem = Problem(status, failure.reason, failure.message)
        head = [*after_retries(len(self.tries), with_ids(down(headers), order.visit)), *self.marks()]
        await reply.whole(status, head, body)

    def _told(self, failure: Failure, *, forward: bool) -> Problem:
        """Say a failure in the client's form."""
        if failure.reason == "auth" and forward:
            return forwarded(failure)
        beside = None
        if not self._straight and failure.reason != "auth":  # what comes with that one is for the operator
            beside = down_across(failure.headers, self.order.api, time.time())
        return problem_of(failure, self.target, tried=len(self.tries), beside=beside)

    def _credential(self, target: Target, way: Road) -> Headers:
        if not self._forwards(target):
            return []
        own = self.order.credential
        return own if way.straight else credential_across(own, way.api)

    def _forwards(self, target: Target) -> bool:
        """Say whether `target` is sent the client's own credential (rule K4)."""
        return self.order.visit.generation.plan.upstreams[target.upstream].forward

    def marks(self) -> Headers:
        """Return the headers by which the answer can be held against `turnout explain`."""
        order = self.order
        return marks(
            order.visit,
            route=order.decision.route,
            target=str(self.target) if self.target else None,
            tries=self.sent,
            losses=self.losses,
            estimate=self._estimate,
        )

    def _head(self, way: Road, answer: Answer, form: tuple[bytes, bytes]) -> Headers:
        """Return the head of a good answer: the upstream's fields, then ours."""
        headers = (
            down(answer.headers) if way.straight else [form, *down_across(answer.headers, self.order.api, time.time())]
        )
        return [*with_ids(headers, self.order.visit), *self.marks()]

    def _early_head(self) -> Headers:
        visit = self.order.visit
        return [
            EVENT_STREAM,
            (b"cache-control", b"no-cache"),
            *with_ids([], visit),
            *marks(visit, route=self.order.decision.route),
        ]


def jitter(limit: float) -> float:
    """Return a wait between nothing and `limit` seconds: full jitter keeps clients from coming back together."""
    return random.uniform(0, limit)  # noqa: S311 - spreads load, hides nothing
