"""Drives the attempts of one request against live upstreams, until one answers or none is left.

Two moments in a stream. *Open*: after `hold` without content the head goes out, then only keep-alives; another target
may still answer. *Commit*: the first real content; from here a failure is one in-band error. `attempts` decides what
is tried next; this file only does it.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import msgspec

from engine.chat import Failed, Failure, Problem
from engine.observe.record import Attempt
from engine.plan.attempts import attempts
from engine.plan.nodes import Done
from engine.serve.failures import after_retries, answer_to, loggable, no_credential, problem_of, stopping
from engine.serve.headers import down
from engine.serve.inflate import inflated
from engine.serve.reply import EVENT_STREAM, marks, with_ids
from engine.upstreams.base import Call

if TYPE_CHECKING:
    from engine.chat import Api, Headers
    from engine.dialects.base import Dialect, Peek
    from engine.plan.nodes import Decision, Target
    from engine.serve.generation import Live
    from engine.serve.reply import Reply, Visit
    from engine.upstreams.base import Answer

ANSWER_LIMIT = 256 * 1024 * 1024
"""Largest JSON answer that is taken, in bytes."""

WELL_FORMED = msgspec.json.Decoder(dict[str, msgspec.Raw])
DOWN = frozenset({"connect", "tls", "timeout", "disconnect", "server_error", "overloaded"})
"""The reasons that say something about the health of an upstream."""
NO_TRY = frozenset({"off", "cooling", "limited"})
"""The reasons for which nothing was sent."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asked, ready to be sent to any target of the decision."""

    visit: Visit
    decision: Decision
    dialect: Dialect
    api: Api
    peek: Peek
    path: str
    query: bytes
    headers: Headers
    """Already filtered (rule T4)."""
    credential: Headers
    faults: str | None
    started: float
    """By the loop's clock."""


class Relay:
    """One request on its way. After `run`, `tries` and `problem` say how it went."""

    def __init__(self, order: Order, reply: Reply) -> None:
        self.order = order
        self.reply = reply
        self.tries: list[Attempt] = []
        self.sent = 0
        self.target: Target | None = None
        self.problem: Problem | None = None
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
                failure = await self._try(command.target)
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

    async def _try(self, target: Target) -> Failure | None:
        """Try one target; None when it has answered the client, for better or worse."""
        live = self.order.visit.generation.live.get(target.upstream)
        if live is None:
            return Failure(reason="off", message=self.order.visit.generation.plan.off.get(target.upstream, "off"))
        if self._forwards(target) and not self.order.credential:
            self._keyless = True
            return Failure(reason="off", message=f"{target} takes the client's own credential, and there is none")
        begun = self._loop.time()
        status: int | None = None
        self.target = target
        self.sent += 1
        try:
            answer = await live.driver.send(self._call(target, begun))
            status = answer.status
            try:
                failure = await self._answer(target, answer, live)
            finally:
                answer.close()
        except Failed as failed:
            failure = failed.failure
        if failure is not None:
            failure = live.scrubbed(failure)
        if failure is None or failure.reason not in NO_TRY:
            self.tries.append(
                Attempt(
                    target=str(target),
                    reason=failure.reason if failure else None,
                    message=loggable(failure) if failure else "",
                    status=status,
                    seconds=round(self._loop.time() - begun, 6),
                )
            )
        if failure is not None and failure.reason in DOWN:
            live.failed(self._loop.time())
        return failure

    def _call(self, target: Target, now: float) -> Call:
        order = self.order
        return Call(
            api=order.api,
            method="POST",
            path=order.path,
            query=order.query,
            headers=order.headers,
            body=order.peek.renamed(target.model),
            model=target.model,
            stream=order.peek.stream,
            credential=order.credential if self._forwards(target) else [],
            faults=order.faults,
            spent=now - order.started,
        )

    async def _answer(self, target: Target, answer: Answer, live: Live) -> Failure | None:
        order = self.order
        if not 200 <= answer.status <= 599:
            return Failure(reason="disconnect", message=f"{target} answered with the status {answer.status}")
        if answer.status >= 400:
            body = await inflated(answer).read(ANSWER_LIMIT)
            failure = order.dialect.classify(answer.status, answer.headers, body)
            if failure.reason not in DOWN:
                live.answered()
            return failure
        if 300 <= answer.status < 400:
            return Failure(reason="server_error", message=f"{target} answered with a redirect, which is never followed")
        live.answered()
        asked = order.visit.generation.plan.document.server.answer_model == "asked"
        rename = order.peek.model if asked and target.model != order.peek.model else None
        if order.peek.stream and _is_event_stream(answer.headers):
            return await self._stream(answer, rename, live)
        return await self._json(answer, rename)

    async def _json(self, answer: Answer, rename: str | None) -> Failure | None:
        order, reply = self.order, self.reply
        body = await inflated(answer).read(ANSWER_LIMIT)
        if rename is not None:
            body = order.dialect.renamed(order.api, body, rename)
        else:
            try:
                WELL_FORMED.decode(body)
            except msgspec.DecodeError:
                return Failure(reason="disconnect", message=f"{self.target} sent a malformed or truncated answer")
        if reply.opened:
            # The client was told to expect events, and this upstream never meant to send any.
            return Failure(reason="disconnect", message=f"{self.target} answered a stream with one JSON object")
        await reply.whole(answer.status, self._head(answer), body)
        return None

    async def _stream(self, answer: Answer, rename: str | None, live: Live) -> Failure | None:
        reply = self.reply
        tap = self.order.dialect.tap(self.order.api, rename)
        source = inflated(answer)

        def head() -> Headers:
            return self._head(answer)

        try:
            while data := await source.chunk():
                if piece := tap.feed(data):
                    await reply.piece(piece if tap.failure is None else live.scrub(piece), head)
                if tap.failure is not None:
                    break
            else:
                if piece := tap.finish():
                    await reply.piece(piece, head)
            if not tap.committed:
                return tap.failure or Failure(
                    reason="disconnect", message=f"{self.target} ended its stream before any content"
                )
            if tap.failure is None and not tap.ended:
                raise Failed(Failure(reason="disconnect", message=f"{self.target} broke its stream off"))
        except Failed as failed:
            if not tap.committed:
                return failed.failure
            if not tap.ended:  # else everything has been said, and how the connection ends is nobody's business
                await self._break_off(failed.failure)
                return None
        if tap.failure is not None:  # the upstream's own error event has gone out, and nothing after it
            self.problem = problem_of(live.scrubbed(tap.failure), self.target)
        await reply.end()
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
            await self.reply.end(order.dialect.stream_error(order.api, problem, order.visit.id))

    async def _give_up(self, failure: Failure) -> None:
        order, reply = self.order, self.reply
        if failure.reason == "off" and self._keyless:
            raise no_credential()
        if reply.opened:
            await self._break_off(failure)
            return
        passed = answer_to(failure, forward=self.target is not None and self._forwards(self.target))
        if passed is None:
            self.problem = problem_of(failure, self.target, tried=len(self.tries))
            raise self.problem
        status, headers, body = passed
        self.problem = Problem(status, failure.reason, failure.message)
        head = [*after_retries(len(self.tries), with_ids(down(headers), order.visit)), *self._marks()]
        await reply.whole(status, head, body)

    def _forwards(self, target: Target) -> bool:
        """Say whether `target` is sent the client's own credential (rule K4)."""
        return self.order.visit.generation.plan.upstreams[target.upstream].forward

    def _marks(self) -> Headers:
        order = self.order
        return marks(
            order.visit,
            route=order.decision.route,
            target=str(self.target) if self.target else None,
            tries=self.sent,
        )

    def _head(self, answer: Answer) -> Headers:
        """Return the head of a good answer: the upstream's fields, then ours."""
        return [*with_ids(down(answer.headers), self.order.visit), *self._marks()]

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


def _is_event_stream(headers: Headers) -> bool:
    return any(name == b"content-type" and b"text/event-stream" in value.lower() for name, value in headers)
