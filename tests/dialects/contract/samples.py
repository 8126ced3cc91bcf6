"""What the bodies of the contract's tests are made of: where a type alone does not tell what makes sense."""

from __future__ import annotations

from typing import Any

from tests.dialects.contract.fields import Key

Json = dict[str, Any]

PNG = "iVBORw0KGgoAAAANSUhEUg=="
PDF = "JVBERi0xLjcK"
CLOSED: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
"""A schema that every API can hold a model to."""

HELLO: Json = {"role": "user", "content": "hello"}
WEATHER: Json = {"type": "function", "function": {"name": "weather", "parameters": CLOSED}}
NAMED: Json = {"type": "function", "function": {"name": "weather"}}
CUSTOM: Json = {"type": "custom", "custom": {"name": "patch"}}
CALL: Json = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
PATCH: Json = {"id": "call_1", "type": "custom", "custom": {"name": "patch", "input": "+"}}
ANSWER: Json = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}

SEALED = [{"type": "reasoning.text", "text": "hm", "signature": "sig", "format": "anthropic-claude-v1", "index": 0}]


def called(*calls: Json, answer: Json = ANSWER) -> Json:
    return {"messages": [HELLO, {"role": "assistant", "content": None, "tool_calls": [*calls]}, answer]}


def said(**fields: Any) -> Json:
    """Return a conversation in which the assistant has spoken."""
    return {"messages": [HELLO, {"role": "assistant", "content": "aha", **fields}, HELLO]}


def told(role: str) -> Json:
    return {"messages": [{"role": role, "content": "be brief"}, HELLO]}


def part(kind: str, value: Any) -> Json:
    return {"messages": [{"role": "user", "content": [{"type": kind, kind: value}, {"type": "text", "text": "look"}]}]}


CHAT_REQUEST: dict[str, Json] = {
    "messages[developer]": told("developer"),
    "messages[system]": told("system"),
    "messages[user].content[image_url]": part("image_url", {"url": f"data:image/png;base64,{PNG}"}),
    "messages[user].content[input_audio]": part("input_audio", {"data": "UklGRg==", "format": "wav"}),
    "messages[user].content[file]": part("file", {"file_data": f"data:application/pdf;base64,{PDF}"}),
    "messages[user].content[file].file.file_id": part("file", {"file_id": "file-1"}),
    "messages[assistant]": said(),
    "messages[assistant].function_call": {
        "messages": [
            HELLO,
            {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
            {"role": "function", "name": "weather", "content": "sunny"},
        ]
    },
    "messages[assistant].tool_calls[function]": called(CALL),
    "messages[assistant].tool_calls[custom]": called(PATCH),
    "messages[tool]": called(CALL),
    "messages[function]": {
        "messages": [
            HELLO,
            {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
            {"role": "function", "name": "weather", "content": "sunny"},
        ]
    },
    "function_call": {"functions": [{"name": "weather"}]},
    "tool_choice": {"tools": [WEATHER, CUSTOM]},
    "tool_choice[allowed_tools]": {
        "tools": [WEATHER, CUSTOM],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [NAMED]}},
    },
    "tool_choice[function]": {"tools": [WEATHER, CUSTOM], "tool_choice": NAMED},
    "tool_choice[custom]": {
        "tools": [WEATHER, CUSTOM],
        "tool_choice": {"type": "custom", "custom": {"name": "patch"}},
    },
    "parallel_tool_calls": {"tools": [WEATHER]},
    "tools[function]": {"tools": [WEATHER]},
    "tools[custom]": {"tools": [CUSTOM]},
    "stream_options": {"stream": True},
    "response_format[json_schema]": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": CLOSED}}
    },
}


def answered(finish: str = "stop", **message: Any) -> Json:
    return {
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "aha", **message},
                "finish_reason": finish,
                "logprobs": None,
            }
        ]
    }


CHAT_ANSWER: dict[str, Json] = {
    "choices[].message.tool_calls[function]": answered("tool_calls", tool_calls=[CALL]),
    "choices[].message.tool_calls[custom]": answered("tool_calls", tool_calls=[PATCH]),
    "choices[].message.function_call": answered("function_call", function_call={"name": "weather", "arguments": "{}"}),
}

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


def chunk(finish: str | None = None, **delta: Any) -> Json:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]}


