"""Bodies of chat completions."""

from __future__ import annotations

from typing import Any

from tests.dialects.contract.samples.common import CLOSED, HELLO, PDF, PNG, Json, Sample, said

WEATHER: Json = {"type": "function", "function": {"name": "weather", "parameters": CLOSED}}
NAMED: Json = {"type": "function", "function": {"name": "weather"}}
CUSTOM: Json = {"type": "custom", "custom": {"name": "patch"}}
CALL: Json = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
PATCH: Json = {"id": "call_1", "type": "custom", "custom": {"name": "patch", "input": "+"}}
ANSWER: Json = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}

SEALED = [{"type": "reasoning.text", "text": "hm", "signature": "sig", "format": "anthropic-claude-v1", "index": 0}]


def called(*calls: Json, answer: Json = ANSWER) -> Json:
    return {"messages": [HELLO, {"role": "assistant", "content": None, "tool_calls": [*calls]}, answer]}


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

REQUEST = Sample(
    base={"model": "asked", "messages": [HELLO]},
    settings=CHAT_REQUEST,
    values={
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
)

ANSWER = Sample(
    base={
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        **answered(),
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    },
    settings=CHAT_ANSWER,
    values={
        "choices[].message.reasoning_details": SEALED,
        "choices[].message.function_call.arguments": '{"city": "Paris"}',
        "usage.prompt_tokens_details.cached_tokens": 30,
        "usage.prompt_tokens_details.cache_write_tokens": 20,
        "usage.completion_tokens_details.reasoning_tokens": 10,
        "usage.prompt_cache_hit_tokens": 30,
    },
)

STREAM = Sample(
    base=chunks(SAID),
    settings=CHAT_STREAM,
    values={
        "event[].choices[].delta.reasoning_details": SEALED,
        "event[].choices[].delta.tool_calls[function].index": 0,
        "event[].choices[].delta.tool_calls[function].function.arguments": '{"a":1}',
        "event[].choices[].delta.function_call.arguments": '{"a":1}',
        "event[].choices[].index": 0,
        "event[].choices[].delta.audio": {"data": "UklGRg=="},
    },
)
