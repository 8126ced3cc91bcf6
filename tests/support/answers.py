"""Whole, SDK-valid answers of every API, as JSON and as event streams, and `usual`: what is said unscripted.

Those of the Responses API are in items.py.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import struct
from typing import TYPE_CHECKING, Any

from tests.support.events import CREATED, data, event, ids, pieces
from tests.support.items import input_tokens, respond
from tests.support.loop import Call, Manner, next_move, wanted
from tests.support.script import Reply, as_json, as_stream
from tests.support.thoughts import Shown, bond, shown, signed, thought

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.upstream import Seen

MODELS = ("gpt-5.5", "gpt-5.5-mini", "claude-sonnet-5")
DONE = b"data: [DONE]\n\n"
PLAIN = Manner()


def usual(seen: Seen, manner: Manner = PLAIN) -> Reply:
    """Answer as a real upstream would, tool loops included; a path it does not know is told back."""
    if seen.method == "POST" and (make := BY_PATH.get(seen.path)):
        return make(seen.json, manner)
    if seen.method == "GET" and seen.path == "/v1/models":
        return as_json({"object": "list", "data": [_model(name) for name in MODELS]})
    if seen.method == "GET" and seen.path.startswith("/v1/models/"):
        return as_json(_model(seen.path.removeprefix("/v1/models/")))
    return as_json({"method": seen.method, "target": seen.target, "bytes": len(seen.body)})


# chat completions ----------------------------------------------------------------------------------------------------


def chat(
    text: str = "Hello there",
    *,
    model: str = "gpt-5.5",
    calls: Sequence[Call] = (),
    before: str = "",
    thinks: bool = False,
) -> dict[str, Any]:
    """Return a chat completion that says `text`, or makes `calls`, with a word `before` them."""
    message: dict[str, Any] = {"role": "assistant", "content": before or None if calls else text, "refusal": None}
    if thinks:
        message["reasoning_content"] = thought(ids("call", calls))
    if calls:
        message["tool_calls"] = [_chat_call(call) for call in calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if calls else "stop"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [choice],
        "usage": CHAT_USAGE,
        "system_fingerprint": "fp_1",
    }


CHAT_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def chat_chunk(delta: dict[str, Any], finish: str | None = None, *, model: str = "gpt-5.5", **more: Any) -> bytes:
    """Return one chunk as an event."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": model}
    return data({**chunk, "choices": [choice], **more})