def chunks(*first: Json, finish: str = "stop") -> Json:
    spent = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    return {"event": [*first, chunk(finish), {**chunk(), "choices": [], "usage": spent}, "[DONE]"]}


SAID = chunk(role="assistant", content="aha")
CALLING: Json = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
CHAT_STREAM: dict[str, Json] = {
    "event[].choices[].delta": chunks(chunk(role="assistant"), SAID),
    "event[].choices[].delta.role": chunks(SAID),
    "event[].choices[].finish_reason": {"event": [chunk("stop", content="aha"), "[DONE]"]},
    "event[].choices[].delta.tool_calls[function]": chunks(chunk(tool_calls=[CALLING]), finish="tool_calls"),
    "event[].choices[].delta.function_call": chunks(
        chunk(function_call={"name": "weather", "arguments": "{}"}), finish="function_call"
    ),
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

ASK: Json = {"type": "message", "role": "user", "content": "hello"}
FUNCTION: Json = {"type": "function", "name": "weather", "parameters": CLOSED}
CLOCK: Json = {"type": "function", "name": "clock", "parameters": CLOSED}
FREE: Json = {"type": "custom", "name": "patch"}
CALLS: Json = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
OUTPUT: Json = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
PATCHES: Json = {"type": "custom_tool_call", "call_id": "call_1", "name": "patch", "input": "+"}
PATCHED: Json = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"}
MULLED: Json = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}
SPOKEN: Json = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "aha", "annotations": []}],
}
REFUSING: Json = {**SPOKEN, "content": [{"type": "refusal", "refusal": "no"}]}


def items(*given: Json) -> Json:
    return {"input": [ASK, *given]}


def content(*given: Json) -> Json:
    return {"input": [{"type": "message", "role": "user", "content": [*given, {"type": "input_text", "text": "look"}]}]}


def outputs(call: Json, output: Json, *given: Json) -> Json:
    return items(call, {**output, "output": [*given, {"type": "input_text", "text": "look"}]})


def brought(kind: str, *tools: Json, **fields: Any) -> Json:
    return {"input": [{"type": kind, **fields, "tools": [*tools]}, ASK]}


PICTURE: Json = {
    "type": "computer_call_output",
    "call_id": "call_1",
    "output": {"type": "computer_screenshot"},
    "status": "completed",
}
HOME: Json = {"type": "namespace", "name": "home", "description": "At home.", "tools": [FUNCTION, CLOCK]}
WORKSHOP: Json = {**HOME, "tools": [CLOCK, FREE]}
HOSTED = (
    *("file_search", "web_search_preview", "computer", "computer_use_preview", "computer_use", "shell", "apply_patch"),
    *("web_search_preview_2025_03_11", "image_generation", "code_interpreter", "mcp", "programmatic_tool_calling"),
)
"""Tools of OpenAI's own that a choice can name."""
IMAGE: Json = {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PNG}"}
PAPER: Json = {"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}"}
SHELVED: Json = {"type": "input_file", "file_id": "file_1"}
LINKED: Json = {"type": "input_file", "file_url": "https://example.com/1.pdf"}
STORED: Json = {"type": "input_image", "detail": "auto", "file_id": "file_1"}

