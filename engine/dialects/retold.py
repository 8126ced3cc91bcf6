"""An answer that took several rounds, as it goes to the client: with the usage of all, and a text in front, if any.

It is edited where it stands, whole or as a stream of server-sent events; all else stays as its upstream wrote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Value = dict[str, Any]

ITEM = "msg_tools"
"""What the item that says which tools were called is called in Responses; it is no upstream's."""


class Block:
    """A server-sent event. `value` is its data, where that is a JSON object; `raw` is what it was."""

    __slots__ = ("raw", "value")

    def __init__(self, raw: bytes, value: Value | None = None) -> None:
        self.raw = raw
        self.value = value

    def bytes(self) -> bytes:
        if self.value is None:
            return self.raw
        kind = self.value.get("type")
        name = f"event: {kind}\n".encode() if kind is not None and b"event:" in self.raw else b""
        return name + b"data: " + msgspec.json.encode(self.value)


def blocks(stream: bytes) -> list[Block]:
    """Return the events of a stream."""
    return [_block(raw) for raw in stream.replace(b"\r\n", b"\n").split(b"\n\n") if raw.strip()]


def _block(raw: bytes) -> Block:
    data = b"\n".join(line[5:].strip() for line in raw.strip().split(b"\n") if line.startswith(b"data:"))
    try:
        value = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return Block(raw)
    return Block(raw, value if isinstance(value, dict) else None)


def joined(events: Iterable[Block]) -> bytes:
    """Return the stream of `events`."""
    return b"".join(event.bytes() + b"\n\n" for event in events)


def is_whole(body: bytes) -> bool:
    """Say whether an answer is one JSON object, and no stream."""
    return body.lstrip().startswith(b"{")


def usage_of(api: str, body: bytes) -> Value:
    """Return the usage that an answer tells, in its own words."""
    values = [msgspec.json.decode(body)] if is_whole(body) else [one.value for one in blocks(body)]
    found: Value = {}
    for value in values:
        found |= _holder(api, value or {}).get("usage") or {}
    return found


def retold(api: str, body: bytes, before: Iterable[Value], text: str) -> bytes:
    """Return an answer of `api` with the usage of the rounds `before` added to its own, and `text` in front."""
    past = list(before)
    if is_whole(body):
        value = msgspec.json.decode(body)
        _count(api, value, past)
        if text:
            WHOLE[api](value, text)
        return msgspec.json.encode(value)
    events = blocks(body)
    for event in events:
        if event.value is not None:
            _count(api, event.value, past)
    return joined(STREAMED[api](events, text) if text else events)


def told_whole(stream: bytes) -> bytes | None:
    """Return the whole answer that a stream of Responses ends with; None for other APIs, which tell none."""
    for event in reversed(blocks(stream)):
        told = event.value.get("response") if event.value is not None else None
        if isinstance(told, dict) and isinstance(told.get("output"), list):
            return msgspec.json.encode(told)
    return None


def untold(body: bytes, tools: Any) -> bytes:
    """Return an answer of Responses, which repeats its request, with the client's own `tools` and no others."""
    if is_whole(body):
        value = msgspec.json.decode(body)
        return msgspec.json.encode({**value, "tools": tools}) if "tools" in value else body
    events = blocks(body)
    for event in events:
        told = event.value.get("response") if event.value is not None else None
        if isinstance(told, dict) and "tools" in told:
            told["tools"] = tools
    return joined(events)


def _holder(api: str, value: Value) -> Value:
    """Return the part of an answer or an event that has the usage."""
    inner = value.get({"messages": "message", "responses": "response"}.get(api, ""))
    return inner if isinstance(inner, dict) else value


def _count(api: str, value: Value, past: list[Value]) -> None:
    holder = _holder(api, value)
    if isinstance(holder.get("usage"), dict):
        for usage in past:
            holder["usage"] = _plus(holder["usage"], usage)


