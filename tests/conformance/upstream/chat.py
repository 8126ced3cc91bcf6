"""How the upstream says it in chat completions: openai 3.54, types/chat, and reasoning_content as DeepSeek, Kimi and
vLLM show it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from tests.conformance.upstream.sse import data
from tests.conformance.words import pieces
from tests.support.answers import CREATED, DONE

if TYPE_CHECKING:
    from tests.conformance.words import Call, Said

FINISH = {
    "end": "stop",
    "tool": "tool_calls",
    "length": "length",
    "stop_sequence": "stop",
    "refusal": "stop",
    "filter": "content_filter",
}
CONTEXT = (
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 150000 tokens. "
    "Please reduce the length of the messages."
)
ERRORS: dict[str, tuple[int, dict[str, Any]]] = {
    "rate-limit": (429, {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}),
    "bad-request": (
        400,
        {"message": "Invalid value: 'purple'", "type": "invalid_request_error", "param": "tone", "code": "bad_value"},
    ),
    "context": (
        400,
        {
            "message": CONTEXT,
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        },
    ),
    "credential": (
        401,
        {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"},
    ),
    "unknown-model": (
        404,
        {"message": "The model does not exist", "type": "invalid_request_error", "code": "model_not_found"},
    ),
    "server": (500, {"message": "The server had an error", "type": "server_error"}),
    "overloaded": (503, {"message": "The engine is currently overloaded", "type": "server_error"}),
}


def whole(said: Said, body: dict[str, Any]) -> dict[str, Any]:
    """Return an answer."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": said.text or None,
        "refusal": said.refusal or None,
        "annotations": [],
    }
    if said.thought:
        message["reasoning_content"] = said.thought.text
    if said.calls:
        message["tool_calls"] = [_call(call) for call in said.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[said.ended]}
    return {**_head("chat.completion", body), "choices": [choice], "usage": _usage(said)}


def events(said: Said, body: dict[str, Any]) -> list[bytes]:
    """Return the events of a stream. The usage comes if it was asked for."""
    head = _head("chat.completion.chunk", body)
    counted = bool((body.get("stream_options") or {}).get("include_usage"))
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    if said.thought:
        deltas += [{"reasoning_content": piece} for piece in pieces(said.thought.text)]
    deltas += [{"content": piece} for piece in pieces(said.text)]
    deltas += [{"refusal": piece} for piece in pieces(said.refusal)]
    fragments = [_fragments(index, call) for index, call in enumerate(said.calls)]
    if said.interleaved:
        longest = max(map(len, fragments))
        rounds = [row[at] for at in range(longest) for row in fragments if at < len(row)]
    else:
        rounds = [one for row in fragments for one in row]
    deltas += [{"tool_calls": [fragment]} for fragment in rounds]
    more = {"usage": None} if counted else {}
    made = [data({**head, "choices": [_choice(delta, None)], **more, **_noise()}) for delta in deltas]
    made.append(data({**head, "choices": [_choice({}, FINISH[said.ended])], **more, **_noise()}))
    if counted:
        made.append(data({**head, "choices": [], "usage": _usage(said), **_noise()}))
    return [*made, DONE]


def opening(said: Said, body: dict[str, Any]) -> list[bytes]:
    """Return what comes before any content."""
    return events(said, body)[:1]


def error(kind: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of an error."""
    status, given = ERRORS[kind]
    return status, {"error": {"param": None, "code": None, **given}}


def broken_off(kind: str, begun: list[bytes]) -> list[bytes]:
    """Return how a stream tells that it has failed, behind the events that it has begun with."""
    return [data(error(kind)[1])]


def _head(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{secrets.token_hex(14)}",
        "object": kind,
        "created": CREATED,
        "model": body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
    }


def _noise() -> dict[str, str]:
    return {"obfuscation": secrets.token_urlsafe(6)}


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _call(call: Call) -> dict[str, Any]:
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _fragments(index: int, call: Call) -> list[dict[str, Any]]:
    said = "input" if call.kind == "custom" else "arguments"
    opened = _call(call)
    opened[call.kind][said] = ""
    size = max(9, len(call.arguments) // 40)
    rest = [{"index": index, call.kind: {said: piece}} for piece in pieces(call.arguments, size)]
    return [{"index": index, **opened}, *rest]


def _usage(said: Said) -> dict[str, Any]:
    tokens = said.tokens
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": (tokens.input or 0) + (tokens.output or 0),
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.written},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }
