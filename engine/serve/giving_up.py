"""What the client is told when no target answered, or when the one that did broke off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.chat import Problem
from engine.dialects.base import Failing
from engine.serve.failures import after_retries, answer_to, forwarded, no_credential, problem_of
from engine.serve.headers import down, down_across
from engine.serve.heads import marked
from engine.serve.reply import with_ids

if TYPE_CHECKING:
    from engine.chat import Failure
    from engine.serve.relay import Relay


async def break_off(relay: Relay, failure: Failure) -> None:
    """End an open stream with one in-band error, or answer with an error if nothing is out yet."""
    relay.problem = problem_of(failure, relay.target)
    if not relay.reply.opened:
        raise relay.problem
    await say_broken(relay, relay.problem)


async def say_broken(relay: Relay, problem: Problem) -> None:
    """End an open stream with one in-band error, in the client's form."""
    order = relay.order
    if order.peek.stream:
        failing = Failing(request=order.visit.id, model=order.peek.model, created=int(time.time()))
        tied = relay.tap.broken(problem, failing) if relay.tap is not None else None
        if tied is None and relay.carry is not None:
            tied = relay.carry.broken(problem, failing)
        await relay.reply.end(tied or order.dialect.stream_error(order.api, problem, failing))


async def give_up(relay: Relay, failure: Failure) -> None:
    """Tell the client why nobody answered. Raises `Problem` when nothing has been sent yet."""
    order, reply = relay.order, relay.reply
    if not relay.tries and relay.unfit is not None:
        relay.problem = relay.unfit
        if not reply.opened:
            raise relay.problem
        await say_broken(relay, relay.problem)
        return
    if failure.reason == "off" and relay.keyless:
        raise no_credential()
    if failure.reason == "limited" and order.guard is not None and order.guard.problem is not None:
        relay.problem = order.guard.problem  # it knows which limit, and when to come again
        if not reply.opened:
            raise relay.problem
        await say_broken(relay, relay.problem)
        return
    if reply.opened:
        await break_off(relay, failure)
        return
    forward = relay.target is not None and relay.forwards(relay.target)
    passed = answer_to(failure, forward=forward) if relay.straight else None
    if passed is None:
        relay.problem = _told(relay, failure, forward=forward)
        raise relay.problem
    status, headers, body = passed
    relay.problem = Problem(status, failure.reason, failure.message)
    head = [*after_retries(len(relay.tries), with_ids(down(headers), order.visit)), *marked(relay)]
    await reply.whole(status, head, body)


def _told(relay: Relay, failure: Failure, *, forward: bool) -> Problem:
    """Say a failure in the client's form."""
    if failure.reason == "auth" and forward:
        return forwarded(failure)
    beside = None
    if not relay.straight and failure.reason != "auth":  # what comes with that one is for the operator
        beside = down_across(failure.headers, relay.order.api, time.time())
    return problem_of(failure, relay.target, tried=len(relay.tries), beside=beside)
