"""The order in which one request tries the targets of a pool: loads, lots, turns and its session, put to `balance`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from engine.clients.session import session
from engine.plan.balance import Chance, Load, shared

if TYPE_CHECKING:
    from engine.plan.nodes import Pool, Target
    from engine.serve.order import Order

OFF = Load(ready=False)
"""Of a target whose upstream is off: it is passed over, wherever it stands."""


def balanced(order: Order, pool: Pool) -> tuple[Target, ...]:
    """Return the targets of `pool` in the order in which `order` tries them."""
    if not pool.shared:
        return pool.targets
    generation = order.visit.generation
    now = order.visit.loop.time()
    whole = not order.peek.stream

    def load(target: Target) -> Load:
        live = generation.live.get(target.upstream)
        return OFF if live is None else live.health.load(target.model, now, whole=whole)

    named = session(order.sent, order.client, order.peek.fields) if pool.sticky else None
    turn = generation.turns.get(pool.entry, 0)
    if named is None:
        generation.turns[pool.entry] = turn + 1
    return shared(pool, load, Chance(random.random, turn), named)