RESPONSES_REQUEST: dict[str, Json] = {
    "input[message]": items(),
    "input[message].content": content(),
    "input[message].content[input_image]": content(IMAGE),
    "input[message].content[input_image].file_id": content(STORED),
    "input[message].content[input_file]": content(PAPER),
    "input[message].content[input_file].file_id": content(SHELVED),
    "input[message].content[input_file].file_url": content(LINKED),
    "input[message].content[output_text]": items(SPOKEN, ASK),
    "input[message].content[refusal]": items(REFUSING, ASK),
    "input[message].phase": items({**SPOKEN, "phase": "commentary"}, ASK),
    "input[message].id": items(SPOKEN, ASK),
    "input[message].status": items(SPOKEN, ASK),
    "input[message].role": items(ASK),
    "input[function_call]": items(CALLS, OUTPUT),
    "input[function_call_output]": items(CALLS, OUTPUT),
    "input[function_call_output].output[input_text]": outputs(CALLS, OUTPUT),
    "input[function_call_output].output[input_image]": outputs(CALLS, OUTPUT, IMAGE),
    "input[function_call_output].output[input_file]": outputs(CALLS, OUTPUT, PAPER),
    "input[function_call_output].output[input_image].file_id": outputs(CALLS, OUTPUT, STORED),
    "input[function_call_output].output[input_file].file_id": outputs(CALLS, OUTPUT, SHELVED),
    "input[function_call_output].output[input_file].file_url": outputs(CALLS, OUTPUT, LINKED),
    "input[custom_tool_call]": items(PATCHES, PATCHED),
    "input[custom_tool_call_output]": items(PATCHES, PATCHED),
    "input[custom_tool_call_output].output[input_text]": outputs(PATCHES, PATCHED),
    "input[custom_tool_call_output].output[input_image]": outputs(PATCHES, PATCHED, IMAGE),
    "input[custom_tool_call_output].output[input_file]": outputs(PATCHES, PATCHED, PAPER),
    "input[custom_tool_call_output].output[input_image].file_id": outputs(PATCHES, PATCHED, STORED),
    "input[custom_tool_call_output].output[input_file].file_id": outputs(PATCHES, PATCHED, SHELVED),
    "input[custom_tool_call_output].output[input_file].file_url": outputs(PATCHES, PATCHED, LINKED),
    "input[computer_call_output]": items(PICTURE, ASK),
    "input[reasoning]": items(MULLED, SPOKEN, ASK),
    "input": items(ASK),
    "input[additional_tools]": brought("additional_tools", FUNCTION, role="developer"),
    "input[additional_tools].tools[custom]": brought("additional_tools", FREE, role="developer"),
    "input[additional_tools].tools[namespace]": brought("additional_tools", HOME, role="developer"),
    "input[tool_search_output]": brought("tool_search_output", FUNCTION),
    "input[tool_search_output].tools[custom]": brought("tool_search_output", FREE),
    "input[tool_search_output].tools[namespace]": brought("tool_search_output", HOME),
    "tools[function]": {"tools": [FUNCTION]},
    "tools[custom]": {"tools": [FREE]},
    "tools[namespace]": {"tools": [HOME]},
    "tools[namespace].tools[custom]": {"tools": [WORKSHOP]},
    "tool_choice": {"tools": [FUNCTION, FREE]},
    "tool_choice[allowed_tools]": {
        "tools": [FUNCTION, FREE],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "weather"}]},
    },
    **{f"tool_choice[{kind}]": {"tools": [FUNCTION, {"type": kind}], "tool_choice": {"type": kind}} for kind in HOSTED},
    "tool_choice[function]": {"tools": [FUNCTION, FREE], "tool_choice": {"type": "function", "name": "weather"}},
    "tool_choice[custom]": {"tools": [FUNCTION, FREE], "tool_choice": {"type": "custom", "name": "patch"}},
    "parallel_tool_calls": {"tools": [FUNCTION]},
    "stream_options": {"stream": True},
    "text.format[json_schema]": {"text": {"format": {"type": "json_schema", "name": "place", "schema": CLOSED}}},
}
RAW: Json = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}

RESPONSES_ANSWER: dict[str, Json] = {
    "incomplete_details": {"status": "incomplete"},
    "error": {"status": "failed"},
    "output[message].content[refusal]": {"output": [REFUSING]},
    "output[reasoning]": {"output": [MULLED, SPOKEN]},
    "output[reasoning].content[reasoning_text]": {"output": [RAW, SPOKEN]},
    "output[function_call]": {"output": [{**CALLS, "id": "fc_1"}]},
    "output[custom_tool_call]": {"output": [PATCHES]},
}

RESPONSE: Json = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [SPOKEN],
    "usage": {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 150,
    },
}


def event(kind: str, **fields: Any) -> Json:
    return {"type": f"response.{kind}", **fields}


def begun(*given: Json, end: str = "completed") -> Json:
    """Return a stream whose end does not repeat what was said."""
    silent = {**RESPONSE, "output": []}
    return {
        "event": [event("created", response={**silent, "status": "in_progress"}), *given, event(end, response=silent)]
    }


SAYS = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
SUMS = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
THINKS = {**SUMS, "content_index": 0}
ARGUES = {"item_id": "fc_1", "output_index": 0}
BEGINS = event("output_item.added", output_index=0, item={**CALLS, "id": "fc_1", "arguments": ""})
FREES = event("output_item.added", output_index=0, item={**PATCHES, "id": "fc_1", "input": ""})
WROTE = event("output_text.delta", **SAYS, delta="aha")

