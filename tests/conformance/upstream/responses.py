"""How the upstream says it in Responses: openai 3.54, types/responses/response.py, response_stream_event.py."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from tests.conformance.upstream.sse import event
from tests.conformance.words import pieces
from tests.support.answers import CREATED

if TYPE_CHECKING:
    from tests.conformance.words import Call, Said

ERRORS: dict[str, tuple[int, dict[str, Any]]] = {
    "rate-limit": (429, {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}),
    "bad-request": (
        400,
        {"message": "Invalid value: 'purple'", "type": "invalid_request_error", "param": "tone", "code": "bad_value"},
    ),
    "context": (
        400,
        {
            "message": "Your input exceeds the context window of this model. Please adjust your input and try again.",
            "type": "invalid_request_error",
            "param": "input",
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
    "server": (500, {"message": "The server had an error", "type": "server_error", "code": "server_error"}),
    "overloaded": (503, {"message": "Our servers are currently overloaded", "type": "server_error"}),
}
ECHOED = (
    "instructions",
    "max_output_tokens",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "reasoning",
    "store",
    "text",
    "tool_choice",
    "tools",
)
"""What an answer repeats of its request."""
DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
}


def whole(said: Said, body: dict[str, Any]) -> dict[str, Any]:
    """Return an answer. A thought is summarised if the request asks for it; it is there, encrypted, in any case."""
    return _finished(_head(body), said, _items(said, body))


def events(said: Said, body: dict[str, Any]) -> list[bytes]:
    """Return the events of a stream."""
    head, items = _head(body), _items(said, body)
    made: list[tuple[str, dict[str, Any]]] = _opened(head)
    for index, item in enumerate(items):
        made += _item_events(index, item)
    end = "response.incomplete" if said.ended in ("length", "filter") else "response.completed"
    made.append((end, {"response": _finished(head, said, items)}))
    return _numbered(made)


def opening(said: Said, body: dict[str, Any]) -> list[bytes]:
    """Return what comes before any content."""
    return _numbered(_opened(_head(body)))


def error(kind: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of an error."""
    status, given = ERRORS[kind]
    return status, {"error": {"param": None, "code": None, **given}}


def broken_off(kind: str, begun: list[bytes]) -> list[bytes]:
    """Return how a stream tells that it has failed, behind the events that it has begun with."""
    code = {"rate-limit": "rate_limit_exceeded"}.get(kind, "server_error")
    why = {"code": code, "message": error(kind)[1]["error"]["message"]}
    response = json.loads(begun[0].partition(b"data: ")[2])["response"]
    failed = {**response, "status": "failed", "error": why}
    return [event("response.failed", response=failed, sequence_number=len(begun))]


def _numbered(made: list[tuple[str, dict[str, Any]]]) -> list[bytes]:
    return [event(kind, **fields, sequence_number=number) for number, (kind, fields) in enumerate(made)]


