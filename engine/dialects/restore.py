"""Undoes on the way back what was done to a request on the way out, as `Written` tells. Knows no vendor.

Tool names, free-text tools that went as functions, the tool that stood in for a structured answer, the fence around
JSON that a model was only told to answer in, and stop sequences that the model does not take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from engine.chat import Argued, Call, Called, Ended, Event, Finished, Lost, Stop, Stopped, Text, Thought, Used, Wrote
from engine.dialects.measure import octets, tokens
from engine.dialects.shaped import Shaped
from engine.dialects.trim import Cut, Fence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Block, Response, Usage
    from engine.dialects.codec import Written


class Step(Protocol):
    """One thing that is undone."""

    def event(self, event: Event) -> list[Event]: ...

    def response(self, response: Response) -> Response: ...


class Restore:
    """The way back of one request. `events` is stateful: one object per stream."""

    def __init__(self, written: Written) -> None:
        steps: list[Step] = []
        self._trimmed: Trimmed | None = None
        if written.shaped is not None:
            steps.append(Shaped(written.shaped))
        if written.fenced or written.stop:
            self._trimmed = Trimmed(written.fenced, written.stop)
            steps.append(self._trimmed)
        if written.names or written.customs:
            steps.append(Named(written.names, written.customs))
        self._steps = steps

    @property
    def over(self) -> bool:
        """A stop sequence was met and the stream ended there: nothing that still comes is for the client."""
        return self._trimmed is not None and self._trimmed.over

    def events(self, events: Iterable[Event]) -> list[Event]:
        """Return the events as the client is to see them; some are held until it is known what follows.

        `events` are all that is known by now: where they cut the answer, and do not tell how it ended, it ends there.
        """
        found = list(events)
        for step in self._steps:
            found = [event for one in found for event in step.event(one)]
            if step is self._trimmed:
                found += self._trimmed.ending()
        return found

    def response(self, response: Response) -> Response:
        """Return the whole answer as the client is to see it."""
        for step in self._steps:
            response = step.response(response)
        return response


class Trimmed:
    """Text without a fence around it, and the answer cut at a stop sequence; until its end, usage still passes."""

    def __init__(self, fenced: bool, stops: tuple[str, ...]) -> None:
        self._fenced = fenced
        self._stops = stops
        self._fence = Fence()
        self._cut = Cut(stops)
        self._begun: set[int] = set()
        """The calls that began before the cut: they are told to their end."""
        self._open: set[int] = set()
        """Those of them that have not ended."""
        self._usage: Usage | None = None
        self._size = 0
        """Bytes the model wrote."""
        self._stopped = False
        """Why it stopped was told, or all."""
        self.over = False

    def event(self, event: Event) -> list[Event]:
        if self.over:
            return []
        self._stopped = self._stopped or isinstance(event, (Stopped, Finished))
        if isinstance(event, (Wrote, Thought)):
            self._size += octets(event.text)
        elif isinstance(event, Argued):
            self._size += octets(event.arguments)
        elif isinstance(event, Used):
            self._usage = event.usage
        elif isinstance(event, Ended) and event.index is not None:
            self._open.discard(event.index)
        return self._trim(event)

    def ending(self) -> list[Event]:
        """Return the end of an answer that was cut, once its calls are whole."""
        if self._cut.hit is None or self._open or self._stopped or self.over:
            return []
        self.over = True
        end: list[Event] = [Stopped(self._stop(bool(self._begun)))]
        if self._usage is not None:  # what was told while the model was writing is not what it wrote in the end
            output = max(self._usage.output, tokens(self._size))
            end.append(Used(msgspec.structs.replace(self._usage, output=output, estimated=True)))
        return [*end, Finished()]

    def _trim(self, event: Event) -> list[Event]:
        if isinstance(event, Wrote):
            return _wrote(self._cut.feed(self._fence.feed(event.text) if self._fenced else event.text))
        if isinstance(event, (Used, Lost)):
            return [event]
        if isinstance(event, Argued) or (isinstance(event, Ended) and event.index is not None):
            return [event] if event.index in self._begun else []
        tail = _wrote(self._end())
        if self._cut.hit is None:
            if isinstance(event, Called):
                self._begun.add(event.index)
                self._open.add(event.index)
            return [*tail, event]
        if isinstance(event, Stopped):
            return [*tail, Stopped(self._stop(bool(self._begun)))]
        return [*tail, event] if isinstance(event, Finished) else tail

    def response(self, response: Response) -> Response:
        blocks: list[Block] = []
        for block in response.blocks:
            if not isinstance(block, Text):
                blocks.append(block)
                continue
            text = self._cut.feed(self._fence.feed(block.text) if self._fenced else block.text) + self._end()
            if text:
                blocks.append(msgspec.structs.replace(block, text=text))
            if self._cut.hit is not None:
                stop = self._stop(any(isinstance(one, Call) for one in blocks))
                return msgspec.structs.replace(response, blocks=tuple(blocks), stop=stop)
        return msgspec.structs.replace(response, blocks=tuple(blocks))

    def _stop(self, called: bool) -> Stop:
        """The sequence is why it stopped, unless there are calls that wait for their results."""
        return Stop(reason="tool") if called else Stop(reason="sequence", sequence=self._cut.hit)

    def _end(self) -> str:
        """A text is over: return what is left of it."""
        return (self._cut.feed(self._fence.end()) if self._fenced else "") + self._cut.end()


class Named:
    """Tools under the client's own names, and free text out of the functions it went in."""

    def __init__(self, names: dict[str, str], customs: frozenset[str]) -> None:
        self._names = names
        self._customs = customs
        self._wrapped: dict[int, list[str]] = {}
        """Free-text calls that are open: index -> their arguments, which tell the text only when they are whole."""

    def event(self, event: Event) -> list[Event]:
        if isinstance(event, Called):
            if event.name in self._customs:
                self._wrapped[event.index] = []
            kind = "custom" if event.name in self._customs else event.kind
            return [Called(event.index, event.id, self._names.get(event.name, event.name), kind)]
        if isinstance(event, Argued) and event.index in self._wrapped:
            self._wrapped[event.index].append(event.arguments)
            return []
        if isinstance(event, Ended) and event.index is not None:
            return [*self._unwrapped(event.index), event]
        if isinstance(event, (Stopped, Finished)):
            return [*(one for index in tuple(self._wrapped) for one in self._unwrapped(index)), event]
        return [event]

    def response(self, response: Response) -> Response:
        blocks = tuple(self._called(block) if isinstance(block, Call) else block for block in response.blocks)
        return msgspec.structs.replace(response, blocks=blocks)

    def _unwrapped(self, index: int) -> list[Event]:
        text = unwrapped("".join(self._wrapped.pop(index, ())))
        return [Argued(index, text)] if text else []

    def _called(self, call: Call) -> Call:
        name = self._names.get(call.name, call.name)
        if call.name not in self._customs:
            return msgspec.structs.replace(call, name=name)
        return msgspec.structs.replace(call, name=name, kind="custom", arguments=unwrapped(call.arguments))


def unwrapped(arguments: str) -> str:
    """Return the text of a call that went as a function with one argument `input`; a model that did not keep to that
    is told what it wrote."""
    try:
        wrapped = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments
    text = wrapped.get("input") if isinstance(wrapped, dict) else None
    return text if isinstance(text, str) else arguments


def _wrote(text: str) -> list[Event]:
    return [Wrote(text)] if text else []
