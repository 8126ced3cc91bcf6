"""Reasoning that an answer held, and its way back in front of the calls it led to."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Argued, Call, Called, Ended, Sealed, Signed, Stopped, Text, Thinking, Thought, Wrote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.chat import Block, Event, Form, Message, Request


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value


PLAIN = msgspec.json.Decoder(float_hook=_number)
"""JSON in which 1.0 is 1, as clients written in JavaScript send it back."""


class Remembered(msgspec.Struct, frozen=True):
    """A block of reasoning, and where it stood in its turn."""

    block: Thinking
    after_text: bool
    calls: int
    """How many calls of the turn came before it."""


def recalled(request: Request, find: Callable[[bytes, int], Sequence[Remembered]]) -> Request:
    """Return `request` with the reasoning put back that its client could not carry.

    `find` takes the mark of a turn's calls, and how often the same mark came before in this conversation: some
    upstreams give every call the same id.
    """
    seen: Counter[bytes] = Counter()
    messages = []
    for message in request.messages:
        mark = mark_of(message)
        if mark is not None:
            found = find(mark, seen[mark])
            seen[mark] += 1
            message = msgspec.structs.replace(message, blocks=_with_thoughts(message, found))  # noqa: PLW2901
        messages.append(message)
    return msgspec.structs.replace(request, messages=tuple(messages))


def mark_of(message: Message) -> bytes | None:
    """Return what tells the calls of a turn from those of any other turn; None if it called nothing."""
    calls = [(block.id, block.name, block.arguments) for block in message.blocks if isinstance(block, Call)]
    return marked(calls) if message.role == "assistant" and calls else None


def marked(calls: Iterable[tuple[str, str, str]]) -> bytes:
    """Return the mark of calls (id, name, arguments), however the client writes the JSON of their arguments."""
    same = [(call, name, _plain(arguments)) for call, name, arguments in calls]
    return hashlib.sha256(msgspec.json.encode(same, order="deterministic")).digest()


def _plain(arguments: str) -> Any:
    try:
        return PLAIN.decode(arguments) if arguments.strip() else {}
    except (msgspec.DecodeError, RecursionError):
        return arguments.strip()


def _with_thoughts(message: Message, kept: Sequence[Remembered]) -> tuple[Block, ...]:
    own = [block for block in message.blocks if isinstance(block, Thinking)]
    if not kept or any(block.signature or block.sealed for block in own):
        return message.blocks
    placed: list[Block] = []
    waiting = list(kept)
    spoken, called = False, 0
    for block in message.blocks:
        if isinstance(block, Thinking):
            continue
        if isinstance(block, Call):
            spoken = True
        while waiting and waiting[0].calls <= called and (spoken or not waiting[0].after_text):
            placed.append(waiting.pop(0).block)
        placed.append(block)
        spoken = spoken or isinstance(block, Text)
        called += isinstance(block, Call)
    return (*placed, *(one.block for one in waiting))


class Thoughts:
    """Gathers the reasoning of one answer, and the calls it led to. `source` is who thinks, as upstream/model."""

    __slots__ = ("_calls", "_source", "_spoken", "_text", "found")

    def __init__(self, source: str) -> None:
        self.found: list[Remembered] = []
        self._calls: dict[int, tuple[str, str, list[str]]] = {}
        self._source = source
        self._text: list[str] = []
        self._spoken = False

    @property
    def mark(self) -> bytes | None:
        """What tells these calls from others (`mark_of`); None without any."""
        if not self._calls:
            return None
        return marked((call, name, "".join(arguments)) for call, name, arguments in self._calls.values())

    def see(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Thought):
                self._text.append(event.text)
            elif isinstance(event, Signed):
                self._keep(signature=event.signature, form=event.form)
            elif isinstance(event, Sealed):
                self._keep(sealed=event.data, form=event.form)
            elif isinstance(event, Argued):
                self._calls[event.index][2].append(event.arguments)
            elif isinstance(event, (Wrote, Called, Ended, Stopped)):
                if self._text:
                    self._keep()
                self._spoken = self._spoken or isinstance(event, Wrote)
                if isinstance(event, Called):
                    self._calls[event.index] = (event.id, event.name, [])

    def _keep(self, signature: str | None = None, sealed: str | None = None, form: Form = "messages") -> None:
        text = "" if sealed is not None else "".join(self._text)
        block = Thinking(text=text, signature=signature, sealed=sealed, form=form, model=self._source)
        self.found.append(Remembered(block, self._spoken, len(self._calls)))
        if sealed is None:
            self._text.clear()