RESPONSES_STREAM: dict[str, Json] = {
    f"event[{told['event'][place]['type']}]{inside}": told
    for place, told, inside in (
        (1, begun(BEGINS, event("function_call_arguments.delta", **ARGUES, delta="{}")), ""),
        (1, begun(event("output_item.done", output_index=0, item=SPOKEN)), ""),
        (1, begun(event("content_part.done", **SAYS, part=SPOKEN["content"][0])), ""),
        (1, begun(event("content_part.done", **SAYS, part=REFUSING["content"][0])), ".part[refusal]"),
        (1, begun(event("content_part.done", **THINKS, part=RAW["content"][0])), ".part[reasoning_text]"),
        (1, begun(WROTE), ""),
        (1, begun(event("output_text.done", **SAYS, text="aha")), ""),
        (2, begun(WROTE, event("output_text.annotation.added", **SAYS, annotation={})), ""),
        (1, begun(event("refusal.delta", **SAYS, delta="no")), ""),
        (1, begun(event("refusal.done", **SAYS, refusal="no")), ""),
        (1, begun(event("reasoning_text.delta", **THINKS, delta="hm")), ""),
        (1, begun(event("reasoning_text.done", **THINKS, text="hm")), ""),
        (1, begun(event("reasoning_summary_text.delta", **SUMS, delta="hm")), ""),
        (1, begun(event("reasoning_summary_text.done", **SUMS, text="hm")), ""),
        (1, begun(event("reasoning_summary_part.done", **SUMS, part=MULLED["summary"][0])), ""),
        (2, begun(BEGINS, event("function_call_arguments.delta", **ARGUES, delta='{"a":1}')), ""),
        (2, begun(BEGINS, event("function_call_arguments.done", **ARGUES, arguments='{"a":1}')), ""),
        (2, begun(FREES, event("custom_tool_call_input.delta", **ARGUES, delta="+")), ""),
        (2, begun(FREES, event("custom_tool_call_input.done", **ARGUES, input="+")), ""),
        (2, begun(WROTE, end="incomplete"), ""),
    )
}
PLACES = ("item_id", "output_index", "content_index", "summary_index")
PLACED = {
    f"{path}.{name}": one[name]
    for path, told_ in RESPONSES_STREAM.items()
    for one in told_["event"]
    if path.startswith(f"event[{one['type']}]")
    for name in PLACES
    if name in one
}
"""Where an event belongs: another place would be that of another item."""

BASES: dict[Key, Json] = {
    ("responses", "request"): {"model": "asked", "input": "hello"},
    ("responses", "answer"): RESPONSE,
    ("responses", "stream"): begun(WROTE),
    ("chat", "request"): {"model": "asked", "messages": [HELLO]},
    ("messages", "request"): {"model": "asked", "max_tokens": 100, "messages": [HELLO]},
    ("chat", "stream"): chunks(SAID),
    ("messages", "stream"): blocks(TEXT, {"type": "text_delta", "text": "aha"}),
    ("messages", "answer"): {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "aha"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 50},
    },
    ("chat", "answer"): {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        **answered(),
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    },
}
"""The least that an API takes, or that is an answer of it."""

SETTINGS: dict[Key, dict[str, Json]] = {
    ("responses", "request"): RESPONSES_REQUEST,
    ("responses", "answer"): RESPONSES_ANSWER,
    ("responses", "stream"): RESPONSES_STREAM,
    ("chat", "request"): CHAT_REQUEST,
    ("chat", "answer"): CHAT_ANSWER,
    ("messages", "request"): MESSAGES_REQUEST,
    ("messages", "answer"): MESSAGES_ANSWER,
    ("chat", "stream"): CHAT_STREAM,
    ("messages", "stream"): MESSAGES_STREAM,
}
"""Path -> the fields of a body in which something at this path, or in it, makes sense; the longest path counts."""

