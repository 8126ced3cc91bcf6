"""A whole answer as a stream, and a stream as a whole answer. Knows no API.

`fold(unfold(response))` is the response again, if it holds no empty block and nothing that only its own vendor knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from engine.chat import (
    Argued,
    Call,
    Called,
    Ended,
    Finished,
    Lost,
    Opaque,
    Refusal,
    Refused,
    Response,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Text,
    Thinking,
    Thought,
    Used,
    Wrote,
)
from engine.dialects.lost import opaque

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.chat import Block, Event, Loss

Spoken: TypeAlias = Wrote | Thought | Refused


class Run:
    """A block that grows: the pieces of one kind in a row."""

    __slots__ = ("kind", "pieces", "seal")

    def __init__(self, kind: type[Spoken]) -> None:
        self.kind = kind
        self.pieces: list[str] = []
        self.seal: Signed | None = None

    def block(self) -> Block:
        text = "".join(self.pieces)
        if self.kind is Thought:
            return Thinking(text=text) if self.seal is None else replace(seal_of(self.seal), text=text)
        return Text(text=text) if self.kind is Wrote else Refusal(text=text)


class Calling:
    """A call whose arguments come in pieces."""

    __slots__ = ("call", "pieces")

    def __init__(self, event: Called) -> None:
        self.call = event
        self.pieces: list[str] = []

    def block(self) -> Block:
        call = self.call
        return Call(id=call.id, name=call.name, arguments="".join(self.pieces), kind=call.kind)


class Sealing:
    """Reasoning that only the vendor can read."""

    __slots__ = ("event",)

    def __init__(self, event: Sealed) -> None:
        self.event = event

    def block(self) -> Block:
        return Thinking(sealed=self.event.data, form=self.event.form)


def seal_of(event: Signed) -> Thinking:
    return Thinking(signature=event.signature, form=event.form)


def fold(events: Iterable[Event]) -> Response:
    """Return the answer that a stream tells."""
    ident, model = "", ""
    blocks: list[Run | Calling | Sealing] = []
    calls: dict[int, Calling] = {}
    run: Run | None = None
    stop, usage = Stop(reason="end"), None
    losses: list[Loss] = []
    for event in _heard(events, losses):
        if isinstance(event, Wrote | Thought | Refused):
            run = _grow(blocks, run, event)
        elif isinstance(event, Signed):
            if run is None or run.kind is not Thought:
                run = Run(Thought)
                blocks.append(run)
            run.seal = event
            run = None
        elif isinstance(event, Sealed):
            blocks.append(Sealing(event))
            run = None
        elif isinstance(event, Called):
            calls[event.index] = Calling(event)
            blocks.append(calls[event.index])
            run = None
        elif isinstance(event, Argued):
            calls[event.index].pieces.append(event.arguments)
        elif isinstance(event, Ended):
            run = run if event.index is not None else None
        elif isinstance(event, Started):
            ident, model = event.id, event.model
        elif isinstance(event, Stopped):
            stop = event.stop
        elif isinstance(event, Used):
            usage = event.usage
    answered = tuple(one.block() for one in blocks)
    return Response(id=ident, model=model, blocks=answered, stop=stop, usage=usage, losses=tuple(losses))


def _heard(events: Iterable[Event], losses: list[Loss]) -> Iterator[Event]:
    """Return the events of the answer itself; what it lost goes to `losses`."""
    for event in events:
        if isinstance(event, Lost):
            losses.append(event.loss)
        else:
            yield event


def _grow(blocks: list[Run | Calling | Sealing], run: Run | None, event: Spoken) -> Run:
    """Add a piece to the block it belongs to, and return that."""
    if run is None or run.kind is not type(event):
        run = Run(type(event))
        blocks.append(run)
    run.pieces.append(event.text)
    return run


def unfold(response: Response) -> list[Event]:
    """Return the stream that tells an answer: each block in one piece."""
    events: list[Event] = [Started(response.id, response.model), *map(Lost, response.losses)]
    calls = 0
    for block in response.blocks:
        if isinstance(block, Call):
            events.append(Called(calls, block.id, block.name, block.kind))
            if block.arguments:
                events.append(Argued(calls, block.arguments))
            events.append(Ended(calls))
            calls += 1
        else:
            events += _told(block)
    events.append(Stopped(response.stop))
    if response.usage is not None:
        events.append(Used(response.usage))
    return [*events, Finished()]


def _told(block: Block) -> list[Event]:
    """Return the events of a block that is no call; of what only its own vendor knows, that it is lost."""
    if isinstance(block, Opaque):
        return [Lost(opaque(block))]
    if isinstance(block, Text):
        return [Wrote(block.text), Ended()]
    if isinstance(block, Refusal):
        return [Refused(block.text), Ended()]
    if not isinstance(block, Thinking):
        return []
    thought: list[Event] = [Thought(block.text)] if block.text else []
    if block.sealed is not None:
        return [*thought, *([Ended()] if thought else []), Sealed(block.sealed, block.form)]
    return [*thought, Signed(block.signature, block.form) if block.signature else Ended()]
