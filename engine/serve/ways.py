"""Which way a request takes to a target: as it is, translated, or answered here where there is nothing to ask."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.chat import Problem
from engine.dialects import ASKED_IN, COUNTS, crossing, is_estimated
from engine.dialects.base import Failing
from engine.dialects.responses.prepared import prepared
from engine.serve.across import Across
from engine.serve.counting import Counting, counted
from engine.serve.road import CONVERSED, EFFORT_ELSEWHERE, ELSEWHERE, ESTIMATED, Local, Road, Straight

if TYPE_CHECKING:
    from engine.chat import Language
    from engine.plan.layers import Tuning
    from engine.plan.nodes import Target
    from engine.serve.order import Order


def road(order: Order, target: Target, tuning: Tuning, refused: frozenset[str]) -> Road | Local:
    """Return the way to `target`, or the answer where nothing needs to be sent. `refused`: what it is to do without.

    Raises `Problem` (400) where the request cannot go there in any form.
    """
    if order.turn is not None and not order.turn.generate and not order.options(target).sockets:
        asked = Failing(request=order.visit.id, model=order.peek.model, created=int(time.time()))
        return Local(body=prepared(asked), streamed=True)
    api = crossing(order.api, order.options(target).speaks, order.form)
    if is_estimated(order.api, api) or ESTIMATED in refused:
        return counted(order)
    api = api or asked_elsewhere(order, target, refused)
    if api is None:
        return Straight(order, target, tuning, refused)
    try:
        if api in COUNTS:
            return Counting(order, target, tuning, api, refused)
        way = Across(order, target, tuning, ASKED_IN[api], refused)
    except Problem as problem:
        raise order.continued.told(problem) from None
    return way if way.local is None else way.local


def asked_elsewhere(order: Order, target: Target, refused: frozenset[str]) -> Language | None:
    """Return the API in which the target takes what it has refused in the client's; None where it has not."""
    if order.api == "completions":
        others = [one for one in order.options(target).speaks if one != order.api]
        return crossing(order.api, others) if CONVERSED in refused else None
    if ELSEWHERE in refused:
        return "responses"
    fields = order.peek.fields
    hard = EFFORT_ELSEWHERE in refused and "tools" in fields and "reasoning_effort" in fields
    return "responses" if hard else None