def _opened(head: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    begun = {**head, "status": "in_progress", "output": [], "usage": None}
    return [("response.created", {"response": begun}), ("response.in_progress", {"response": begun})]


def _head(body: dict[str, Any]) -> dict[str, Any]:
    echoed = {name: body[name] if body.get(name) is not None else DEFAULTS[name] for name in ECHOED}
    return {
        "id": f"resp_{secrets.token_hex(24)}",
        "object": "response",
        "created_at": CREATED,
        "model": body["model"],
        "error": None,
        "incomplete_details": None,
        "background": False,
        "truncation": "disabled",
        "temperature": 1.0,
        "top_p": 1.0,
        "service_tier": "default",
        **echoed,
    }


def _finished(head: dict[str, Any], said: Said, items: list[dict[str, Any]]) -> dict[str, Any]:
    reason = {"length": "max_output_tokens", "filter": "content_filter"}.get(said.ended)
    tokens = said.tokens
    return {
        **head,
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": items,
        "usage": {
            "input_tokens": tokens.input,
            "input_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.written},
            "output_tokens": tokens.output,
            "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
            "total_tokens": (tokens.input or 0) + (tokens.output or 0),
        },
    }


def _items(said: Said, body: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if said.thought:
        shown = (body.get("reasoning") or {}).get("summary")
        summary = [{"type": "summary_text", "text": said.thought.text}] if shown else []
        id_ = f"rs_{secrets.token_hex(24)}"
        items.append({"id": id_, "type": "reasoning", "summary": summary, "encrypted_content": said.thought.seal})
    parts: list[dict[str, Any]] = []
    if said.text:
        parts.append({"type": "output_text", "text": said.text, "annotations": [], "logprobs": []})
    if said.refusal:
        parts.append({"type": "refusal", "refusal": said.refusal})
    if parts:
        status = "incomplete" if said.ended in ("length", "filter") else "completed"
        message = {"type": "message", "status": status, "role": "assistant", "content": parts}
        items.append({"id": f"msg_{secrets.token_hex(24)}", **message})
    return [*items, *(_call(call) for call in said.calls)]


def _call(call: Call) -> dict[str, Any]:
    space = {"namespace": call.namespace} if call.namespace else {}
    made: dict[str, Any] = {"status": "completed", "call_id": call.id, "name": call.name, **space}
    if call.kind == "custom":
        return {"id": f"ctc_{secrets.token_hex(24)}", "type": "custom_tool_call", "input": call.arguments, **made}
    return {"id": f"fc_{secrets.token_hex(24)}", "type": "function_call", "arguments": call.arguments, **made}


def _item_events(index: int, item: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    opened = {**item, "status": "in_progress", **EMPTY[item["type"]]}
    if item["type"] == "reasoning":
        del opened["status"]
    inner = INNER[item["type"]](item)
    where = {"item_id": item["id"], "output_index": index}
    return [
        ("response.output_item.added", {"output_index": index, "item": opened}),
        *((kind, {**where, **fields}) for kind, fields in inner),
        ("response.output_item.done", {"output_index": index, "item": item}),
    ]


def _message(item: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    made: list[tuple[str, dict[str, Any]]] = []
    for index, part in enumerate(item["content"]):
        at = {"content_index": index}
        said = "text" if part["type"] == "output_text" else "refusal"
        logged: dict[str, Any] = {"logprobs": []} if said == "text" else {}
        made.append(("response.content_part.added", {**at, "part": {**part, said: ""}}))
        made += [(f"response.{part['type']}.delta", {**at, "delta": one, **logged}) for one in pieces(part[said])]
        made.append((f"response.{part['type']}.done", {**at, said: part[said], **logged}))
        made.append(("response.content_part.done", {**at, "part": part}))
    return made


def _reasoning(item: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    made: list[tuple[str, dict[str, Any]]] = []
    for index, part in enumerate(item["summary"]):
        at = {"summary_index": index}
        made.append(("response.reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}))
        made += [("response.reasoning_summary_text.delta", {**at, "delta": one}) for one in pieces(part["text"])]
        made.append(("response.reasoning_summary_text.done", {**at, "text": part["text"]}))
        made.append(("response.reasoning_summary_part.done", {**at, "part": part}))
    return made


def _function_call(item: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return _input("response.function_call_arguments", "arguments", item["arguments"])


def _custom_call(item: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return _input("response.custom_tool_call_input", "input", item["input"])


def _input(event_: str, name: str, given: str) -> list[tuple[str, dict[str, Any]]]:
    cut = pieces(given, max(9, len(given) // 40))
    return [*((f"{event_}.delta", {"delta": one}) for one in cut), (f"{event_}.done", {name: given})]


INNER = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _function_call,
    "custom_tool_call": _custom_call,
}
EMPTY: dict[str, dict[str, Any]] = {
    "message": {"content": []},
    "reasoning": {"summary": []},
    "function_call": {"arguments": ""},
    "custom_tool_call": {"input": ""},
}
