"""The way of one request to one target, and of the answer back. The relay does not care which way it is.

`Straight`, where the target speaks the client's API: the bytes pass. The other ways are in `across.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from engine.chat import Failed, Failure, Loss
from engine.dialects import COUNTS
from engine.dialects.edits import apply
from engine.dialects.finishing import LAST as FINISHED
from engine.dialects.finishing import FinishingTap
from engine.dialects.messages import seals as messages
from engine.dialects.responses import seals as responses
from engine.dialects.translate import allow
from engine.dialects.unasked import FIELD as USAGE
from engine.dialects.unasked import Unasked, asking, names_it
from engine.plan.needs import asks
from engine.serve.shared import lend_response
from engine.serve.stored import Stored

if TYPE_CHECKING:
    from engine.chat import Headers, Language
    from engine.dialects.base import Tap
    from engine.plan.layers import Tuning
    from engine.plan.nodes import Target
    from engine.serve.order import Order

ESTIMATED = "estimated"
"""The correction by which we count ourselves, because a target cannot."""
ELSEWHERE = "responses"
"""The correction by which a chat request goes to the Responses API of its target."""
EFFORT_ELSEWHERE = "responses:effort"
"""Likewise, of requests with both tools and a reasoning effort."""
CONVERSED = "conversed"
"""The correction by which a completion goes to its target as a conversation."""
ABSENT = frozenset({404, 405, 501})
"""What servers answer at an endpoint that they do not have. A missing *model* is named in the answer."""
NOWHERE = ("not found", "method not allowed", "404 page not found")
"""All that servers say of an endpoint that they do not have (FastAPI, Go), in lower case."""
WELL_FORMED = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Local(msgspec.Struct, frozen=True):
    """An answer of our own, in the client's form. `estimate` says how a number in it was come by."""

    body: bytes
    streamed: bool = False
    estimate: str | None = None
    losses: tuple[Loss, ...] = ()


