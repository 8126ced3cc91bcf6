"""The heads of answers to model requests: what passes of the upstream's, and ours on top."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.serve.headers import down, down_across
from engine.serve.reply import EVENT_STREAM, marks, with_ids

if TYPE_CHECKING:
    from engine.chat import Headers
    from engine.serve.order import Order
    from engine.serve.relay import Relay
    from engine.serve.road import Road
    from engine.upstreams.base import Answer


def good(relay: Relay, way: Road, answer: Answer, form: tuple[bytes, bytes]) -> Headers:
    """Return the head of a good answer: the upstream's fields, then ours. `form`: its content type where it is ours."""
    order = relay.order
    headers = down(answer.headers) if way.straight else [form, *down_across(answer.headers, order.api, time.time())]
    return [*with_ids(headers, order.visit), *marked(relay)]


def early(order: Order) -> Headers:
    """Return the head of a stream that is opened before it is known who answers."""
    return [
        EVENT_STREAM,
        (b"cache-control", b"no-cache"),
        *with_ids([], order.visit),
        *marks(order.visit, route=order.decision.route),
    ]


def marked(relay: Relay) -> Headers:
    """Return the headers by which the answer can be held against `turnout explain`."""
    order = relay.order
    return marks(
        order.visit,
        route=order.decision.route,
        target=str(relay.target) if relay.target else None,
        tries=relay.sent,
        losses=relay.losses,
        estimate=relay.estimate,
    )
