"""Reads a stream of the Responses API. One object per stream, sans-io.

Strict servers and careless ones: no numbers, no parts, an output that only the end tells, errors flat and nested, a
[DONE] behind it all.

Protocol facts: openai 3.54 (types/responses/response_stream_event.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Failure, Finished, Lost, Refused, Started, Stopped, Thought, Used, Wrote
from engine.dialects.failure import text
from engine.dialects.openai import errors
from engine.dialects.responses.errors import ENDS, FAILED, confessed, end_of
from engine.dialects.responses.output import Output
from engine.dialects.responses.read_answer import BROKEN, stop_of, unheard, usage_of
from engine.dialects.responses.read_output import WORDS, Spoken, arguments
from engine.dialects.sse import Splitter, parse
from engine.dialects.tap import EVENT_LIMIT, malformed

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Event


class Telling(msgspec.Struct, frozen=True):
    """How the events of a text are read."""

    kind: str
    """Of the item it belongs to."""
    said: Spoken
    holder: str
    """The list of the item in which it stands."""
    index: str
    """What says where in that list."""
    whole: str
    """What holds all of it at its end."""


CONTENT = ("content", "content_index")
SUMMARY = ("summary", "summary_index")
TEXTS = {
    "response.output_text": Telling("message", Wrote, *CONTENT, "text"),
    "response.refusal": Telling("message", Refused, *CONTENT, "refusal"),
    "response.reasoning_text": Telling("reasoning", Thought, *CONTENT, "text"),
    "response.reasoning_summary_text": Telling("reasoning", Thought, *SUMMARY, "text"),
}
DELTAS = {f"{stem}.delta": telling for stem, telling in TEXTS.items()}
DONES = {f"{stem}.done": telling for stem, telling in TEXTS.items()}
PARTS = {"response.content_part.done": CONTENT, "response.reasoning_summary_part.done": SUMMARY}
ARGUED = {
    "response.function_call_arguments.delta": "function_call",
    "response.custom_tool_call_input.delta": "custom_tool_call",
}
CALLED = {
    "response.function_call_arguments.done": "function_call",
    "response.custom_tool_call_input.done": "custom_tool_call",
}
BEGINNINGS = frozenset({"response.created", "response.queued", "response.in_progress"})


class ResponsesDecoder:
    """Implements `Decoder` (codec.py).

    Only the end of the response says why the model stopped: a stream that falls silent before it is broken.
    """

    __slots__ = ("_output", "_splitter", "_started", "ended", "failure")

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.ended = False
        self._splitter = Splitter()
        self._started = False
        self._output = Output()

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if self.failure is not None or self.ended:
            return events
        for event in self._splitter.feed(data):
            self._take(event, events)
            if self.failure is not None or self.ended:
                return events
        if self._splitter.size > EVENT_LIMIT:
            self.failure = malformed(f"an event of more than {EVENT_LIMIT >> 20} MB")
        return events

    def finish(self) -> list[Event]:
        events: list[Event] = []
        if self.failure is not None or self.ended:
            return events
        rest = self._splitter.take()
        if rest:  # the last event may lack its blank line
            self._take(rest, events)
        if self.failure is None and not self.ended:
            self.failure = malformed("the end of its stream before the end of the response")
        return events

    def _take(self, event: bytes, events: list[Event]) -> None:
        """Read one event. Whatever is not known is passed over: the API may grow."""
        name, data = parse(event)
        if data is None or not data.strip() or data.startswith(b"[DONE]"):
            return
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            told = name == b"error" and data.decode(errors="replace")
            self.failure = errors.confessed(told, data) if told else malformed("an event that is not JSON")
            return
        kind = text(value.get("type")) if isinstance(value, dict) else ""
        kind = kind or name.decode("utf-8", "replace")
        if kind in ENDS and isinstance(value, dict):
            kind = end_of(kind, _object(value.get("response")).get("status"))
        if isinstance(value, dict) and kind in DELTAS:
            self._delta(value, DELTAS[kind], events)
        elif isinstance(value, dict) and kind in EVENTS:
            if kind not in BEGINNINGS and kind not in ENDS:
                self._start({}, events)
            EVENTS[kind](self, kind, value, events)
        elif isinstance(value, dict) and kind in FAILED:
            self.failure = confessed(kind, value, data)
        else:
            self.failure = errors.confessed(value, data)

    def _start(self, response: dict[str, Any], events: list[Event]) -> None:
        if not self._started:
            self._started = True
            events.append(Started(text(response.get("id")), text(response.get("model"))))

    def _delta(self, value: dict[str, Any], telling: Telling, events: list[Event]) -> None:
        """A text goes on. This is what a stream is mostly made of."""
        self._start({}, events)
        item = self._output.item(value, telling.kind, events)
        self._output.say(item, telling.said, _place(value, telling), text(value.get("delta")), events)

    def _done(self, kind: str, value: dict[str, Any], events: list[Event]) -> None:
        telling = DONES[kind]
        item = self._output.item(value, telling.kind, events)
        self._output.settle(item, telling.said, _place(value, telling), text(value.get(telling.whole)), events)

    def _part(self, kind: str, value: dict[str, Any], events: list[Event]) -> None:
        part = _object(value.get("part"))
        said, field = WORDS.get(text(part.get("type")), (None, ""))
        if said is not None:
            holder, index = PARTS[kind]
            item = self._output.item(value, "reasoning" if said is Thought else "message", events)
            self._output.settle(item, said, (holder, _index(value, index)), text(part.get(field)), events)

    def _argue(self, kind: str, value: dict[str, Any], events: list[Event]) -> None:
        item = self._output.item(value, ARGUED[kind], events)
        self._output.argue(item, text(value.get("delta")), events)

    def _argued(self, kind: str, value: dict[str, Any], events: list[Event]) -> None:
        item = self._output.item(value, CALLED[kind], events)
        self._output.argued(item, arguments({**value, "type": CALLED[kind]}), events)

    def _annotated(self, _kind: str, value: dict[str, Any], events: list[Event]) -> None:
        item = self._output.item(value, "message", events)
        self._output.annotated(item, _index(value, "content_index"), events)

    def _item_added(self, _kind: str, value: dict[str, Any], events: list[Event]) -> None:
        item = _object(value.get("item"))
        if item.get("type"):  # some servers count a place in which nothing stands
            self._output.added(value, item, events)

    def _item_done(self, _kind: str, value: dict[str, Any], events: list[Event]) -> None:
        item = _object(value.get("item"))
        if item.get("type"):
            self._output.done(value, item, events)

    def _begin(self, _kind: str, value: dict[str, Any], events: list[Event]) -> None:
        self._start(_object(value.get("response")), events)

    def _cancel(self, _kind: str, _value: dict[str, Any], _events: list[Event]) -> None:
        self.failure = malformed("the end of a response that was cancelled")

    def _end(self, kind: str, value: dict[str, Any], events: list[Event]) -> None:
        """The response is complete, or as complete as it will be: say why it stopped."""
        response, output = _object(value.get("response")), self._output
        if kind == "response.incomplete":
            response = {**response, "status": "incomplete"}
        self._start(response, events)
        told = response.get("output")
        output.complete([one for one in told if isinstance(one, dict)] if isinstance(told, list) else [], events)
        if output.nameless:
            self.failure = malformed("a tool call without a name")
            return
        stop = stop_of(response, called=output.called, refused=output.refused)
        if stop.reason == "tool" and output.broken:
            self.failure = malformed(BROKEN)  # the client has seen half of it
            return
        output.end(events)
        usage = usage_of(response)
        if usage is not None:
            events.append(Used(usage))
        events += (*map(Lost, unheard(response)), Stopped(stop), Finished())
        self.ended = True


def _place(value: dict[str, Any], telling: Telling) -> tuple[str, int]:
    return telling.holder, _index(value, telling.index)


def _index(value: dict[str, Any], name: str) -> int:
    index = value.get(name)
    return index if type(index) is int else 0


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


EVENTS: dict[str, Callable[[ResponsesDecoder, str, dict[str, Any], list[Event]], None]] = {
    **dict.fromkeys(BEGINNINGS, ResponsesDecoder._begin),
    "response.output_item.added": ResponsesDecoder._item_added,
    "response.output_item.done": ResponsesDecoder._item_done,
    **dict.fromkeys(DONES, ResponsesDecoder._done),
    **dict.fromkeys(PARTS, ResponsesDecoder._part),
    **dict.fromkeys(ARGUED, ResponsesDecoder._argue),
    **dict.fromkeys(CALLED, ResponsesDecoder._argued),
    "response.output_text.annotation.added": ResponsesDecoder._annotated,
    **dict.fromkeys(ENDS, ResponsesDecoder._end),
    "response.cancelled": ResponsesDecoder._cancel,
}
"""What is read of an event beside the deltas of texts."""
