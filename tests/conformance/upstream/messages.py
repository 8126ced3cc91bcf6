"""How the upstream says it in the Messages API: anthropic 2.12, types/message.py, types/raw_message_stream_event.py."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tests.conformance.upstream.sse import event
from tests.conformance.words import pieces

if TYPE_CHECKING:
    from tests.conformance.words import Call, Said

STOPS = {
    "end": "end_turn",
    "tool": "tool_use",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
    "filter": "refusal",
}
ERRORS: dict[str, tuple[int, str, str]] = {
    "rate-limit": (429, "rate_limit_error", "This request would exceed your organization's rate limit"),
    "bad-request": (400, "invalid_request_error", "tone: Input should be 'red' or 'blue', not 'purple'"),
    "context": (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    "credential": (401, "authentication_error", "invalid x-api-key"),
    "unknown-model": (404, "not_found_error", "model: nobody"),
    "server": (500, "api_error", "Internal server error"),
    "overloaded": (529, "overloaded_error", "Overloaded"),
}


def whole(said: Said, body: dict[str, Any]) -> dict[str, Any]:
    """Return an answer. A thought is shown if the request asks for it."""
    blocks = [block for block, _ in _blocks(said, body)]
    content = [{**block, **_filled(said, block)} for block in blocks]
    return {**_head(body), "content": content, **_end(said), "usage": {**_usage(said), **_more_usage()}}


def events(said: Said, body: dict[str, Any]) -> list[bytes]:
    """Return the events of a stream."""
    made = opening(said, body)
    for index, (block, deltas) in enumerate(_blocks(said, body)):
        made.append(event("content_block_start", index=index, content_block=block))
        made += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
        made.append(event("content_block_stop", index=index))
    made.append(event("message_delta", delta=_end(said), usage=_usage(said)))
    return [*made, event("message_stop")]


def opening(said: Said, body: dict[str, Any]) -> list[bytes]:
    """Return what comes before any content."""
    usage = {**_usage(said), **_more_usage(), "output_tokens": 1}
    del usage["output_tokens_details"]
    message = {**_head(body), "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    return [event("message_start", message=message), event("ping")]


def error(kind: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of an error."""
    status, type_, message = ERRORS[kind]
    request = f"req_011C{secrets.token_hex(10)}"
    return status, {"type": "error", "error": {"type": type_, "message": message}, "request_id": request}


def broken_off(kind: str, begun: list[bytes]) -> list[bytes]:
    """Return how a stream tells that it has failed, behind the events that it has begun with."""
    return [event("error", **{name: value for name, value in error(kind)[1].items() if name != "type"})]


def _head(body: dict[str, Any]) -> dict[str, Any]:
    id_ = f"msg_01{secrets.token_hex(11)}"
    return {"id": id_, "type": "message", "role": "assistant", "model": body["model"]}


def _blocks(said: Said, body: dict[str, Any]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return each block as it opens, and its deltas."""
    made: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    thinking = body.get("thinking") or {}
    if said.thought and thinking.get("type") in ("enabled", "adaptive"):
        shown = "" if thinking.get("display") == "omitted" else said.thought.text
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(shown)]
        sealed = {"type": "signature_delta", "signature": said.thought.seal}
        made.append(({"type": "thinking", "thinking": "", "signature": ""}, [*deltas, sealed]))
    if said.text:
        made.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": one} for one in pieces(said.text)]))
    for call in said.calls:
        opened = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        size = max(9, len(call.arguments) // 40)
        cut = [] if call.arguments == "{}" else pieces(call.arguments, size)
        made.append((opened, [{"type": "input_json_delta", "partial_json": one} for one in ("", *cut)]))
    return made


def _filled(said: Said, block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "text":
        return {"text": said.text}
    if block["type"] == "tool_use":
        return {"input": _called(said, block["id"]).given}
    assert said.thought
    return {"thinking": said.thought.text, "signature": said.thought.seal}


def _called(said: Said, id_: str) -> Call:
    return next(call for call in said.calls if call.id == id_)


def _end(said: Said) -> dict[str, Any]:
    end: dict[str, Any] = {"stop_reason": STOPS[said.ended], "stop_sequence": said.stop_sequence or None}
    if end["stop_reason"] == "refusal":
        why = {"type": "refusal", "category": "general_harms", "explanation": said.refusal or None}
        end["stop_details"] = why
    return end


def _usage(said: Said) -> dict[str, Any]:
    tokens = said.tokens
    cached, written = tokens.cached or 0, tokens.written or 0
    return {
        "input_tokens": (tokens.input or 0) - cached - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": tokens.output,
        "output_tokens_details": {"thinking_tokens": tokens.reasoning or 0},
    }


def _more_usage() -> dict[str, Any]:
    return {"service_tier": "standard"}