class Road(ABC):
    """One request and one target."""

    straight = False
    """The target's own words (its errors, its headers) are in the client's API."""
    api: Language
    path: str
    query: bytes = b""
    headers: Headers
    body: bytes

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the client's request and its answer lose on this way."""
        return ()

    @abstractmethod
    def classify(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Say why the target answered `status` (>= 400)."""

    @abstractmethod
    def whole(self, body: bytes, *, streamed: bool) -> tuple[bytes, bool]:
        """Return a complete answer as the client gets it, and whether it is a stream. Raises `Failed`.

        `streamed` tells whether the target sent a stream.
        """

    @abstractmethod
    def tap(self) -> Tap:
        """Return what a streamed answer goes through."""

    @abstractmethod
    def correction(self, failure: Failure) -> str | None:
        """Return what can be done without at this target, as `failure` says; None if nothing can."""

    def lasting(self, words: frozenset[str]) -> frozenset[str]:
        """Return which of `words` hold for other requests too."""
        return words


def placed(failure: Failure, target: Target, path: str) -> Failure:
    """Return `failure`; where a server does not know the endpoint at all, as one that another target may do better.

    It is no fault of the client's, and says nothing of the model: servers answer so before they look at the request.
    """
    if failure.status not in ABSENT or failure.message.lower() not in (
        *NOWHERE,
        f"the upstream answered {failure.status}",
    ):
        return failure
    message = f"upstream `{target.upstream}` has no {path}; say in `apis` of the upstream what it speaks"
    return Failure(reason="server_error", message=message)


def uncounted(failure: Failure) -> str | None:
    """Return the correction for a target that has no endpoint to count at."""
    return ESTIMATED if failure.status in ABSENT and "model" not in failure.message.lower() else None


Unseal = Callable[[dict[str, msgspec.Raw]], dict[str, msgspec.Raw]]
UNSEALED: dict[str, Unseal] = {
    "messages": messages.unsealed,
    "responses": responses.unsealed,
}
"""Form of a request -> how reasoning under our own seal is taken out of its bodies."""


def elsewhere(failure: Failure) -> str | None:
    """Return the correction for a model that can be asked this in the Responses API only, as OpenAI's 400 and 404 say.

    Some models know no other API; some refuse a reasoning effort beside tools in chat completions.
    """
    if "v1/responses" not in failure.message:
        return None
    return EFFORT_ELSEWHERE if "reasoning_effort" in failure.message else ELSEWHERE


def conversing(failure: Failure) -> str | None:
    """Return the correction for a model that only holds conversations, and for a server without /v1/completions.

    OpenAI says it of a model with 404, and names both endpoints.
    """
    chats = "v1/completions" in failure.message and "v1/chat/completions" in failure.message
    absent = failure.status in ABSENT and "model" not in failure.message.lower()
    return CONVERSED if chats or absent else None


class Straight(Road):
    """Byte for byte, but for `model` and what the file sets."""

    straight = True

    def __init__(self, order: Order, target: Target, tuning: Tuning, refused: frozenset[str]) -> None:
        self.api = order.api
        self.path = order.path
        self.query = order.query
        self.headers = order.headers
        peek = order.peek
        if order.sealed:
            peek = msgspec.structs.replace(peek, fields=UNSEALED[order.form](peek.fields))
        if tuning.edits or tuning.strip:
            fields, self.headers = apply(self.api, peek.fields, self.headers, tuning)
            peek = msgspec.structs.replace(peek, fields=fields)
        self._target = target
        self._order = order
        self._asks = False
        """The usage is asked for, which the client did not."""
        if peek.stream and USAGE not in refused and asks(order.visit.generation.plan, self.api, target, tuning):
            told = asking(peek.fields)
            self._asks = told is not peek.fields
            peek = msgspec.structs.replace(peek, fields=told)
        self._lost = order.options(target).unmet(peek.fields)
        if self._lost:
            allow(self._lost, target.model, tuning.translation)
        self.body = peek.renamed(target.model)
        shown = order.shown_model(target)
        self._rename = None if shown == target.model else shown
        self._dialect = order.dialect
        self._kept = self.api == "responses" and bytes(peek.fields.get("store", b"")) != b"false"
        """The target keeps the response, and the client may come back to it."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self._lost

    def classify(self, status: int, headers: Headers, body: bytes) -> Failure:
        failure = self._dialect.classify(status, headers, body)
        return placed(failure, self._target, self.path) if self.api == "responses" else failure

    def correction(self, failure: Failure) -> str | None:
        """What the client wrote is the client's to correct; but we can count where nobody else does, and ask in
        another API of the target where that is all it lacks."""
        if self.api in COUNTS:
            return uncounted(failure)
        if self._asks and failure.reason == "bad_request" and names_it(failure):
            return USAGE
        if self.api == "chat" and "responses" in self._order.options(self._target).speaks:
            return elsewhere(failure)
        return conversing(failure) if self.api == "completions" else None

    def whole(self, body: bytes, *, streamed: bool) -> tuple[bytes, bool]:
        if self._kept:
            self._keep(body)
        if self._rename is not None:
            return self._dialect.renamed(self._order.api, body, self._rename), streamed
        try:
            WELL_FORMED.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            message = f"{self._target} sent a malformed or truncated answer"
            raise Failed(Failure(reason="disconnect", message=message)) from None
        return body, streamed

    def tap(self) -> Tap:
        tap: Tap = self._dialect.tap(self._order.api, self._rename, self._keep if self._kept else None)
        if self._asks:
            tap = Unasked(tap)
        client = self._order.client
        return FinishingTap(tap, self._order.api) if client and client.finish and self.api in FINISHED else tap

    def _keep(self, answer: bytes) -> None:
        """Note who keeps the response that `answer` is, or, in a stream, that an event of it tells of."""
        ident, *items = self._dialect.identities(answer) or (None,)
        if ident is not None:
            order = self._order
            stored = Stored(id=ident, upstream=self._target.upstream, index=dict.fromkeys(items))
            order.responses.keep(order.caller, stored, order.visit.generation.plan.responses, order.visit.loop.time())
            lend_response(order, stored)
