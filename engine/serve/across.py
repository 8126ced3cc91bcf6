"""The way to a target that speaks another API: translated, there and back."""

from __future__ import annotations

import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Failure
from engine.clients.profile import BOTH
from engine.dialects import CLIENTS, OWNERS
from engine.dialects.codec import Asked, Losses
from engine.dialects.edits import apply
from engine.dialects.forced import forced
from engine.dialects.thoughts import recalled
from engine.dialects.translate import Translation, added, allow, only_of, write
from engine.plan.family import family_of
from engine.plan.pinned import PREVIOUS
from engine.serve.continued import not_found
from engine.serve.headers import across
from engine.serve.keeping import Keeping, forget
from engine.serve.road import Local, Road, placed

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Headers, Loss, Request
    from engine.dialects.base import Peek, Tap
    from engine.dialects.codec import Client, Codec, Written
    from engine.plan.layers import Tuning
    from engine.plan.nodes import Target
    from engine.serve.order import Order

    Keep = Callable[[dict[str, Any]], None]

ENCRYPTED = b'"reasoning.encrypted_content"'
"""What a client of the Responses API includes that sends reasoning back."""
TALKING = frozenset({"bad_request", "context_length"})
"""The reasons that may name what is too much."""


class Across(Road):
    """Translated: from the client's form into `engine.chat`, from there into the target's, and back."""

    def __init__(self, order: Order, target: Target, tuning: Tuning, codec: Codec, refused: frozenset[str]) -> None:
        self.api = codec.api
        self.path = codec.path
        self._codec = codec
        client = CLIENTS[order.api]
        if order.continued.keeper is not None and order.continued.previous is not None:
            raise not_found(order.continued.previous)
        self._order = order
        self._target = target
        request = order.request()
        keeping = Keeping(order, request, str(target))
        lost = Losses()
        keep = partial(keeping.store, lost=lost)
        self._asked = asked(order, target, request, shows=shows_thinking(client, request), keep=keep, lost=lost)
        carried = self._asked.thinking and brings_reasoning(client, order.peek)
        request = only_of(recalled(request, keeping.recall), str(target), codec)
        plan = order.visit.generation.plan
        live = order.visit.generation.live[target.upstream].driver
        known = getattr(live, "family", None)  # what runs inside Turnout knows what it is
        family = known(target.model) if known is not None else family_of(plan, target, tuning, codec, refused)
        quiet = order.client.quiet if order.client else ()
        written = write(request, codec, family, target.model, tuning.translation, quiet)
        headers = [*across(order.headers, stream=order.peek.stream), *written.headers]
        sent, self.headers = apply(self.api, written.body, headers, tuning)
        self.body = msgspec.json.encode(sent)
        fixed = {path.partition(".")[0] for path in forced(self.api, tuning.set)}
        self._ours = {name: value for name, value in sent.items() if name not in fixed}
        """What can be left out of the body: not what the file forces."""
        own = order.continued.placed
        losses = tuple(msgspec.structs.replace(one, path=own(one.path)) for one in written.losses)
        self._lost = added(losses, order.options(target).unmet(order.peek.fields))
        allow(self._lost, target.model, tuning.translation)
        told = forget if carried else keeping.keep
        self.back = Translation(client, codec, written, self._asked, told, order.input_tokens)
        self.local = self._own_answer(written)
        """Set where there is nothing to ask the target."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the request lost, and what the answer has lost so far."""
        return (*self._lost, *self._asked.lost.found)

    def classify(self, status: int, headers: Headers, body: bytes) -> Failure:
        failure = OWNERS[self.api].classify(status, headers, body)
        return placed(failure, self._target, self.path) if self.api == "responses" else failure

    def correction(self, failure: Failure) -> str | None:
        return self._codec.correction(failure, self._ours) if failure.reason in TALKING else None

    def lasting(self, words: frozenset[str]) -> frozenset[str]:
        return frozenset(word for word in words if not self._codec.once(word))

    def whole(self, body: bytes, *, streamed: bool) -> tuple[bytes, bool]:
        if self._order.peek.stream:
            return self.back.unfolded(body), True
        return (self.back.folded(body) if streamed else self.back.whole(body)), False

    def tap(self) -> Tap:
        return self.back.tap()

    def _own_answer(self, written: Written) -> Local | None:
        if written.answered is None:
            return None
        if self._order.peek.stream:
            return Local(self.back.streamed(written.answered), streamed=True, losses=self.losses)
        return Local(self.back.answer(written.answered), losses=self.losses)


def brings_reasoning(client: Client, peek: Peek) -> bool:
    """Say whether the client sends back what it is given of the model's reasoning.

    In the Responses API it asks for the seals that it needs for that; Cline and others leave it to the vendor.
    """
    return client.carries_reasoning and (
        client.api != "responses" or ENCRYPTED in bytes(peek.fields.get("include", b""))
    )


def shows_thinking(client: Client, request: Request) -> bool:
    """Say whether the client is shown reasoning: where its API has a switch for it, only if that is on."""
    return client.shows_reasoning or (request.reasoning is not None and request.reasoning.mode not in (None, "off"))


def asked(
    order: Order, target: Target, request: Request, *, shows: bool, lost: Losses, keep: Keep | None = None
) -> Asked:
    """Return what the answer needs to know of the request. The input is only counted for streams, which tell it early;
    a whole answer has it counted where the upstream does not say."""
    room = order.visit.generation.plan.responses
    keeps = bool(room.entries and room.seconds)
    return Asked(
        model=order.shown_model(target),
        id=secrets.token_hex(12),
        created=int(time.time()),
        usage=request.usage,
        legacy=request.legacy,
        thinking=shows,
        input_tokens=order.input_tokens() if order.peek.stream else 0,
        reasoning=order.client.reasoning if order.client else BOTH,
        source=str(target),
        tools=request.tools,
        keep=keep,
        lost=lost,
        echo={**request.echo, PREVIOUS: order.continued.previous, **({} if keeps else {"store": False})},
    )
