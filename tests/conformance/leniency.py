"""What a stream may leave out or add without any client noticing: it is put right before the stream is judged.

chat: a finish_reason that is null, an empty delta beside the usage; messages: a stop_sequence that is null; responses:
the names of events, which repeat their type, empty logprobs, and [DONE] behind the last one. The SDKs of both vendors
read all that alike.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.words import Api


def put_right(api: Api, stream: bytes) -> bytes:
    """Return the stream with what nobody misses."""
    blocks = stream.replace(b"\r\n", b"\n").split(b"\n\n")
    return b"\n\n".join(block for block in (RIGHT[api](block) for block in blocks) if block is not None)


def _chat(block: bytes) -> bytes | None:
    def complete(value: dict[str, Any]) -> None:
        for choice in value.get("choices") or ():
            choice.setdefault("finish_reason", None)
        if value.get("usage") and not any(one.get("delta") or one["finish_reason"] for one in value["choices"]):
            value["choices"] = []

    return _changed(block, complete)


def _messages(block: bytes) -> bytes | None:
    def complete(value: dict[str, Any]) -> None:
        if value.get("type") == "message_delta":
            value["delta"].setdefault("stop_sequence", None)

    return _changed(block, complete)


def _responses(block: bytes) -> bytes | None:
    if block.strip() == b"data: [DONE]":
        return None
    if block.startswith(b"data:"):
        kind = json.loads(block.removeprefix(b"data:")).get("type", "")
        block = f"event: {kind}\n".encode() + block

    def complete(value: dict[str, Any]) -> None:
        if str(value.get("type")).startswith("response.output_text.d"):
            value.setdefault("logprobs", [])

    return _changed(block, complete)


def _changed(block: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    before, found, data = block.partition(b"data: ")
    if not found or not data.startswith(b"{"):
        return block
    value = json.loads(data)
    change(value)
    return before + found + json.dumps(value).encode()


RIGHT: dict[Api, Callable[[bytes], bytes | None]] = {"chat": _chat, "messages": _messages, "responses": _responses}
