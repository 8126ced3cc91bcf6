"""A client of the Messages API: anthropic 2.12, types/message.py, lib/streaming."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conformance.words import Call, Reading, Stop, Tokens
from tests.support.wire.messages import ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.clients.frames import Frame
    from tests.conformance.words import Ask, Image, Result

STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "tool_use": "tool",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
}
GROWING = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
BUDGET = 2048


def headers(key: str) -> dict[str, str]:
    """Return what is sent beside the body."""
    return {"anthropic-version": "2023-06-01", **({"x-api-key": key} if key else {})}


def body(ask: Ask, model: str, *, stream: bool) -> dict[str, Any]:
    """Return a request."""
    content: Any = ask.text
    if ask.images:
        content = [
            *({"type": "image", "source": _source(one)} for one in ask.images),
            {"type": "text", "text": ask.text},
        ]
    made: dict[str, Any] = {
        "model": model,
        "max_tokens": ask.limit or 8192,
        "messages": [{"role": "user", "content": content}],
    }
    if ask.instructions:
        made["system"] = [{"type": "text", "text": one} for one in ask.instructions]
    if stream:
        made["stream"] = True
    if ask.tools:
        made["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in ask.tools
        ]
    if ask.choice or ask.parallel is not None:
        kinds = {"": "auto", "auto": "auto", "required": "any", "none": "none"}
        kind = kinds.get(ask.choice, "tool")
        choice = {"type": kind, **({"name": ask.choice} if kind == "tool" else {})}
        made["tool_choice"] = {**choice, **({"disable_parallel_tool_use": True} if ask.parallel is False else {})}
    if ask.thinks:
        made["thinking"] = {"type": "enabled", "budget_tokens": BUDGET}
    if ask.schema:
        made["output_config"] = {"format": {"type": "json_schema", "schema": ask.schema}}
    if ask.stops:
        made["stop_sequences"] = list(ask.stops)
    return made


def _source(image: Image) -> dict[str, Any]:
    if image.url:
        return {"type": "url", "url": image.url}
    return {"type": "base64", "media_type": image.media_type, "data": image.data}


def whole(value: dict[str, Any]) -> Reading:
    """Read an answer. Raises `KeyError` or such where it has not the form of one."""
    return _read(value["content"], value, value["usage"], value["id"], ended=bool(value["stop_reason"]))


def streamed(frames: Sequence[Frame]) -> Reading:
    """Read a stream; an event without a name is not seen."""
    blocks: dict[int, dict[str, Any]] = {}
    end: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    id_, error, stopped = "", None, False
    for frame in frames:
        value = frame.value
        if frame.name == "message_start":
            id_ = value["message"].get("id", "")
            usage |= value["message"].get("usage") or {}
        elif frame.name == "content_block_start":
            blocks[value["index"]] = {**value["content_block"], "raw": ""}
        elif frame.name == "content_block_delta":
            _grow(blocks.get(value["index"]), value["delta"])
        elif frame.name == "message_delta":
            end = value["delta"]
            usage |= {name: count for name, count in (value.get("usage") or {}).items() if count is not None}
        elif frame.name == "message_stop":
            stopped = True
        elif frame.name == "error":
            error = value.get("error") or {}
    content = [_closed(block) for _, block in sorted(blocks.items())]
    reading = _read(content, end, usage, id_, ended=bool(stopped and end.get("stop_reason") and error is None))
    reading.error = error
    return reading


def _grow(block: dict[str, Any] | None, delta: dict[str, Any]) -> None:
    if block is None:
        return
    if delta["type"] == "input_json_delta":
        block["raw"] += delta["partial_json"]
    elif name := GROWING.get(delta["type"]):
        block[name] = (block.get(name) or "") + delta[name]


def _closed(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block as it stands in a whole answer; input that is no JSON stays text, for the checks to find."""
    raw = block.pop("raw")
    if block["type"] == "tool_use" and raw:
        try:
            block["input"] = json.loads(raw)
        except ValueError:
            block["input"] = raw
    return block


def _read(content: list[Any], end: dict[str, Any], usage: dict[str, Any], id_: str, *, ended: bool) -> Reading:
    thoughts = [block for block in content if block["type"] == "thinking"]
    stop = end.get("stop_reason") or ""
    return Reading(
        text="".join(block["text"] for block in content if block["type"] == "text"),
        thought="".join(block["thinking"] for block in thoughts),
        signed=bool(thoughts) and all(block.get("signature") for block in thoughts),
        calls=[_call(block) for block in content if block["type"] == "tool_use"],
        refusal=(end.get("stop_details") or {}).get("explanation") or "",
        stop=STOPS.get(stop, ""),
        stop_word=stop,
        stop_sequence=end.get("stop_sequence") or "",
        tokens=_tokens(usage),
        carried=content,
        id=id_,
        ended=ended,
    )


def _call(block: dict[str, Any]) -> Call:
    given = block["input"]
    return Call(block["id"], block["name"], given if isinstance(given, str) else json.dumps(given))


def _tokens(usage: dict[str, Any]) -> Tokens:
    read, written = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    fresh = usage.get("input_tokens")
    return Tokens(
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        output=usage.get("output_tokens"),
        cached=read,
        reasoning=(usage.get("output_tokens_details") or {}).get("thinking_tokens"),
    )


def follow(body: dict[str, Any], reading: Reading, results: Sequence[Result]) -> dict[str, Any]:
    """Return the next request of a conversation: all that was said, and the results in one turn."""
    answers = []
    for result in results:
        content: Any = result.text
        if result.image:
            content = [{"type": "text", "text": result.text}, {"type": "image", "source": _source(result.image)}]
        answers.append({"type": "tool_result", "tool_use_id": result.call, "content": content})
    said = {"role": "assistant", "content": reading.carried}
    more = [{"role": "user", "content": answers}] if answers else []
    return {**body, "messages": [*body["messages"], said, *more]}


def error_flaws(value: Any) -> list[str]:
    """Return how an error departs from the form that clients of this API read."""
    if not isinstance(value, dict) or value.get("type") != "error" or not isinstance(value.get("error"), dict):
        return [f"it is not {{type: error, error: ...}}: {value!r:.200}"]
    error = value["error"]
    found = [] if isinstance(error.get("message"), str) and error["message"] else ["error.message is no text"]
    if error.get("type") not in ERRORS:
        found.append(f"error.type is {error.get('type')!r}")
    return found
