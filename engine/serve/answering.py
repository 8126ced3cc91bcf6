"""Takes what one target answers and hands it to the client: whole or as a stream; or an answer of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Failure
from engine.serve.begun import begun, is_event_stream
from engine.serve.failures import problem_of
from engine.serve.giving_up import break_off
from engine.serve.heads import good, marked
from engine.serve.inflate import inflated
from engine.serve.pour import pour
from engine.serve.reply import EVENT_STREAM, JSON, with_ids

if TYPE_CHECKING:
    from engine.chat import Headers
    from engine.serve.generation import Live
    from engine.serve.relay import Relay
    from engine.serve.road import Local, Road
    from engine.upstreams.base import Answer

ANSWER_LIMIT = 256 * 1024 * 1024
"""Largest JSON answer that is taken, in bytes."""


async def receive(relay: Relay, way: Road, answer: Answer, live: Live) -> Failure | None:
    """Take what the target of `relay` answers; None when the client has been answered with it. Raises `Failed`."""
    if not 200 <= answer.status <= 599:
        return Failure(reason="disconnect", message=f"{relay.target} answered with the status {answer.status}")
    if answer.status >= 400:
        body = await inflated(answer).read(ANSWER_LIMIT)
        return way.classify(answer.status, answer.headers, body)
    if 300 <= answer.status < 400:
        return Failure(
            reason="server_error", message=f"{relay.target} answered with a redirect, which is never followed"
        )
    answer = inflated(answer)
    if not relay.order.peek.stream:
        return await _whole(relay, way, answer)
    answer = await begun(answer)
    if is_event_stream(answer.headers):
        return await _stream(relay, way, answer, live)
    return await _whole(relay, way, answer)


async def own(relay: Relay, local: Local) -> None:
    """Answer where there is nothing to ask anybody."""
    relay.estimate = local.estimate
    if relay.reply.opened:  # with keep-alives, while an earlier target was tried
        await relay.reply.end(local.body)
        return
    visit = relay.order.visit
    form = EVENT_STREAM if local.streamed else JSON
    await relay.reply.whole(200, [form, *with_ids([], visit), *marked(relay)], local.body)


async def _whole(relay: Relay, way: Road, answer: Answer) -> Failure | None:
    reply = relay.reply
    if relay.carries_on:
        return Failure(reason="disconnect", message=f"{relay.target} answered whole where a stream is to go on")
    body = await answer.read(ANSWER_LIMIT)
    if relay.meter is not None:
        relay.meter.whole(body, streamed=is_event_stream(answer.headers))
    body, streamed = way.whole(body, streamed=is_event_stream(answer.headers))
    relay.lose(way)
    if reply.opened and not streamed:
        # The client was told to expect events, and this upstream never meant to send any.
        return Failure(reason="disconnect", message=f"{relay.target} answered a stream with one JSON object")
    if reply.opened:
        await reply.end(body)
    else:
        await reply.whole(answer.status, good(relay, way, answer, EVENT_STREAM if streamed else JSON), body)
    return None


async def _stream(relay: Relay, way: Road, answer: Answer, live: Live) -> Failure | None:
    def head() -> Headers:
        return good(relay, way, answer, EVENT_STREAM)

    assert relay.target is not None
    relay.tap = tap = way.tap() if relay.carry is None else relay.carry.tap(way, relay.target, live)
    failure = await pour(answer, tap, relay.reply, head, live, str(relay.target), relay.meter)
    if relay.meter is not None:
        relay.meter.given = tap.committed
    relay.lose(way)
    if failure is not None and not tap.committed:
        return failure
    if failure is not None and relay.carry is not None and relay.meter is not None:
        if relay.carry.breaks(failure, relay.meter):
            return failure
        if rest := relay.carry.rest():
            relay.broke = live.scrubbed(failure)
            await relay.reply.end(rest)
            return None
    if failure is not None:
        relay.broke = live.scrubbed(failure)
        await break_off(relay, relay.broke)
        return None
    if tap.failure is not None:  # the upstream's own error event has gone out, and nothing after it
        relay.broke = live.scrubbed(tap.failure)
        relay.problem = problem_of(relay.broke, relay.target)
    await relay.reply.end()
    return None
