"""`on_break: continue`: a stream that breaks off is carried on by the next target, from the text that the client has.

Beside the stream goes its trail (engine.dialects.trail). When it breaks, the next target is asked the same with what
was said so far (engine.dialects.carry), and its answer, whatever its API, is written on where the client stands. A
stream of which nobody asks this has nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Problem, Usage
from engine.dialects import ASKED_IN, CODECS, crossing
from engine.dialects.carry import FORMS, carried, obstacle
from engine.dialects.codec import Losses, Written
from engine.dialects.following import Following
from engine.dialects.joint import Joint
from engine.dialects.translate import Translation
from engine.plan.family import family_of
from engine.serve.across import Across, asked, shows_thinking
from engine.serve.keeping import Keeping, forget

if TYPE_CHECKING:
    from engine.chat import Failure, Request
    from engine.dialects.base import Failing, Tap
    from engine.dialects.meter import Meter
    from engine.plan.nodes import Pool, Target
    from engine.serve.generation import Live
    from engine.serve.order import Order
    from engine.serve.road import Road


class Carry:
    """One stream, and what is needed to carry it on."""

    def __init__(self, order: Order) -> None:
        self._first = order
        """As the client asked."""
        self._order = order
        """As the target is asked that is tried now."""
        self._pool: Pool | None = None
        self._prefilled = False
        self._trail = CODECS[order.api].trail()
        self._usage = Usage()
        """What the tries took that broke off."""
        self.broke = 0
        """How often it has broken off and was to be carried on."""

    @property
    def going(self) -> bool:
        """Whether the next target is to carry on."""
        return self.broke > 0

    def ask(self, target: Target, pool: Pool, refused: frozenset[str]) -> Order:
        """Return what `target` is asked."""
        self._pool = pool
        if self.going:
            first = self._first
            self._prefilled = self._prefills(target, pool, refused)
            fields = carried(first.form, first.peek.fields, self._trail.text, prefill=self._prefilled)
            peek = msgspec.structs.replace(first.peek, fields=fields)
            body = msgspec.json.encode(fields)
            self._order = msgspec.structs.replace(first, peek=peek, body=body, _request=[])
        return self._order

    def tap(self, way: Road, target: Target, live: Live) -> Tap:
        """Return what the answer of `target` goes through."""
        inner = way.tap() if not self.going else self._back(way, target).carrying(self._trail, self._joint())
        return Following(inner, self._trail, live.scrub)

    def breaks(self, failure: Failure, meter: Meter) -> bool:
        """A stream broke off behind content; say whether another target may carry it on. `meter` has read it."""
        pool, trail = self._pool, self._trail
        assert pool is not None
        if pool.tuning.on_break == "error" or failure.reason not in pool.fallback_on:
            return False
        if not trail.plain or trail.stopped or self._request() is None:
            return False
        self._usage += meter.usage(self._order.input_tokens)
        self.broke += 1
        return True

    def rest(self) -> bytes | None:
        """Return all that is missing of a stream that broke off, None where it is more than its last word."""
        pool = self._pool
        return self._trail.rest() if pool is not None and pool.tuning.on_break == "continue" else None

    def broken(self, problem: Problem, failing: Failing) -> bytes | None:
        """As `Tap.broken` (engine.dialects.base), of a stream that nobody has carried on."""
        if not self.going:
            return None
        told = asked(self._first, self._first.decision.pools[0].targets[0], self._told(), shows=False, lost=Losses())
        return self._trail.encoder(told).broken(problem, failing)

    def _request(self) -> Request | None:
        """Return the conversation, None where it cannot be read here."""
        try:
            return self._first.request()
        except Problem:
            return None

    def _told(self) -> Request:
        request = self._request()
        assert request is not None  # else nothing is carried on
        return request

    def _prefills(self, target: Target, pool: Pool, refused: frozenset[str]) -> bool:
        """Say whether `target` goes on with a turn of its own: its family does, and does not think before it speaks."""
        first = self._first
        api = crossing(first.api, first.options(target).speaks, first.form) or first.api
        plan = first.visit.generation.plan
        family = family_of(plan, target, pool.tuning, ASKED_IN[api], refused)
        asks = self._told().reasoning
        thinks = asks is not None and (asks.mode not in (None, "off") or asks.effort not in (None, "none"))
        thinks = thinks or any(path.partition(".")[0] == "thinking" for path in pool.tuning.set)
        return family.prefill and "prefill" not in family.refused and not thinks

    def _back(self, way: Road, target: Target) -> Translation:
        """Return how an answer of `target` becomes one in the client's form."""
        if isinstance(way, Across):
            return way.back
        codec, order, request, lost = ASKED_IN[way.api], self._order, self._told(), Losses()
        keeping = Keeping(self._first, request, str(target))
        shows = shows_thinking(codec, request)
        told = asked(self._first, target, request, shows=shows, keep=lambda one: keeping.store(one, lost), lost=lost)
        return Translation(codec, codec, Written(body={}), told, forget, order.input_tokens)

    def _joint(self) -> Joint:
        return Joint(
            self._trail.text,
            prefilled=self._prefilled,
            stops=self._told().stop,
            before=self._usage,
            reads=self._order.input_tokens(),
        )


def carry(order: Order) -> Carry | None:
    """Return what it takes to carry the answer on, None where that is neither wished nor possible."""
    if not order.peek.stream or order.form not in FORMS or order.api not in CODECS:
        return None
    if all(pool.tuning.on_break == "error" for pool in order.decision.pools):
        return None
    return None if obstacle(order.form, order.peek.fields) else Carry(order)
