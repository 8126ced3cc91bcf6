"""Writes a stream for a client of legacy completions. One object per stream, sans-io.

A chunk has the form of a whole answer. Tabby panics over a chunk without `choices` or a `text` that is no string, until
it has read a `finish_reason`: that stands in a chunk of its own, before the usage and before [DONE].

Protocol facts: openai 3.54 (types/completion.py, _streaming.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import (
    Argued,
    Called,
    Ended,
    Finished,
    Lost,
    Refused,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Thought,
    Used,
    Wrote,
)
from engine.dialects.completions.write_answer import CALLS, REFUSAL, THOUGHTS, choice_of, echoed, finish, head
from engine.dialects.lost import UNTOLD
from engine.dialects.measure import octets
from engine.dialects.openai.answers import explanation, guessed, note_stop
from engine.dialects.openai.choice import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.chat import Event, Problem, Usage
    from engine.dialects.base import Failing
    from engine.dialects.codec import Asked

DONE = b"data: [DONE]\n\n"
GOING = {"finish_reason": None}


class CompletionEncoder:
    """Implements `Encoder` (codec.py)."""

    __slots__ = ("_asked", "_finished", "_head", "_refused", "_size", "_started", "_stop", "_tail", "_usage")

    def __init__(self, asked: Asked) -> None:
        self._head = b"data: " + msgspec.json.encode(head(asked))[:-1] + b',"choices":['
        self._tail = b'],"usage":null}\n\n' if asked.usage else b"]}\n\n"
        self._asked = asked
        self._started = False
        self._finished = False
        self._refused = False
        self._stop = Stop(reason="end")
        self._usage: Usage | None = None
        self._size = 0
        """Bytes the model wrote while nothing was known of its usage."""

    def feed(self, events: Iterable[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if self._finished:
                break
            if not self._started:
                self._started = True
                self._say(echoed(self._asked), out)
            WRITERS[type(event)](self, event, out)
        return b"".join(out)

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:  # noqa: ARG002 - an error stands by itself
        return None

    def _say(self, text: str, out: list[bytes], ending: dict[str, Any] = GOING) -> None:
        if text or ending is not GOING:
            out.append(self._head + msgspec.json.encode(choice_of(text, ending)) + self._tail)

    def _weigh(self, said: str) -> None:
        if self._usage is None:
            self._size += octets(said)

    def _pass(self, _event: Event, _out: list[bytes]) -> None:
        """Nothing of it is for the client."""

    def _write(self, event: Wrote, out: list[bytes]) -> None:
        self._weigh(event.text)
        self._say(event.text, out)

    def _refuse(self, event: Refused, out: list[bytes]) -> None:
        self._weigh(event.text)
        self._decline(event.text, out)

    def _decline(self, text: str, out: list[bytes]) -> None:
        if text:
            self._refused = True
            self._asked.lost.once(REFUSAL)
            self._say(text, out)

    def _think(self, event: Thought | Signed | Sealed, _out: list[bytes]) -> None:
        if isinstance(event, Thought):
            self._weigh(event.text)
        self._asked.lost.once(THOUGHTS)

    def _call(self, _event: Called, _out: list[bytes]) -> None:
        self._asked.lost.once(CALLS)

    def _argue(self, event: Argued, _out: list[bytes]) -> None:
        self._weigh(event.arguments)

    def _use(self, event: Used, _out: list[bytes]) -> None:
        self._usage = event.usage

    def _stopped(self, event: Stopped, _out: list[bytes]) -> None:
        self._stop = event.stop
        note_stop(event.stop, self._asked)

    def _lose(self, event: Lost, _out: list[bytes]) -> None:
        self._asked.lost.once(event.loss)

    def _finish(self, _event: Finished, out: list[bytes]) -> None:
        if not self._refused:
            self._decline(explanation(self._stop) or "", out)
        self._say("", out, finish(self._stop, refused=self._refused))
        if self._asked.usage:
            if self._usage is None or self._usage.estimated:
                self._asked.lost.once(UNTOLD)
            usage = counted(self._usage or guessed(self._asked, self._size))
            out.append(self._head + b'],"usage":' + msgspec.json.encode(usage) + b"}\n\n")
        out.append(DONE)
        self._finished = True


WRITERS: dict[type[Event], Callable[[CompletionEncoder, Any, list[bytes]], None]] = {
    Started: CompletionEncoder._pass,
    Wrote: CompletionEncoder._write,
    Refused: CompletionEncoder._refuse,
    Thought: CompletionEncoder._think,
    Signed: CompletionEncoder._think,
    Sealed: CompletionEncoder._think,
    Called: CompletionEncoder._call,
    Argued: CompletionEncoder._argue,
    Ended: CompletionEncoder._pass,
    Used: CompletionEncoder._use,
    Lost: CompletionEncoder._lose,
    Stopped: CompletionEncoder._stopped,
    Finished: CompletionEncoder._finish,
}
