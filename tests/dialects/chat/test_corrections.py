"""What servers say when they refuse a parameter, and what is left out the next time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Failure
from engine.dialects import CODECS, OPENAI
from engine.dialects.chat.corrections import correction, once

SENT: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "developer", "content": "x"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}, {"type": "file", "file": {}}]},
        {"role": "system", "content": "x"},
        {"role": "assistant", "content": "x"},
        {"role": "assistant", "content": None, "reasoning_content": "x", "tool_calls": [{"id": "call_1"}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}]},
    ],
    "max_tokens": 32000,
    "temperature": 0.2,
    "top_p": 0.2,
    "top_k": 2,
    "stop": ["x"],
    "stream": True,
    "stream_options": {"include_usage": True},
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}},
        {"type": "custom", "custom": {"name": "g"}},
    ],
    "tool_choice": "required",
    "verbosity": "low",
    "parallel_tool_calls": False,
    "reasoning_effort": "minimal",
    "response_format": {"type": "json_schema", "json_schema": {"name": "output", "schema": {}, "strict": False}},
    "safety_identifier": "x",
    "prompt_cache_key": "x",
    "service_tier": "default",
}


def openai(message: str, param: str | None = None, code: str | None = None) -> Any:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def mistral(*place: Any) -> Any:
    return {"detail": [{"type": "extra_forbidden", "loc": ["body", *place], "msg": "Extra inputs are not permitted"}]}


def vllm(message: str) -> Any:
    return {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}


QUOTED = "{'loc': ('body', 'temperature'), 'msg': 'temperature is not supported'}, 'unsupported parameter: top_p'"


def refused(body: Any, status: int = 400, sent: dict[str, Any] = SENT) -> str | None:
    return correction(OPENAI.classify(status, [], json.dumps(body).encode()), sent)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (
            openai(
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead.",
                "max_tokens",
                "unsupported_parameter",
            ),
            "max_tokens",
        ),
        (
            openai(
                "Unsupported value: 'temperature' does not support 0.2 with this model. "
                "Only the default (1) value is supported.",
                "temperature",
                "unsupported_value",
            ),
            "temperature",
        ),
        (openai("Unsupported parameter: 'top_p' is not supported with this model.", "top_p"), "top_p"),
        (openai("Unsupported parameter: 'stop' is not supported with this model.", "stop"), "stop"),
        (openai("Unrecognized request argument supplied: safety_identifier"), "safety_identifier"),
        (openai("Unknown parameter: 'prompt_cache_key'.", "prompt_cache_key", "unknown_parameter"), "prompt_cache_key"),
        (
            openai(
                "Unknown parameter: 'messages[5].content[0].prompt_cache_breakpoint'.",
                "messages[5].content[0].prompt_cache_breakpoint",
            ),
            "prompt_cache_breakpoint",
        ),
        (
            openai(
                "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. "
                "Supported values are: 'none', 'low', 'medium', 'high', and 'xhigh'.",
                "reasoning_effort",
                "unsupported_value",
            ),
            "reasoning_effort=minimal",
        ),
        (openai("Unrecognized request argument supplied: reasoning_effort"), "reasoning_effort"),
        (
            openai(
                "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions. To use "
                "function tools, use /v1/responses or set reasoning_effort to 'none'.",
                "reasoning_effort",
            ),
            "reasoning_effort+tools",
        ),
        (
            openai(
                "max_tokens is too large: 32000. This model supports at most 16384 completion tokens, whereas you "
                "provided 32000.",
                "max_tokens",
                "invalid_value",
            ),
            "max_output=16384",
        ),
        (openai("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"), "max_output=8192"),
        (
            openai(
                "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than "
                "the `context_window` for this model"
            ),
            "max_output=8192",
        ),
        (
            openai(
                "Invalid value: 'developer'. Supported values are: 'system', 'assistant', 'user'.", "messages[0].role"
            ),
            "developer",
        ),
        (
            openai(
                "Failed to deserialize the JSON body into the target type: messages[0].role: unknown variant "
                "`developer`, expected one of `system`, `user`, `assistant`, `tool` at line 1 column 40"
            ),
            "developer",
        ),
        (
            openai("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."),
            "response_format.json_schema",
        ),
        (openai("This response_format type is unavailable now"), "response_format.json_schema"),
        (
            openai(
                "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and "
                "to be false.",
                "tools[0].function.parameters",
                "invalid_function_parameters",
            ),
            "strict",
        ),
        (openai("Invalid content type. image_url is only supported by certain models."), "vision"),
        (
            openai("messages[1].content[0]: unknown variant `image_url`, expected `text` at line 1 column 9"),
            "vision",
        ),
        (
            openai("Invalid value: 'file'. Supported values are: 'text' and 'image_url'.", "messages[1].content[1]"),
            "file",
        ),
        (openai("deepseek-reasoner does not support this tool_choice"), "tool_choice"),
        (openai("property 'top_k' is unsupported"), "top_k"),
        (
            [
                {
                    "error": {
                        "code": 400,
                        "message": 'Invalid JSON payload. Unknown name "parallel_tool_calls": Cannot find field.',
                        "status": "INVALID_ARGUMENT",
                    }
                }
            ],
            "parallel_tool_calls",
        ),
        (mistral("stream_options"), "stream_options"),
        (mistral("service_tier"), "service_tier"),
        (mistral("tools", 0, "function", "strict"), "strict"),
        (mistral("messages", 3, "assistant", "reasoning_content"), "reasoning_content"),
        (
            {
                "object": "error",
                "message": {
                    "detail": [
                        {
                            "type": "extra_forbidden",
                            "loc": ["body", "stream_options"],
                            "msg": "Extra inputs are not permitted",
                        }
                    ]
                },
                "type": "invalid_request_error",
            },
            "stream_options",
        ),
        ({"object": "error", "message": "Unexpected role 'user' after role 'tool'"}, "user_after_tool"),
        (
            {
                "object": "error",
                "message": "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.",
            },
            "call_ids",
        ),
        (
            vllm(
                "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not "
                "permitted', 'input': {'include_usage': True}}]"
            ),
            "stream_options",
        ),
        (
            openai("thinking is enabled but reasoning_content is missing in assistant tool call message at index 5"),
            "without_reasoning",
        ),
        (
            openai(
                "preserved thinking (thinking.keep=all) requires reasoning_content on every assistant message, but "
                "assistant message at index 5 is missing reasoning_content"
            ),
            "without_reasoning",
        ),
        (
            openai("The `reasoning_content` in the thinking mode must be passed back to the API."),
            "without_reasoning",
        ),
        (
            openai("Missing `reasoning_content` field in the assistant message at message index 5."),
            "without_reasoning",
        ),
        (vllm("System message must be at the beginning."), "system_anywhere"),
        (vllm("Conversation roles must alternate user/assistant/user/assistant/..."), "system_anywhere"),
        (mistral("ChatCompletionRequest", "top_k"), "top_k"),
        (openai("This model does not support images."), "vision"),
        (openai("Image inputs are not supported for this model"), "vision"),
        (
            openai(
                "Unsupported value: 'verbosity' does not support 'low' with this model. Supported values are: "
                "'medium'.",
                "verbosity",
                "unsupported_value",
            ),
            "verbosity",
        ),
        (openai("Invalid value: 'custom'. Supported values are: 'function'.", "tools[1].type"), "custom"),
        (openai("Custom tools are not supported with this model.", "tools"), "custom"),
        (openai("tools[1]: unknown variant `custom`, expected `function` at line 1 column 9"), "custom"),
        (openai("'function' is a required property, expected an object - 'tools.1'"), "custom"),
        (openai("Invalid request: [json.exception.out_of_range.403] key 'function' not found"), "custom"),
        ({"detail": [{"loc": ["body", "tools", 1, "type"], "msg": "Input should be 'function'"}]}, "custom"),
        ({"detail": [{"loc": ["body", "tools", 1, "function"], "msg": "Field required"}]}, "custom"),
        (vllm("At most 0 image(s) may be provided in one request; the model is not multimodal"), "vision"),
    ],
)
def test_what_is_refused(body: Any, word: str | None) -> None:
    assert refused(body) == word
    assert refused(body, 422) == word


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, openai("messages: array too short", "messages")),
        (400, openai("Invalid 'temperature': decimal above maximum value. Expected <= 2, got 5.", "temperature")),
        (
            400,
            openai("This model's maximum context length is 8192 tokens; your messages have 9000 tokens.", "messages"),
        ),
        (
            400,
            openai("Invalid 'messages[1].content[0].image_url.url': expected a valid URL.", "messages[1].content[0]"),
        ),
        (400, openai("Image type image/tiff is not supported. Use image/png.")),
        (400, openai("This model does not support image/tiff images, only image/png.")),
        (400, openai("Unexpected stop of the engine, see its log")),
        (400, openai("The model `novel` does not exist or you do not have access to it.", "model")),
        (400, {}),
        (400, "no"),
        (400, None),
        (400, openai("Invalid image: animated images are not supported.")),
        (400, openai("Animated images are not supported.", "messages[1].content[0].image_url")),
        (400, openai("This model does not support images larger than 5 MB")),
        (400, openai("This model does not support images with transparency")),
        (400, openai("This model does not support image inputs of that type")),
        (400, openai("Invalid tool schema: 'temperature' is not supported", "tools[0].function.parameters")),
        (400, openai("Invalid schema for function 'temperature': unsupported 'stop'")),
        (400, openai("Invalid schema for function 'f': 'max_tokens' must be less than or equal to 100")),
        (400, openai("Tool 'temperature' is not supported")),
        (400, openai("Tool 'custom_search' failed: 'function' expected")),
        (422, {"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}),
        (400, openai('Unknown name "top_k"', "tools[0].function.parameters.properties.top_k")),
        (422, mistral("tools", 0, "function", "parameters", "properties", "temperature")),
        (422, mistral("messages", 0, "content", "temperature")),
        (400, vllm("[{'type': 'missing', 'loc': ('body', 'model'), 'msg': 'Field required', 'input': " + QUOTED)),
        (400, vllm("1 validation error\nmessages\n  Field required [type=missing, input_value=" + QUOTED)),
        (400, openai("Could not parse the request: " + QUOTED)),
        (400, openai("Unknown schema, field: 'tools[0]', value: 'temperature is not supported'", "tools")),
        (500, openai("Unsupported parameter: 'stop' is not supported with this model.", "stop")),
        (401, openai("temperature is not supported for this key")),
        (429, openai("max_tokens: unsupported rate")),
    ],
)
def test_what_nothing_can_be_left_out_for(status: int, body: Any) -> None:
    assert refused(body, status) is None


FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}}
PATTERN = openai(
    "Invalid schema for response_format 'n': In context=('properties', 'stop'), 'pattern' is not permitted.",
    "response_format",
    "invalid_json_schema",
)


def test_a_schema_that_cannot_be_strict_goes_loosely_and_a_bad_one_back_to_its_client() -> None:
    assert refused(PATTERN, sent={**SENT, "tools": [], "response_format": FORMAT}) == "strict"
    loose = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
    assert refused(PATTERN, sent={**SENT, "tools": [], "response_format": loose}) is None


def test_what_a_server_echoes_of_the_request_is_not_what_it_says() -> None:
    theirs = {"param": "temperature", "message": "unsupported", "loc": ["body", "top_p"], "msg": "not supported"}
    for place in ("input", "ctx", "url", "body"):
        flaw = {"type": "missing", "loc": ["body", "model"], "msg": "Field required", place: {"error": theirs}}
        assert refused({"detail": [flaw]}, 422) is None
        assert refused({"error": {"message": "Field required", place: theirs}}) is None


LONG = (
    "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 tokens "
    "and your request has 2000 input tokens (32000 > 32768 - 2000)."
)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"max_tokens": 32000}, "room=30768"),
        ({"max_completion_tokens": 32000}, "room=30768"),
        ({"max_tokens": 64}, None),
        ({}, None),
    ],
)
def test_an_answer_that_is_too_long_for_what_the_input_leaves(fields: dict[str, Any], word: str | None) -> None:
    assert refused(vllm(LONG), sent={"model": "m", "messages": [], **fields}) == word


def test_a_prompt_that_is_too_long_cannot_be_helped() -> None:
    assert refused(vllm(LONG.replace("2000 input", "40000 input"))) is None


def test_words_that_are_true_of_one_request_only() -> None:
    once = {"vision", "file", "strict", "response_format.json_schema", "room=30768"}
    assert all(CODECS["chat"].once(word) for word in once)
    assert not any(CODECS["chat"].once(word) for word in ("max_tokens", "temperature", "developer", "max_output=64"))


def test_what_was_not_sent_cannot_be_left_out() -> None:
    plain = {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_completion_tokens": 10}
    for name in ("max_tokens", "temperature", "stop", "developer", "stream_options", "reasoning_effort", "image_url"):
        assert refused(openai(f"'{name}' is not supported with this model.", name), sent=plain) is None


def test_reasoning_is_only_missed_where_there_was_none() -> None:
    error = openai("thinking is enabled but reasoning_content is missing in assistant tool call message at index 0")
    for message, word in (
        ({"role": "assistant", "content": "x"}, "without_reasoning"),
        ({"role": "assistant", "content": "x", "reasoning_content": ""}, "without_reasoning"),
        ({"role": "assistant", "content": "x", "reasoning_content": " "}, None),
        ({"role": "user", "content": "x"}, None),
    ):
        assert refused(error, sent={"model": "m", "messages": [message]}) == word
    assert not once("without_reasoning")


def test_what_a_client_says_of_reasoning_is_no_refusal() -> None:
    assert refused(openai("Invalid value: {'content': 'reasoning_content is missing'}", "messages[3].content")) is None


def test_a_failure_without_a_body_may_still_tell() -> None:
    failure = Failure(reason="bad_request", status=400, message="'top_k' is not supported")
    assert correction(failure, SENT) == "top_k"


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.sampled_from(["loc", "msg", "error", "param", "message"]), one),
        max_leaves=8,
    ).map(lambda v: json.dumps(v).encode())
)
def test_nonsense_is_no_correction_or_one_of_what_was_sent(body: bytes) -> None:
    assert correction(Failure(reason="bad_request", status=400, message="", body=body), SENT) in (None, *SENT)
