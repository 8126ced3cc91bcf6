"""What a stream of the Messages API must keep to.

Facts: anthropic 2.12, types/raw_message_stream_event.py, types/usage.py, types/message_delta_usage.py, _streaming.py
(an event without a name is ignored there).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.wire.sse import COUNT, LIST, NOTHING, OBJECT, TEXT, Fields, Flaw, is_a, must, parsed, shaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.wire.sse import Event

TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")
STOPS = (
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
    "compaction",
)
CUT_SHORT = ("max_tokens", "model_context_window_exceeded", "refusal")
"""Ends that may fall into the middle of a tool's input."""
ERRORS = (
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "conflict_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "timeout_error",
    "overloaded_error",
)
MESSAGE: Fields = {
    "id": str,
    "type": str,
    "role": str,
    "model": str,
    "content": list,
    "stop_reason": NOTHING,
    "stop_sequence": NOTHING,
    "usage": dict,
}
MESSAGE_MORE: Fields = {
    "container": OBJECT,
    "stop_details": OBJECT,
    "diagnostics": OBJECT,
    "context_management": OBJECT,
}
COUNTS: Fields = {
    "input_tokens": COUNT,
    "output_tokens": int,
    "cache_creation_input_tokens": COUNT,
    "cache_read_input_tokens": COUNT,
}
USAGE_MORE: Fields = {
    "cache_creation": OBJECT,
    "output_tokens_details": OBJECT,
    "server_tool_use": OBJECT,
    "service_tier": TEXT,
    "inference_geo": TEXT,
    "speed": TEXT,
    "iterations": LIST,
}
BLOCKS: dict[str, tuple[Fields, Fields]] = {
    "text": ({"text": str}, {"citations": LIST}),
    "thinking": ({"thinking": str, "signature": str}, {}),
    "redacted_thinking": ({"data": str}, {}),
    "tool_use": ({"id": str, "name": str, "input": dict}, {"caller": OBJECT, "toolset_name": TEXT}),
    "server_tool_use": ({"id": str, "name": str, "input": dict}, {"caller": OBJECT}),
    "web_search_tool_result": ({"tool_use_id": str, "content": object}, {"caller": OBJECT}),
}
"""Type of a block -> the fields it must and may have."""
DELTAS: dict[str, tuple[str, type, tuple[str, ...]]] = {
    "text_delta": ("text", str, ("text",)),
    "citations_delta": ("citation", dict, ("text",)),
    "thinking_delta": ("thinking", str, ("thinking",)),
    "signature_delta": ("signature", str, ("thinking",)),
    "input_json_delta": ("partial_json", str, ("tool_use", "server_tool_use")),
}
"""Type of a delta -> its field, that field's type, and the blocks it may stand in."""


@dataclass
class Block:
    """The block that is open."""

    index: int
    kind: str
    json: str = ""
    signature: str = ""


