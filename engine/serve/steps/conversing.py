"""A conversation whose answers are looked at before the client has them: asked, held, and asked again where need be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Problem
from engine.dialects import CODECS
from engine.dialects.retold import retold, usage_of
from engine.dialects.seal import NEEDLE
from engine.plan.demand import spent
from engine.serve.giving_up import say_broken
from engine.serve.heads import early
from engine.serve.relay import Relay
from engine.serve.steps.held import Held
from engine.serve.steps.output import REFUSED, Shaped

if TYPE_CHECKING:
    from msgspec import Raw

    from engine.chat import Response
    from engine.serve.exchange import Exchange
    from engine.serve.order import Order
    from engine.serve.steps.tools import Kit

SEALED = frozenset({"messages", "responses"})
"""The APIs whose answers may carry reasoning under our own seal."""


async def conversed(exchange: Exchange, order: Order, kit: Kit | None = None) -> None:
    """Answer the client of `exchange`, with the tools of `kit`. Raises `Problem` where nothing has been sent yet."""
    if order.api in CODECS:
        await _held(exchange, order, kit)
    else:  # no step can read its answer
        exchange.relay = Relay(order, exchange.reply, exchange.relay)
        await exchange.relay.run()


async def _held(exchange: Exchange, order: Order, kit: Kit | None) -> None:
    reply = exchange.reply
    if order.peek.stream:
        reply.hold(order.decision.hold, order.dialect.keepalive(order.api), lambda: early(order))
    output = order.decision.pools[0].tuning.output
    step = Shaped(output) if output is not None else None
    past: list[dict[str, Any]] = []
    while True:
        held = Held(order.visit)
        exchange.relay = relay = Relay(order, held, exchange.relay)
        try:
            answer, fields = await _asked(order, relay, held, step)
            if answer is None and kit is not None and relay.problem is not None and held.status == 200:
                raise relay.problem  # of what broke off the client hears nothing: it may be a call of ours
            if answer is not None and kit is not None:
                fields = await kit.again(order, answer, held.body)
            if answer is not None and step is not None and fields is None:
                fields = step.again(order, answer)
        except Problem as problem:
            if not reply.opened:
                raise
            relay.problem, relay.reply = problem, reply
            relay.tap = None  # what it has begun nobody has heard
            await say_broken(relay, problem)
            return
        if fields is None:
            if answer is not None:
                held.body = _finished(order, held.body, past, kit)
            await held.release(reply)
            return
        if answer is not None:
            past.append(usage_of(order.api, held.body))
        if order.guard is not None:
            await order.guard.again(spent(relay.own_usage, relay.own_cost) if relay.own_usage is not None else None)
        peek = msgspec.structs.replace(order.peek, fields=fields)
        body = msgspec.json.encode(fields)
        sealed = order.sealed or (kit is not None and order.api in SEALED and NEEDLE in body)
        order = msgspec.structs.replace(order, peek=peek, body=body, sealed=sealed, _request=[])


def _finished(order: Order, body: bytes, past: list[dict[str, Any]], kit: Kit | None) -> bytes:
    """Return the last answer as the client gets it: with the usage of all, and what is announced of tools."""
    text = ""
    if kit is not None:
        body, text = kit.finished(order.api, body), kit.announcement
    return retold(order.api, body, past, text) if past or text else body


async def _asked(
    order: Order, relay: Relay, held: Held, step: Shaped | None
) -> tuple[Response | None, dict[str, Raw] | None]:
    """Ask once. Return the answer, or the request that asks without a schema that nobody takes. Raises `Problem`."""
    try:
        await relay.run()
    except Problem as problem:
        fields = step.plainly(order, problem.code) if step is not None else None
        if fields is None:
            raise
        return None, fields
    answer = held.response(order.api)
    if answer is None and step is not None and held.status == 400:
        return None, step.plainly(order, REFUSED)
    return answer, None
