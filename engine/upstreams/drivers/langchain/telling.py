"""What a model says, message by message or chunk by chunk, as events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from langchain_core.messages import AIMessageChunk

from engine.chat import (
    Argued,
    Called,
    Ended,
    Event,
    Finished,
    Lost,
    Refused,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Thought,
    Usage,
    Used,
    Wrote,
)
from engine.dialects.lost import foreign
from engine.upstreams.drivers.langchain.finish import stop_of, usage_of

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    Block = dict[str, Any]

PAUSE = "\n\n"
"""What stands between the texts of two messages."""
CALLS = frozenset({"tool_call", "tool_call_chunk", "invalid_tool_call"})
"""The blocks that are also told by the message itself."""


class Telling:
    """One answer. `shaped`: it is bound to a schema, and the arguments of a call are its text."""

    def __init__(self, model: str, *, shaped: bool = False) -> None:
        self._model = model
        self._shaped = shaped
        self._begun = False
        self._calls: dict[object, int] = {}
        """What the model calls a tool call that is open -> its number here."""
        self._count = 0
        self._stop: Stop | None = None
        self._usage: Usage | None = None
        self._lost: set[str] = set()
        self._held = ""
        """What was said of a shaped answer that does not look like one: it is left out if a call comes."""
        self._shape = False
        """The shaped answer has begun."""
        self._spoken = False
        """There is text."""
        self._apart = False

    def hear(self, message: AIMessage) -> list[Event]:
        """Return the events of a message, or of a chunk of one."""
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            named = message.response_metadata.get("model_name") or message.response_metadata.get("model")
            events.append(Started(message.id or "", named if isinstance(named, str) else self._model))
        blocks = [dict(block) for block in message.content_blocks]
        for block in blocks:
            events += self._block(block)
        refusal = message.additional_kwargs.get("refusal")
        if isinstance(refusal, str) and refusal and all(block["type"] != "refusal" for block in blocks):
            events.append(Refused(refusal))
        events += self._chunks(message) if isinstance(message, AIMessageChunk) else self._whole(message)
        self._stop = stop_of(message.response_metadata) or self._stop
        if message.usage_metadata is not None:
            used = usage_of(message.usage_metadata)
            self._usage = used if self._usage is None else self._usage + used
        return events

    def write(self, text: str) -> list[Event]:
        """Return the events of plain text."""
        begun = [] if self._begun else [Started("", self._model)]
        self._begun = True
        return [*begun, Wrote(text)] if text else [*begun]

    def apart(self) -> None:
        """Another message begins: its text is kept apart from what was said before."""
        self._apart = self._spoken

    def end(self) -> list[Event]:
        """Return the events that end the answer."""
        events: list[Event] = [] if self._begun else [Started("", self._model)]
        if self._held and not self._shape:
            events.append(Wrote(self._held))
        if not self._shaped:
            events += [Ended(number) for number in self._calls.values()]
        stop = self._stop or Stop(reason="end")
        if self._count and stop.reason == "end":
            stop = Stop(reason="tool")
        elif not self._count and stop.reason == "tool":
            stop = Stop(reason="end")
        events.append(Stopped(stop))
        if self._usage is not None:
            events.append(Used(self._usage))
        return [*events, Finished()]

    def _block(self, block: Block) -> list[Event]:
        kind = block.get("type")
        if kind == "text":
            lost = self._lose("annotations") if block.get("annotations") else []
            return [*self._text(block.get("text") or ""), *lost]
        if kind == "reasoning":
            return thoughts(block)
        if kind in CALLS:
            return []
        if kind == "refusal":
            return [Refused(block["refusal"])] if block.get("refusal") else []
        value = block.get("value")
        if kind == "non_standard" and isinstance(value, dict):
            if value.get("type") == "redacted_thinking" and isinstance(value.get("data"), str):
                return [Sealed(value["data"])]
            if value.get("type") == "thinking" and isinstance(value.get("thinking", ""), str):
                return thoughts({**value, "reasoning": value.get("thinking")})  # Anthropic's own form
            kind = value.get("type")
        return self._lose(str(kind))

    def _text(self, text: str) -> list[Event]:
        if self._shaped and not self._shape:
            self._held += text
            if not self._held.lstrip().startswith(("{", "[")) or self._calls:
                return []
            self._shape, text = True, self._held
        if text and self._apart:
            self._apart, text = False, PAUSE + text
        self._spoken = self._spoken or bool(text)
        return [Wrote(text)] if text else []

    def _lose(self, kind: str) -> list[Event]:
        if kind in self._lost or kind.endswith("_delta"):
            return []
        self._lost.add(kind)
        return [Lost(foreign(kind, f"content.{kind}"))]

    def _chunks(self, message: AIMessageChunk) -> list[Event]:
        """Return the events of the pieces of calls. A piece without an index, or an id, goes on with the last one."""
        events: list[Event] = []
        for piece in message.tool_call_chunks:
            index, ident = piece.get("index"), piece.get("id")
            key: object = index if index is not None else ident
            if key is None:
                key = next(reversed(self._calls), None)
            arguments = piece.get("args") or ""
            if key not in self._calls:
                if not piece.get("name"):
                    continue
                events += self._begin(key, ident or "", piece["name"] or "")
            events += self._said(self._calls[key], arguments)
        return events

    def _whole(self, message: AIMessage) -> list[Event]:
        events: list[Event] = []
        calls = [(call, msgspec.json.encode(call["args"]).decode()) for call in message.tool_calls]
        calls += [(call, call["args"] or "") for call in message.invalid_tool_calls]  # type: ignore[misc]  # both have id and name
        for call, arguments in calls:
            events += self._begin(object(), call["id"] or "", call["name"] or "")
            events += self._said(len(self._calls) - 1, arguments)
        return events

    def _begin(self, key: object, ident: str, name: str) -> list[Event]:
        self._calls[key] = number = len(self._calls)
        if self._shaped:
            return []
        self._count += 1
        return [Called(number, ident, name)]

    def _said(self, number: int, arguments: str) -> list[Event]:
        if not arguments or (self._shaped and number > 0):
            return []
        self._shape = self._shaped
        return [Wrote(arguments) if self._shaped else Argued(number, arguments)]


def thoughts(block: Block) -> list[Event]:
    """Return the events of a block of reasoning, or of a piece of one."""
    events: list[Event] = [Thought(block["reasoning"])] if block.get("reasoning") else []
    extras = block.get("extras") or {}
    if isinstance(signature := extras.get("signature") or block.get("signature"), str):
        events.append(Signed(signature))
    sealed = extras.get("encrypted_content") or block.get("encrypted_content")
    if isinstance(sealed, str):
        seal = msgspec.json.encode({"id": block.get("id"), "encrypted_content": sealed}).decode()
        events.append(Signed(seal, "responses"))
    return events