class Messages:
    """/v1/messages."""

    def __init__(self, usage: bool | None = None) -> None:
        self.started = False
        self.block: Block | None = None
        self.blocks = 0
        self.tools = 0
        self.broken: tuple[int, Flaw] | None = None
        """The tool whose input is no JSON object, which only an end that cuts short may excuse."""
        self.stop: str | None = None
        self.over: str | None = None

    def take(self, event: Event) -> None:
        """Take the next event."""
        must(self.over is None, f"something comes after {self.over}")
        if event.name is None and event.data is None:
            return
        must(event.name, "an event without a name: clients ignore it")
        value = event.json
        must(value.get("type") == event.name, f"event {event.name} says it is {value.get('type')!r}")
        must(event.name in RULES, f"an unknown event: {event.name}")
        RULES[str(event.name)](self, value)

    def end(self) -> None:
        """The body is over."""
        must(self.over, "no message_stop and no error: the client cannot tell it from a cut connection")

    def ping(self, value: dict[str, Any]) -> None:
        shaped(value, "ping", {"type": str}, {})

    def error(self, value: dict[str, Any]) -> None:
        shaped(value, "error", {"type": str, "error": dict}, {"request_id": TEXT})
        shaped(value["error"], "error.error", {"type": str, "message": str}, {"details": OBJECT})
        must(value["error"]["type"] in ERRORS, f"an unknown type of error: {value['error']['type']}")
        must(value["error"]["message"], "error.error.message is empty")
        if self.broken:
            raise self.broken[1]
        self.over = "the error"

    def message_start(self, value: dict[str, Any]) -> None:
        must(not self.started, "a second message_start")
        shaped(value, "message_start", {"type": str, "message": dict}, {})
        message = value["message"]
        shaped(message, "message", MESSAGE, MESSAGE_MORE)
        must((message["type"], message["role"]) == ("message", "assistant"), "it is no message of the assistant")
        must(message["id"] and message["model"], "message.id or message.model is empty")
        must(message["content"] == [], "message_start has content already")
        shaped(message["usage"], "message.usage", {"input_tokens": int, "output_tokens": int}, {**COUNTS, **USAGE_MORE})
        _counts(message["usage"])
        self.started = True

    def content_block_start(self, value: dict[str, Any]) -> None:
        self._goes_on("content_block_start")
        must(self.block is None, "a block begins within another")
        shaped(value, "content_block_start", {"type": str, "index": int, "content_block": dict}, {})
        must(value["index"] == self.blocks, f"block {value['index']} after {self.blocks} blocks")
        content = value["content_block"]
        kind = content.get("type")
        must(kind in BLOCKS, f"an unknown block: {kind!r}")
        fields, more = BLOCKS[kind]
        shaped(content, f"a {kind} block", {"type": str, **fields}, more)
        if "tool_use" in kind:
            must(TOOL_ID.fullmatch(content["id"]), f"the id of a tool_use: {content['id']!r}")
            must(content["name"], "a tool_use without a name")
            must(content["input"] == {}, "input comes in deltas, not in content_block_start")
        self.block = Block(value["index"], kind, signature=content.get("signature", ""))
        self.blocks += 1
        self.tools += kind == "tool_use"

    def content_block_delta(self, value: dict[str, Any]) -> None:
        self._goes_on("content_block_delta")
        shaped(value, "content_block_delta", {"type": str, "index": int, "delta": dict}, {})
        block = self._open(value["index"])
        delta = value["delta"]
        kind = delta.get("type")
        must(kind in DELTAS, f"an unknown delta: {kind!r}")
        name, type_, homes = DELTAS[kind]
        shaped(delta, kind, {"type": str, name: type_}, {})
        must(block.kind in homes, f"a {kind} in a {block.kind} block")
        must(not block.signature, f"a {kind} after the signature")
        if kind == "signature_delta":
            must(delta["signature"], "an empty signature")
            block.signature = delta["signature"]
        elif kind == "input_json_delta":
            block.json += delta["partial_json"]

    def content_block_stop(self, value: dict[str, Any]) -> None:
        self._goes_on("content_block_stop")
        shaped(value, "content_block_stop", {"type": str, "index": int}, {})
        block = self._open(value["index"])
        must(self.broken is None, f"block {block.index} after a tool whose input is no JSON object")
        if block.kind == "thinking":
            must(block.signature, "a thinking block closes without a signature")
        if block.json:
            try:
                parsed(block.json, "the input of a tool")
            except Flaw as flaw:
                self.broken = (block.index, flaw)
        self.block = None

    def message_delta(self, value: dict[str, Any]) -> None:
        self._goes_on("message_delta")
        must(self.block is None, "message_delta within a block")
        fields = {"type": str, "delta": dict, "usage": dict}
        shaped(value, "message_delta", fields, {"context_management": OBJECT})
        delta = value["delta"]
        more = {"stop_details": OBJECT, "container": OBJECT}
        shaped(delta, "message_delta.delta", {"stop_reason": str, "stop_sequence": TEXT}, more)
        stop = delta["stop_reason"]
        must(stop in STOPS, f"stop_reason {stop!r}")
        must(self.tools or stop != "tool_use", "stop_reason tool_use without a tool_use block")
        fits = not self.tools or stop in ("tool_use", "pause_turn", *CUT_SHORT)
        must(fits, f"stop_reason {stop} although there is a tool_use block")
        sequence = delta["stop_sequence"]
        must((sequence is not None) == (stop == "stop_sequence"), f"stop_sequence {sequence!r} with stop_reason {stop}")
        must(delta.get("stop_details") is None or stop == "refusal", "stop_details without a refusal")
        if self.broken and stop not in CUT_SHORT:
            raise self.broken[1]
        shaped(value["usage"], "message_delta.usage", {"output_tokens": int}, {**COUNTS, **USAGE_MORE})
        _counts(value["usage"])
        self.stop = stop

    def message_stop(self, value: dict[str, Any]) -> None:
        shaped(value, "message_stop", {"type": str}, {})
        must(self.stop, "message_stop before message_delta")
        self.over = "message_stop"

    def _goes_on(self, name: str) -> None:
        must(self.started, f"{name} before message_start")
        must(self.stop is None, f"{name} after message_delta")

    def _open(self, index: int) -> Block:
        must(self.block is not None, f"block {index} is not open")
        assert self.block
        must(self.block.index == index, f"block {index}, but block {self.block.index} is open")
        return self.block


def _counts(usage: dict[str, Any]) -> None:
    counted = {name: usage[name] for name in COUNTS if usage.get(name) is not None}
    must(all(count >= 0 for count in counted.values()), "usage below zero")
    thought = (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0)
    must(is_a(thought, COUNT), "thinking_tokens is no count")
    must((thought or 0) <= usage["output_tokens"], "thinking_tokens are more than output_tokens")


RULES: dict[str, Callable[[Messages, dict[str, Any]], None]] = {
    "ping": Messages.ping,
    "error": Messages.error,
    "message_start": Messages.message_start,
    "content_block_start": Messages.content_block_start,
    "content_block_delta": Messages.content_block_delta,
    "content_block_stop": Messages.content_block_stop,
    "message_delta": Messages.message_delta,
    "message_stop": Messages.message_stop,
}
