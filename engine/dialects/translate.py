"""One request on its way to a target that speaks another API, and the answer on its way back.

Hub and spoke: the client's codec reads, the upstream's codec writes, and back. Nothing here knows either API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import (
    Argued,
    Called,
    Failed,
    Finished,
    Loss,
    Problem,
    Refused,
    Sealed,
    Signed,
    Stopped,
    Thinking,
    Thought,
    Wrote,
)
from engine.dialects.clip import clipped
from engine.dialects.codec import Losses
from engine.dialects.fold import fold, unfold
from engine.dialects.pattern import matches
from engine.dialects.restore import Restore
from engine.dialects.thoughts import Thoughts
from engine.dialects.turns import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.chat import Block, Event, Failure, Mode, Request, Response
    from engine.dialects.base import Failing
    from engine.dialects.codec import Asked, Client, Codec, Decoder, Encoder, Family, Written
    from engine.dialects.joint import Joint
    from engine.dialects.trail import Trail

THOUGHTS = (Thought, Signed, Sealed)
BESIDE = "(beside the body)"
"""What stands for a path where something was not said in the body."""
UNSENT = ("", BESIDE)
"""The paths of what the client did not send: of reasoning that was kept for it, and of what it said beside the body."""
CONTENT = (Wrote, Thought, Signed, Sealed, Refused, Called, Argued, Stopped, Finished)
"""The events with which an answer has begun; a stream that says at once why it stopped has begun too."""


def read(codec: Client, body: bytes) -> Request:
    """Return a client's request in its normal form. Raises `Problem` (400)."""
    request = codec.read(body)
    losses = Losses(request.losses)
    messages = settled(request.messages, losses)
    return msgspec.structs.replace(request, messages=messages, losses=tuple(losses.found))


def only_of(request: Request, target: str, codec: Codec) -> Request:
    """Return `request` without the reasoning that is known to be of another model than `target` (upstream/model).

    `codec` is that of the API in which `target` is asked: where seals go, those of another API cannot.
    """

    def is_foreign(block: Block) -> bool:
        if not isinstance(block, Thinking):
            return False
        sealed = block.signature is not None or block.sealed is not None
        alien = sealed and codec.carries_reasoning and block.form != codec.api
        return alien or (block.model is not None and block.model != target)

    foreign = [block for message in request.messages for block in message.blocks if is_foreign(block)]
    if not foreign:
        return request
    losses = Losses(request.losses)
    for block in foreign:
        losses.approximated(block.at, "the reasoning of another model")
    messages = tuple(
        msgspec.structs.replace(message, blocks=tuple(block for block in message.blocks if not is_foreign(block)))
        for message in request.messages
    )
    messages = settled(messages, losses)  # a turn of nothing but reasoning stood between two others
    return msgspec.structs.replace(request, messages=messages, losses=tuple(losses.found))


def tied(request: Request, session: str | None) -> Request:
    """Return `request` with what its client calls the conversation beside the body, where the body has no name for it.

    An upstream that has no place for it loses nothing that was asked.
    """
    if session is None or request.session is not None:
        return request
    return msgspec.structs.replace(request, session=session, named={**request.named, "session": BESIDE})


def write(request: Request, codec: Codec, family: Family, model: str, mode: Mode, quiet: Sequence[str] = ()) -> Written:
    """Return the body for an upstream, with all that was lost. Raises `Problem` (400) where `mode` forbids that.

    `quiet` are patterns of paths that may be left out as if they were approximated.
    """
    written = codec.write(request, family, model)
    losses = [hushed(one, quiet) for one in (*request.losses, *written.losses) if one.path not in UNSENT]
    allow(losses, model, mode)
    return msgspec.structs.replace(written, losses=unique(losses))


def allow(losses: Sequence[Loss], model: str, mode: Mode) -> None:
    """Raise `Problem` (400) where `mode` forbids any of `losses` on the way to `model`."""
    forbidden = next(
        (loss for loss in losses if mode == "exact" or (mode == "strict" and loss.grade == "dropped")), None
    )
    if forbidden is not None:
        verb = "would be lost" if forbidden.grade == "dropped" else "would not be carried over exactly"
        raise Problem(
            400,
            "lossy_translation",
            f"`{forbidden.path}` {verb} on the way to `{clipped(model)}`: {forbidden.reason} (`translation: {mode}`); "
            f"leave it out, or ask for a model that is served in this API",
            param=forbidden.path,
        )


def hushed(loss: Loss, quiet: Sequence[str]) -> Loss:
    """Return `loss`, as approximated where what was dropped is of no account."""
    if loss.grade == "dropped" and any(matches(pattern, loss.path) for pattern in quiet):
        return Loss(loss.path, "approximated", loss.reason)
    return loss


def added(losses: Sequence[Loss], more: Sequence[Loss]) -> tuple[Loss, ...]:
    """Return `losses`, and of `more` what is lost elsewhere."""
    known = {loss.path for loss in losses if loss.grade == "dropped"}
    return (*losses, *(loss for loss in more if loss.path not in known))