VALUES: dict[Key, dict[str, Any]] = {
    ("responses", "request"): {
        "input": "good morning",
        "stream_options.include_usage": True,
        "input[message].content": "good morning",
        "input[function_call].call_id": "call_1",
        "input[function_call_output].call_id": "call_1",
        "input[custom_tool_call].call_id": "call_1",
        "input[custom_tool_call_output].call_id": "call_1",
        "tools[function].parameters": CLOSED,
        "tools[namespace].tools[function].parameters": CLOSED,
        "input[additional_tools].tools[function].parameters": CLOSED,
        "input[tool_search_output].tools[function].parameters": CLOSED,
        "input[function_call].arguments": '{"city": "Paris"}',
        "input[configuration_update].text.format": {"type": "json_schema", "name": "place", "schema": CLOSED},
        "input[message].content[input_image].image_url": IMAGE["image_url"],
        "input[message].content[input_file].file_data": PAPER["file_data"],
        "input[function_call_output].output[input_image].image_url": IMAGE["image_url"],
        "input[function_call_output].output[input_file].file_data": PAPER["file_data"],
        "input[custom_tool_call_output].output[input_image].image_url": IMAGE["image_url"],
        "input[custom_tool_call_output].output[input_file].file_data": PAPER["file_data"],
        "text.format[json_schema].schema": CLOSED,
        "tool_choice[allowed_tools].tools": [{"type": "function", "name": "weather"}],
        "tool_choice[function].name": "weather",
        "tool_choice[custom].name": "patch",
    },
    ("responses", "answer"): {
        "output[function_call].arguments": '{"city": "Paris"}',
        "usage.input_tokens_details.cached_tokens": 30,
        "usage.input_tokens_details.cache_write_tokens": 20,
        "usage.output_tokens_details.reasoning_tokens": 10,
    },
    ("responses", "stream"): {
        **PLACED,
        "event[response.function_call_arguments.delta].delta": '{"b":2}',
        "event[response.function_call_arguments.done].arguments": '{"b":2}',
    },
    ("chat", "stream"): {
        "event[].choices[].delta.reasoning_details": SEALED,
        "event[].choices[].delta.tool_calls[function].index": 0,
        "event[].choices[].delta.tool_calls[function].function.arguments": '{"a":1}',
        "event[].choices[].delta.function_call.arguments": '{"a":1}',
        "event[].choices[].index": 0,
        "event[].choices[].delta.audio": {"data": "UklGRg=="},
    },
    ("messages", "stream"): {
        "event[content_block_start].index": 0,
        "event[content_block_delta].index": 0,
        "event[content_block_stop].index": 0,
        "event[content_block_delta].delta[input_json_delta].partial_json": '{"b":2}',
    },
    ("chat", "request"): {
        "response_format[json_schema].json_schema.schema": CLOSED,
        "messages[assistant].function_call.arguments": '{"city": "Paris"}',
        "messages[assistant].function_call.name": "weather",
        "messages[assistant].reasoning_details": SEALED,
        "messages[tool].tool_call_id": "call_1",
        "messages[function].name": "weather",
        "function_call.name": "weather",
        "functions[].parameters": CLOSED,
        "tools[function].function.parameters": CLOSED,
        "tool_choice[allowed_tools].allowed_tools.tools": [NAMED],
        "tool_choice[function].function.name": "weather",
        "tool_choice[custom].custom.name": "patch",
    },
    ("chat", "answer"): {
        "choices[].message.reasoning_details": SEALED,
        "choices[].message.function_call.arguments": '{"city": "Paris"}',
        "usage.prompt_tokens_details.cached_tokens": 30,
        "usage.prompt_tokens_details.cache_write_tokens": 20,
        "usage.completion_tokens_details.reasoning_tokens": 10,
        "usage.prompt_cache_hit_tokens": 30,
    },
    ("messages", "answer"): {
        "stop_details[refusal].category": "cyber",
    },
    ("messages", "request"): {
        "messages[user].content": "hello there",
        "messages[user].content[image].source[base64].media_type": "image/png",
        "messages[user].content[image].transformations": {"oversized_image": "error"},
        "messages[user].content[tool_result].tool_use_id": "toolu_1",
        "messages[user].content[tool_result].content[image].transformations": {"oversized_image": "error"},
        "messages[assistant].content": "well",
        "messages[assistant].content[tool_use].id": "toolu_1",
        "tools[custom].input_schema": CLOSED,
        "container": "c1",
        "output_format": {"type": "json_schema", "schema": CLOSED},
    },
}
"""Path -> a value, where the type admits others that nobody would understand."""
