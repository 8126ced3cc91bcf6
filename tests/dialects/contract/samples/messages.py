"""Bodies of the Messages API."""

from __future__ import annotations

from typing import Any

from tests.dialects.contract.samples.common import CLOSED, HELLO, PDF, PNG, Json, Sample, said

USE: Json = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
RESULT: Json = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}
USED: Json = {
    "messages": [HELLO, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [RESULT]}],
}
OFFERED: Json = {"tools": [{"name": "weather", "input_schema": CLOSED}]}


def shown(block: Json) -> Json:
    return {"messages": [{"role": "user", "content": [block, {"type": "text", "text": "look"}]}]}


def sourced(kind: str, **source: Any) -> Json:
    return shown({"type": kind, "source": source})


def heard(*blocks: Json) -> Json:
    """Return a conversation in which the assistant has spoken in blocks."""
    said_ = {"role": "assistant", "content": [*blocks, {"type": "text", "text": "aha"}]}
    return {"messages": [HELLO, said_, HELLO]}


SUMMARY: Json = {"type": "compaction", "content": "so far"}
LISTED: Json = {"type": "mcp_tool_result", "tool_use_id": "mcp_1", "is_error": False, "content": "sunny"}

MESSAGES_REQUEST: dict[str, Json] = {
    "messages[user].content[text]": {"messages": [{"role": "user", "content": [{"type": "text", "text": "look"}]}]},
    "messages[user].content": {"messages": [{"role": "user", "content": [{"type": "text", "text": "look"}]}]},
    "messages[user].content[compaction]": shown(SUMMARY),
    "messages[user].content[mcp_tool_result]": shown(LISTED),
    "messages[assistant].content": heard(),
    "messages[assistant].content[compaction]": heard(SUMMARY),
    "messages[assistant].content[mcp_tool_result]": heard(LISTED),
    "messages[system].output_config": {"messages": [HELLO, {"role": "system", "content": "be brief"}]},
    "messages[user].content[image]": sourced("image", type="base64", media_type="image/png", data=PNG),
    "messages[user].content[image].source[url]": sourced("image", type="url", url="https://example.com/1.png"),
    "messages[user].content[image].source[file]": sourced("image", type="file", file_id="file_1"),
    "messages[user].content[document]": sourced("document", type="base64", media_type="application/pdf", data=PDF),
    "messages[user].content[document].source[text]": sourced(
        "document", type="text", media_type="text/plain", data="note"
    ),
    "messages[user].content[document].source[content]": sourced("document", type="content", content="note"),
    "messages[user].content[document].source[url]": sourced("document", type="url", url="https://example.com/1.pdf"),
    "messages[user].content[document].source[file]": sourced("document", type="file", file_id="file_1"),
    "messages[user].content[tool_result]": USED,
    "messages[assistant]": said(),
    "messages[assistant].content[tool_use]": USED,
    "messages[system]": {"messages": [HELLO, {"role": "system", "content": "be brief"}]},
    "thinking[enabled]": {"thinking": {"type": "enabled", "budget_tokens": 8000}},
    "tool_choice": OFFERED,
    "tool_choice[tool]": OFFERED | {"tool_choice": {"type": "tool", "name": "weather"}},
    "tools[custom]": OFFERED,
}

MESSAGES_ANSWER: dict[str, Json] = {
    "content[tool_use]": {"content": [USE], "stop_reason": "tool_use"},
    "content[compaction]": {"content": [SUMMARY]},
    "stop_details": {"stop_reason": "refusal"},
    "usage.cache_creation": {
        "usage": {
            "input_tokens": 100,
            "output_tokens": 50,
            "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
        }
    },
}


def block(start: Json, *deltas: Json) -> list[Json]:
    return [
        {"type": "content_block_start", "index": 0, "content_block": start},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
    ]


def blocks(start: Json, *deltas: Json, stop: str = "end_turn") -> Json:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    return {
        "event": [
            {"type": "message_start", "message": {**message, "usage": {"input_tokens": 100, "output_tokens": 1}}},
            *block(start, *deltas),
            {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 50}},
            {"type": "message_stop"},
        ]
    }


TEXT: Json = {"type": "text", "text": ""}
THOUGHT: Json = {"type": "thinking", "thinking": "", "signature": ""}
MESSAGES_STREAM: dict[str, Json] = {
    "event[content_block_start]": blocks(USE, stop="tool_use"),
    "event[content_block_delta].delta[input_json_delta]": blocks(
        USE, {"type": "input_json_delta", "partial_json": '{"a":1}'}, stop="tool_use"
    ),
    "event[content_block_delta].delta[citations_delta]": blocks(
        TEXT,
        {"type": "citations_delta", "citation": {"type": "char_location"}},
        {"type": "text_delta", "text": "aha"},
    ),
    "event[content_block_delta].delta[thinking_delta]": blocks(THOUGHT, {"type": "thinking_delta", "thinking": "hm"}),
    "event[content_block_delta].delta[signature_delta]": blocks(THOUGHT, {"type": "signature_delta", "signature": "s"}),
    "event[content_block_delta].delta[compaction_delta]": blocks(
        {"type": "compaction", "content": ""}, {"type": "compaction_delta", "content": "so far"}
    ),
}

REQUEST = Sample(
    base={"model": "asked", "max_tokens": 100, "messages": [HELLO]},
    settings=MESSAGES_REQUEST,
    values={
        "messages[user].content": "hello there",
        "messages[user].content[image].source[base64].media_type": "image/png",
        "messages[user].content[image].transformations": {"oversized_image": "error"},
        "messages[user].content[tool_result].tool_use_id": "toolu_1",
        "messages[user].content[tool_result].content[image].transformations": {"oversized_image": "error"},
        "messages[assistant].content": "well",
        "messages[assistant].content[tool_use].id": "toolu_1",
        "tools[custom].input_schema": CLOSED,
        "tool_choice[tool].name": "weather",
        "container": "c1",
        "output_format": {"type": "json_schema", "schema": CLOSED},
    },
)

ANSWER = Sample(
    base={
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "aha"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 50},
    },
    settings=MESSAGES_ANSWER,
    values={
        "stop_details[refusal].category": "cyber",
    },
)

STREAM = Sample(
    base=blocks(TEXT, {"type": "text_delta", "text": "aha"}),
    settings=MESSAGES_STREAM,
    values={
        "event[content_block_start].index": 0,
        "event[content_block_delta].index": 0,
        "event[content_block_stop].index": 0,
        "event[content_block_delta].delta[input_json_delta].partial_json": '{"b":2}',
    },
)