def unique(losses: Sequence[Loss]) -> tuple[Loss, ...]:
    """Return each loss once, in order."""
    return tuple(dict.fromkeys(losses))


class Translation:
    """The way back: an upstream's answer in the client's form.

    `told` is given the reasoning of an answer that is whole, before the client learns that it is. `estimate` counts the
    input where a whole answer comes without its usage.
    """

    def __init__(
        self,
        client: Client,
        upstream: Codec,
        written: Written,
        asked: Asked,
        told: Callable[[Thoughts], None],
        estimate: Callable[[], int],
    ) -> None:
        self._client = client
        self._upstream = upstream
        self._written = written
        self._asked = asked
        self._told = told
        self._estimate = estimate
        self._thoughts = Thoughts(asked.source)

    def whole(self, body: bytes) -> bytes:
        """Return a JSON answer. Raises `Failed` when the upstream's is none."""
        return self.answer(self._upstream.read_answer(body))

    def answer(self, response: Response) -> bytes:
        """Return `response` as the client's JSON."""
        response = Restore(self._written).response(response)
        self._thoughts.see(unfold(response))
        self._told(self._thoughts)
        if not self._asked.thinking:
            shown = tuple(block for block in response.blocks if not isinstance(block, Thinking))
            response = msgspec.structs.replace(response, blocks=shown)
        asked = self._asked
        if response.usage is None:
            asked = msgspec.structs.replace(asked, input_tokens=self._estimate())
        return self._client.write_answer(response, asked)

    def folded(self, stream: bytes) -> bytes:
        """Return the JSON answer for an upstream that streamed although it was not asked to. Raises `Failed`."""
        decoder = self._upstream.decoder()
        events = [*decoder.feed(stream), *decoder.finish()]
        if decoder.failure is not None:
            raise Failed(decoder.failure)
        return self.answer(fold(events))

    def unfolded(self, body: bytes) -> bytes:
        """Return the whole stream for an upstream that answered one JSON object instead. Raises `Failed`."""
        return self.streamed(self._upstream.read_answer(body))

    def streamed(self, response: Response) -> bytes:
        """Return `response` as the client's whole stream."""
        return self._client.encoder(self._asked).feed(self.seen(Restore(self._written).events(unfold(response))))

    def seen(self, events: list[Event]) -> list[Event]:
        """Note the reasoning in `events`; return what the client is shown."""
        self._thoughts.see(events)
        if any(isinstance(event, Finished) for event in events):
            self._told(self._thoughts)
        return events if self._asked.thinking else [event for event in events if not isinstance(event, THOUGHTS)]

    def tap(self) -> TranslatingTap:
        decoder, encoder = self._upstream.decoder(), self._client.encoder(self._asked)
        return TranslatingTap(decoder, Restore(self._written), self.seen, encoder)

    def carrying(self, trail: Trail, joint: Joint) -> CarryingTap:
        """Return the tap for a stream that goes on where another one broke off."""
        encoder = trail.encoder(self._asked)
        return CarryingTap(self._upstream.decoder(), Restore(self._written), self.seen, encoder, joint)


class TranslatingTap:
    """Implements `Tap` (base.py) between two codecs."""

    told = False

    def __init__(
        self, decoder: Decoder, restore: Restore, seen: Callable[[list[Event]], list[Event]], encoder: Encoder
    ) -> None:
        self.committed = False
        self._decoder = decoder
        self._restore = restore
        self._seen = seen
        self._encoder = encoder
        self._held: list[Event] = []

    @property
    def failure(self) -> Failure | None:
        return None if self.over else self._decoder.failure

    @property
    def over(self) -> bool:
        return self._restore.over

    @property
    def ended(self) -> bool:
        return self.over or self._decoder.ended

    def feed(self, data: bytes) -> bytes:
        return self._take(self._decoder.feed(data))

    def finish(self) -> bytes:
        return self._take(self._decoder.finish())

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:
        return self._encoder.broken(problem, asked) if self.committed else None

    def _events(self, decoded: list[Event]) -> list[Event]:
        """Return what the client is told."""
        return self._seen(self._restore.events(decoded))

    def _take(self, decoded: list[Event]) -> bytes:
        events = self._events(decoded)
        if not self.committed:
            self._held += events
            begun = CONTENT if self.failure is None else CONTENT[:-2]
            if not any(isinstance(event, begun) for event in events):
                return b""
            self.committed = True
            events, self._held = self._held, []
        return self._encoder.feed(events)


class CarryingTap(TranslatingTap):
    """Goes on with a stream that broke off: nothing is told twice."""

    def __init__(
        self,
        decoder: Decoder,
        restore: Restore,
        seen: Callable[[list[Event]], list[Event]],
        encoder: Encoder,
        joint: Joint,
    ) -> None:
        super().__init__(decoder, restore, seen, encoder)
        self._joint = joint

    @property
    def over(self) -> bool:
        return super().over or self._joint.over

    def _events(self, decoded: list[Event]) -> list[Event]:
        return self._joint.events(super()._events(decoded))
