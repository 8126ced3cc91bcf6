"""A conversation whose answers are looked at before the client has them: asked, held, and asked again where need be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Problem
from engine.plan.demand import spent
from engine.serve.giving_up import say_broken
from engine.serve.heads import early
from engine.serve.relay import Relay
from engine.serve.steps.held import Held
from engine.serve.steps.output import Shaped

if TYPE_CHECKING:
    from engine.serve.exchange import Exchange
    from engine.serve.order import Order


async def conversed(exchange: Exchange, order: Order) -> None:
    """Answer the client of `exchange`. Raises `Problem` where nothing has been sent yet."""
    reply = exchange.reply
    if order.peek.stream:
        reply.hold(order.decision.hold, order.dialect.keepalive(order.api), lambda: early(order))
    output = order.decision.pools[0].tuning.output
    step = Shaped(output) if output is not None else None
    while True:
        held = Held(order.visit)
        exchange.relay = relay = Relay(order, held, exchange.relay)
        try:
            await relay.run()
            answer = held.response(order.api)
            fields = step.again(order, answer) if step is not None and answer is not None else None
        except Problem as problem:
            if not reply.opened:
                raise
            relay.problem, relay.reply = problem, reply
            await say_broken(relay, problem)
            return
        if fields is None:
            await held.release(reply)
            return
        if order.guard is not None:
            await order.guard.again(spent(relay.own_usage, relay.own_cost) if relay.own_usage is not None else None)
        peek = msgspec.structs.replace(order.peek, fields=fields)
        order = msgspec.structs.replace(order, peek=peek, body=msgspec.json.encode(fields), _request=[])