def _plus(one: Value, other: Value) -> Value:
    """Return both together: numbers are added, all else is that of `one`."""
    found = dict(one)
    for name, value in one.items():
        more = other.get(name)
        if isinstance(value, dict) and isinstance(more, dict):
            found[name] = _plus(value, more)
        elif _is_number(value) and _is_number(more):
            found[name] = value + more
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _chat(value: Value, text: str) -> None:
    message = value["choices"][0]["message"]
    message["content"] = text + (message.get("content") or "")


def _messages(value: Value, text: str) -> None:
    content: list[Value] = value["content"]
    at = next((at for at, one in enumerate(content) if "thinking" not in one["type"]), len(content))
    content.insert(at, {"type": "text", "text": text})  # a turn with thinking must begin with it


def _responses(value: Value, text: str) -> None:
    value["output"].insert(0, _item(text))


def _item(text: str, status: str = "completed") -> Value:
    parts = [_part(text)] if status == "completed" else []
    return {"id": ITEM, "type": "message", "status": status, "role": "assistant", "content": parts}


def _part(text: str) -> Value:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


WHOLE: dict[str, Callable[[Value, str], None]] = {"chat": _chat, "messages": _messages, "responses": _responses}


def _chat_stream(events: list[Block], text: str) -> list[Block]:
    at = next((at for at, one in enumerate(events) if one.value and one.value.get("choices")), None)
    if at is None:
        return events
    like = events[at].value or {}
    own = like["choices"][0].get("delta") or {}
    role = {"role": own.pop("role")} if "role" in own else {}  # it is said once, at first
    choice = {"index": 0, "delta": {**role, "content": text}, "finish_reason": None}
    first = {**{name: value for name, value in like.items() if name != "usage"}, "choices": [choice]}
    return [*events[:at], Block(events[at].raw, first), *events[at:]]


def _messages_stream(events: list[Block], text: str) -> list[Block]:
    own: int | None = None
    found: list[Block] = []
    for event in events:
        value = event.value or {}
        kind = value.get("type")
        begins = kind == "content_block_start" and "thinking" not in value["content_block"]["type"]
        if own is None and (begins or kind == "message_delta"):
            own = value["index"] if begins else sum("content_block_start" in str(one.value) for one in found)
            found += _message_block(own, text)
        if own is not None and isinstance(value.get("index"), int):
            value["index"] += 1
        found.append(event)
    return found


def _message_block(index: int, text: str) -> list[Block]:
    told: list[Value] = [
        {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": index},
    ]
    return [Block(b"event:", one) for one in told]


def _responses_stream(events: list[Block], text: str) -> list[Block]:
    lead = ("response.created", "response.in_progress", "response.queued")
    at = next((at for at, one in enumerate(events) if one.value and one.value.get("type") not in lead), len(events))
    for event in events:
        value = event.value or {}
        if isinstance(value.get("output_index"), int):
            value["output_index"] += 1
        if isinstance(value.get("response"), dict) and value["response"].get("output"):
            _responses(value["response"], text)
    found = [*events[:at], *_responses_item(text), *events[at:]]
    for number, event in enumerate(one for one in found if one.value is not None):
        assert event.value is not None
        event.value["sequence_number"] = number
    return found


def _responses_item(text: str) -> list[Block]:
    where = {"item_id": ITEM, "output_index": 0, "content_index": 0}
    told: list[Value] = [
        {"type": "response.output_item.added", "output_index": 0, "item": _item("", "in_progress")},
        {"type": "response.content_part.added", **where, "part": _part("")},
        {"type": "response.output_text.delta", **where, "delta": text, "logprobs": []},
        {"type": "response.output_text.done", **where, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **where, "part": _part(text)},
        {"type": "response.output_item.done", "output_index": 0, "item": _item(text)},
    ]
    return [Block(b"event:", one) for one in told]


STREAMED: dict[str, Callable[[list[Block], str], list[Block]]] = {
    "chat": _chat_stream,
    "messages": _messages_stream,
    "responses": _responses_stream,
}
