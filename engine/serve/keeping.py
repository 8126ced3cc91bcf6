"""What is kept of a translated answer: its reasoning, where the client cannot carry that, and the whole of a response.

It knows the order, and not the way that uses it: nothing of a request may hold itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from engine.chat import Loss
from engine.dialects.thoughts import mark_of
from engine.serve.recall import topic_of
from engine.serve.shared import lend_response, lend_thoughts
from engine.serve.stored import stored

if TYPE_CHECKING:
    from engine.chat import Request
    from engine.dialects.codec import Losses
    from engine.dialects.thoughts import Remembered, Thoughts
    from engine.serve.order import Order

TOO_LARGE = Loss("store", "dropped", "the response is larger than state.responses.size: it is not kept")


class Keeping:
    """The memory of one order. `source` is who answers, as upstream/model."""

    def __init__(self, order: Order, request: Request, source: str) -> None:
        self._order = order
        self._source = source
        self._topic = topic_of(request)
        self._before = Counter(map(mark_of, request.messages))

    def recall(self, mark: bytes, before: int) -> tuple[Remembered, ...]:
        """Return what was thought in an earlier turn, by the same model."""
        order = self._order
        kept = order.recall.find(order.caller, (self._topic, mark, before), order.visit.loop.time())
        return tuple(one for one in kept if one.block.model == self._source)

    def keep(self, thoughts: Thoughts) -> None:
        """Keep the reasoning that the client has no place for."""
        if thoughts.mark is None:
            return
        order = self._order
        place = (self._topic, thoughts.mark, self._before[thoughts.mark])
        order.recall.keep(order.caller, place, thoughts.found, order.visit.loop.time())
        lend_thoughts(order, place, thoughts.found)

    def store(self, response: dict[str, Any], lost: Losses) -> None:
        """Keep a response to which the client may come back; note in `lost` where there is no room for it."""
        order = self._order
        if order.form != order.api or response.get("store") is False:
            return
        one = stored(response, order.continued.before, order.continued.asked)
        room = order.visit.generation.plan.responses
        if order.responses.keep(order.caller, one, room, order.visit.loop.time()):
            lend_response(order, one)
        elif room.entries:
            lost.once(TOO_LARGE)


def forget(thoughts: Thoughts) -> None:
    """Keep nothing: the client itself brings the reasoning back."""
