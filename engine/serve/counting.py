"""The input of a conversation, counted: by a target of another API, or here where it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Failed, Failure
from engine.dialects import CODECS, COUNTS, ENDPOINTS, OWNERS
from engine.dialects.edits import apply
from engine.dialects.forced import takes
from engine.dialects.translate import only_of, write
from engine.plan.family import family_of
from engine.serve.headers import across
from engine.serve.road import ESTIMATED, Local, Road, uncounted

if TYPE_CHECKING:
    from engine.chat import Api, Headers, Language
    from engine.dialects.base import Tap
    from engine.plan.layers import Tuning
    from engine.plan.nodes import Target
    from engine.serve.order import Order

SAID = frozenset({"model", "system", "messages", "instructions", "input"})
"""What is counted of a request; of its parameters, only those that count endpoints take."""
ESTIMATE = "estimate; bytes/4*1.15, 1600 an image"
"""What x-turnout-estimate says of a count of ours (engine.dialects.measure)."""


class Counting(Road):
    """The input of a conversation, counted by a target of another API: exact, where its translation is."""

    def __init__(self, order: Order, target: Target, tuning: Tuning, api: Language, refused: frozenset[str]) -> None:
        self.api = api
        self.path = next(path for path, (_, endpoint) in ENDPOINTS.items() if endpoint.api == api)
        self._order = order
        self._dialect = OWNERS[api]
        codec = CODECS[COUNTS[api]]
        request = only_of(order.request(), str(target), codec)
        family = family_of(order.visit.generation.plan, target, tuning, codec, refused)
        written = write(request, codec, family, target.model, "lenient")
        headers = [*across(order.headers, stream=False), *written.headers]
        taken = {name: value for name, value in written.body.items() if name in SAID or takes(api, name)}
        sent, self.headers = apply(api, taken, headers, tuning)
        self.body = msgspec.json.encode(sent)

    def classify(self, status: int, headers: Headers, body: bytes) -> Failure:
        return self._dialect.classify(status, headers, body)

    def correction(self, failure: Failure) -> str | None:
        """A target that has no such endpoint, or takes something else than was written, is not asked again."""
        return uncounted(failure) or (ESTIMATED if failure.reason == "bad_request" else None)

    def whole(self, body: bytes, *, streamed: bool) -> tuple[bytes, bool]:
        try:
            tokens = COUNT.decode(body).input_tokens
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Failed(Failure(reason="disconnect", message="the upstream sent no count")) from None
        return count_of(self._order.api, tokens), streamed

    def tap(self) -> Tap:
        raise Failed(Failure(reason="disconnect", message="the upstream answered a count with a stream"))


class Count(msgspec.Struct):
    input_tokens: int


COUNT = msgspec.json.Decoder(Count)


def count_of(api: Api, tokens: int) -> bytes:
    """Return a count in the client's form."""
    head = {"object": "response.input_tokens"} if api == "input_tokens" else {}
    return msgspec.json.encode({**head, "input_tokens": tokens})


def counted(order: Order) -> Local:
    """Return our own count for a target that cannot count, marked as the estimate it is."""
    return Local(count_of(order.api, order.input_tokens()), estimate=ESTIMATE)
