"""What is answered, as schemas: errors in the form of each API, and what of an answer every client relies on.

What an upstream says beyond that passes, so no schema closes an object. Protocol facts: openai 3.54 and anthropic 2.12
(types/*).
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
MAYBE: Json = {"type": ["string", "null"]}
COUNT: Json = {"type": "integer", "minimum": 0}
FLAG: Json = {"type": "boolean"}


def up_to(most: int, least: int = 1) -> Json:
    return {"type": "integer", "minimum": least, "maximum": most}


def thing(required: Json, **more: Any) -> Json:
    """Return an object that has at least these fields; `more` may be missing."""
    return {"type": "object", "required": list(required), "properties": {**required, **more}}


def listed(items: Json) -> Json:
    return {"type": "array", "items": items}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


FAULT = thing({"code": TEXT, "message": TEXT, "file": TEXT}, line={"type": ["integer", "null"]})

SCHEMAS: dict[str, Json] = {
    "OpenAIError": thing({"error": thing({"message": TEXT, "type": TEXT, "param": MAYBE, "code": MAYBE})}),
    "AnthropicError": thing(
        {"type": {"const": "error"}, "error": thing({"type": TEXT, "message": TEXT}), "request_id": TEXT}
    ),
    "AnyError": {"anyOf": [ref("OpenAIError"), ref("AnthropicError")]},
    "ChatCompletion": thing(
        {"id": TEXT, "object": {"const": "chat.completion"}, "model": TEXT, "choices": listed(thing({}))}
    ),
    "Completion": thing({"object": {"const": "text_completion"}, "model": TEXT, "choices": listed(thing({}))}),
    "EmbeddingList": thing({"object": {"const": "list"}, "data": listed(thing({}))}),
    "Message": thing(
        {
            "id": TEXT,
            "type": {"const": "message"},
            "role": {"const": "assistant"},
            "model": TEXT,
            "content": listed(thing({"type": TEXT})),
            "stop_reason": MAYBE,
            "usage": thing({}),
        }
    ),
    "InputTokenCount": thing({"input_tokens": COUNT}),
    "Response": thing(
        {"id": TEXT, "object": {"const": "response"}, "status": TEXT, "output": listed(thing({"type": TEXT}))}
    ),
    "DeletedResponse": thing({"id": TEXT, "object": {"const": "response"}, "deleted": {"const": True}}),
    "ItemList": thing({"object": {"const": "list"}, "data": listed(thing({"type": TEXT})), "has_more": FLAG}),
    "OpenAIModel": thing({"id": TEXT, "object": {"const": "model"}, "created": COUNT, "owned_by": TEXT}),
    "AnthropicModel": thing({"id": TEXT, "type": {"const": "model"}, "display_name": TEXT, "created_at": TEXT}),
    "OpenAIModelList": thing({"object": {"const": "list"}, "data": listed(ref("OpenAIModel"))}),
    "AnthropicModelList": thing(
        {"data": listed(ref("AnthropicModel")), "has_more": FLAG, "first_id": MAYBE, "last_id": MAYBE}
    ),
    "Health": thing(
        {
            "status": {"enum": ["ok", "degraded"]},
            "timestamp": TEXT,
            "uptime_s": {"type": "number"},
            "rss_bytes": COUNT,
            "generation": TEXT,
            "config": thing({"ok": FLAG, "changed_at": TEXT, "last_error": {"anyOf": [FAULT, {"type": "null"}]}}),
        }
    ),
    "Ready": thing(
        {
            "ready": FLAG,
            "backends": {
                "type": "object",
                "additionalProperties": {"enum": ["ok", "failing", "down", "off", "unknown"]},
            },
        }
    ),
    "Greeting": thing({"name": {"const": "turnout"}}),
}

ANSWERS = {
    "chat": "ChatCompletion",
    "completions": "Completion",
    "embeddings": "EmbeddingList",
    "messages": "Message",
    "count_tokens": "InputTokenCount",
    "responses": "Response",
    "input_tokens": "InputTokenCount",
}
"""API -> the schema of its whole answer."""
EXAMPLES: dict[str, Json] = {
    "chat": {"model": "smart", "messages": [{"role": "user", "content": "Hello"}]},
    "completions": {"model": "smart", "prompt": "Hello"},
    "embeddings": {"model": "small", "input": "Hello"},
    "messages": {"model": "smart", "max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]},
    "count_tokens": {"model": "smart", "messages": [{"role": "user", "content": "Hello"}]},
    "responses": {"model": "smart", "input": "Hello"},
    "input_tokens": {"model": "smart", "input": "Hello"},
}
"""API -> a small request."""
STREAMS = frozenset({"chat", "completions", "messages", "responses"})
"""The APIs that answer in events where the body says `stream: true`."""
ERRORS = {"openai": "OpenAIError", "anthropic": "AnthropicError"}
"""Dialect -> the schema of its errors."""