def chat_events(
    words: Sequence[str] = ("Hello", " there"),
    *,
    model: str = "gpt-5.5",
    calls: Sequence[Call] = (),
    before: str = "",
    usage: bool = False,
    thinks: bool = False,
) -> list[bytes]:
    """Return the events of a chat stream; the first carries the role and no content. Several calls come interleaved."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if calls else ""}]
    if thinks:
        deltas += [{"reasoning_content": piece} for piece in pieces(thought(ids("call", calls)))]
    deltas += [{"content": word} for word in (pieces(before) if calls else words)]
    rounds = zip(*[_chat_deltas(index, call) for index, call in enumerate(calls)], strict=True)
    deltas += [{"tool_calls": [delta]} for row in rounds for delta in row]
    events = [chat_chunk(delta, model=model) for delta in deltas]
    events.append(chat_chunk({}, "tool_calls" if calls else "stop", model=model))
    if usage:
        last = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": model}
        events.append(data({**last, "choices": [], "usage": CHAT_USAGE}))
    return [*events, DONE]


def _chat_deltas(index: int, call: Call) -> list[dict[str, Any]]:
    """Return a call in three pieces: its name, then what the model wrote in two."""
    opened = _chat_call(call)
    kind = opened["type"]
    wrote = "input" if kind == "custom" else "arguments"
    text, opened[kind][wrote] = opened[kind][wrote], ""
    return [{"index": index, **opened}, *({"index": index, kind: {wrote: piece}} for piece in (text[:9], text[9:]))]


def _chat_call(call: Call) -> dict[str, Any]:
    named = {"id": f"call_{call.mark}", "type": "custom" if isinstance(call.arguments, str) else "function"}
    if named["type"] == "custom":
        return {**named, "custom": {"name": call.tool, "input": call.arguments}}
    return {**named, "function": {"name": call.tool, "arguments": json.dumps(call.arguments)}}


def _chat(body: dict[str, Any], manner: Manner) -> Reply:
    tools = [{"parameters": None, **tool[tool["type"]]} for tool in body.get("tools", [])]
    move = next_move(body["messages"], tools, manner.parallel if body.get("parallel_tool_calls", True) else 1)
    text, calls = wanted(body.get("response_format", {}).get("json_schema", {}).get("schema"), move)
    how: dict[str, Any] = {
        "model": body["model"],
        "calls": calls,
        "before": manner.before,
        "thinks": manner.thinks and not re.match(r"gpt|o\d", body["model"]),  # OpenAI's own tell no thoughts
    }
    if not body.get("stream"):
        return as_json(chat(text, **how))
    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return as_stream(chat_events(pieces(text), usage=usage, **how))


def _completions(body: dict[str, Any], _: Manner) -> Reply:
    head = {"id": "cmpl-1", "object": "text_completion", "created": CREATED, "model": body["model"]}
    choice = {"index": 0, "text": "return a + b", "logprobs": None, "finish_reason": "stop"}
    if not body.get("stream"):
        return as_json({**head, "choices": [choice], "usage": CHAT_USAGE})
    first = {**head, "choices": [{**choice, "text": "return a", "finish_reason": None}]}
    return as_stream([data(first), data({**head, "choices": [{**choice, "text": " + b"}]}), DONE])


def _embeddings(body: dict[str, Any], _: Manner) -> Reply:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector: Any = [0.5, -0.25, 0.125]
    if body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack("<3f", *vector)).decode()
    items = [{"object": "embedding", "index": number, "embedding": vector} for number in range(len(texts))]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return as_json({"object": "list", "data": items, "model": body["model"], "usage": usage})


# messages ------------------------------------------------------------------------------------------------------------

MESSAGE_USAGE = {"input_tokens": 11, "output_tokens": 7, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3}


def message(
    text: str = "Hello there",
    *,
    model: str = "claude-sonnet-5",
    calls: Sequence[Call] = (),
    before: str = "",
    thinks: Shown | None = None,
    bound: str = "",
    turn: str = "1",
) -> dict[str, Any]:
    """Return a message that says `text`, or makes `calls`; `turn` tells its id from that of every other."""
    content = [_thinking(calls, thinks, bound)] if thinks else []
    content += [{"type": "text", "text": said}] if (said := before if calls else text) or not calls else []
    content += [_tool_use(call, call.arguments) for call in calls]
    return {
        "id": f"msg_{turn}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": MESSAGE_USAGE,
    }


def message_start(model: str = "claude-sonnet-5", turn: str = "1") -> bytes:
    """Return the lifecycle frame that opens a stream."""
    opened = {**message("", model=model, turn=turn), "content": [], "stop_reason": None}
    return event("message_start", message=opened)


def message_events(
    words: Sequence[str] = ("Hello", " there"),
    *,
    model: str = "claude-sonnet-5",
    calls: Sequence[Call] = (),
    before: str = "",
    thinks: Shown | None = None,
    bound: str = "",
    turn: str = "1",
) -> list[bytes]:
    """Return the events of a message stream; the first two are lifecycle, without content."""
    events = [message_start(model, turn), event("ping")]
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if thinks:
        made = _thinking(calls, thinks, bound)
        thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(made["thinking"])]
        last = {"type": "signature_delta", "signature": made["signature"]}
        blocks.append(({**made, "thinking": "", "signature": ""}, [*thoughts, last]))
    if said := pieces(before) if calls else words:
        blocks.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in said]))
    for call in calls:
        raw = json.dumps(call.arguments)
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", raw[:9], raw[9:])]
        blocks.append((_tool_use(call, {}), deltas))
    for index, (block, deltas) in enumerate(blocks):
        events.append(event("content_block_start", index=index, content_block=block))
        events += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
        events.append(event("content_block_stop", index=index))
    end = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
    return [*events, event("message_delta", delta=end, usage={"output_tokens": 7}), event("message_stop")]


def _thinking(calls: Sequence[Call], shown: Shown, bound: str) -> dict[str, Any]:
    made = ids("toolu", calls)
    said = thought(made) if shown == "summarized" else ""
    return {"type": "thinking", "thinking": said, "signature": signed(made, bound)}


def _tool_use(call: Call, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{call.mark}", "name": call.tool, "input": arguments}


def _messages(body: dict[str, Any], manner: Manner) -> Reply:
    tools = [{**tool, "parameters": tool["input_schema"]} for tool in body.get("tools", []) if "input_schema" in tool]
    schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
    one_by_one = (body.get("tool_choice") or {}).get("disable_parallel_tool_use")
    text, calls = wanted(schema, next_move(body["messages"], tools, 1 if one_by_one else manner.parallel))
    how: dict[str, Any] = {
        "model": body["model"],
        "calls": calls,
        "before": manner.before,
        "thinks": shown(body) if manner.thinks else None,
        "bound": bond(body["model"], body["messages"]),
        "turn": secrets.token_hex(8),
    }
    if body.get("stream"):
        return as_stream(message_events(pieces(text), **how))
    return as_json(message(text, **how), 200, ("request-id", "req_upstream"))


def _count_tokens(body: dict[str, Any], _: Manner) -> Reply:
    return as_json({"input_tokens": len(json.dumps(body["messages"])) // 4})


# all -----------------------------------------------------------------------------------------------------------------


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "upstream"}


BY_PATH = {
    "/v1/chat/completions": _chat,
    "/v1/completions": _completions,
    "/v1/embeddings": _embeddings,
    "/v1/messages": _messages,
    "/v1/messages/count_tokens": _count_tokens,
    "/v1/responses": respond,
    "/v1/responses/input_tokens": input_tokens,
}
