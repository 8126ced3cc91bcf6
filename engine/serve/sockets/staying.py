"""Whether an edit leaves a pinned connection where it is: its key, its way, and the upstream it is connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Problem
from engine.plan.admission import check_base, check_host, check_origin, identify
from engine.plan.route import route
from engine.serve.clock import today

if TYPE_CHECKING:
    from engine.plan.nodes import Target
    from engine.serve.exchange import Exchange
    from engine.serve.generation import Generation, Live


def astray(exchange: Exchange, live: Live, target: Target, generation: Generation) -> str | None:
    """Return why `generation` has no place for a connection of `exchange` to `target`; None: it would come to be there.

    `live` is the upstream as it was connected to. An upstream with other options is another one.
    """
    plan, before = generation.plan, exchange.visit.generation
    facts, key = exchange.facts, exchange.key
    assert facts is not None
    assert key is not None
    if plan.sockets is None:
        return "the file was edited: `server.websocket` is off"
    if generation.live.get(target.upstream) is not live:
        return "the file was edited: the upstream of this connection has changed"
    if generation.store is not before.store:
        return "the file was edited: the state by which this connection is counted has changed"
    try:
        check_host(plan, exchange.headers)
        check_origin(plan, exchange.headers, exchange.scope["scheme"])
        found = identify(plan, exchange.headers, today())
        check_base(found, exchange.base)
    except Problem:
        return "the file was edited: the key of this connection is not valid any more, or it may not come from here"
    prefixes = [one.plan.bases.get(exchange.base or "") for one in (before, generation)]
    if found.name != key.name or prefixes[0] != prefixes[1]:
        return "the file was edited: the key or the base of this connection has changed"
    decision = route(plan, msgspec.structs.replace(facts, headers=exchange.header_facts()))
    if decision.refusal is not None or str(target) not in map(str, decision.targets):
        return "the file was edited: the model of this connection is answered by others"
    return None
