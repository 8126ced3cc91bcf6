"""What servers of the Responses API say when they refuse something, and what is left out the next time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Failure
from engine.dialects import RESPONSES
from engine.dialects.responses.corrections import KNOWN, correction, once

IMAGE = {"type": "input_image", "detail": "auto", "image_url": "u"}
SENT: dict[str, Any] = {
    "model": "m",
    "input": [
        {"type": "message", "role": "developer", "content": "x"},
        {"type": "message", "role": "user", "content": [IMAGE, {"type": "input_file", "file_url": "u"}]},
        {"type": "message", "role": "system", "content": "x"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "custom_tool_call", "call_id": "call_1", "name": "g", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "x"},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}],
        },
    ],
    "max_output_tokens": 32000,
    "temperature": 0.2,
    "top_p": 0.2,
    "stream": True,
    "tools": [
        {"type": "function", "name": "f", "parameters": {}, "strict": True},
        {"type": "custom", "name": "g"},
    ],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "reasoning": {"effort": "minimal", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}, "verbosity": "low"},
    "include": ["reasoning.encrypted_content"],
    "store": False,
    "safety_identifier": "x",
    "prompt_cache_key": "x",
    "service_tier": "default",
    "metadata": {"a": "b"},
}


def openai(message: str, param: str | None = None, code: str | None = None) -> Any:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def unsupported(name: str) -> Any:
    return openai(f"Unsupported parameter: '{name}' is not supported with this model.", name, "unsupported_parameter")


def unknown(name: str) -> Any:
    return openai(f"Unknown parameter: '{name}'.", name, "unknown_parameter")


def checked(*place: Any) -> Any:
    return {"detail": [{"type": "extra_forbidden", "loc": ["body", *place], "msg": "Extra inputs are not permitted"}]}


def vllm(message: str) -> Any:
    return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400}}


def refused(body: Any, status: int = 400, sent: dict[str, Any] = SENT) -> str | None:
    return correction(RESPONSES.classify(status, [], json.dumps(body).encode()), sent)


NAMED = [
    "temperature",
    "top_p",
    "parallel_tool_calls",
    "reasoning.effort",
    "reasoning.summary",
    "reasoning",
    "include",
    "text.verbosity",
    "safety_identifier",
    "prompt_cache_key",
    "service_tier",
    "store",
    "metadata",
    "tool_choice",
    "max_output_tokens",
]


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("said", [unsupported, unknown])
def test_a_field_that_is_named(said: Any, name: str) -> None:
    assert refused(said(name)) == name
    assert refused(said(name), 422) == name
    assert refused(said(name), sent={"model": "m", "input": []}) is None


@pytest.mark.parametrize("name", NAMED)
def test_a_field_at_the_place_of_a_validation_error(name: str) -> None:
    assert refused(checked(*name.split(".")), 422) == name
    assert refused(checked("ResponsesRequest", *name.split(".")), 422) == name


@pytest.mark.parametrize("name", NAMED)
def test_a_field_that_only_a_message_names(name: str) -> None:
    assert refused(vllm(f"Unsupported parameter: '{name}'")) == name


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (
            openai(
                "Unsupported value: 'minimal' is not supported with the 'gpt-5.1' model. Supported values are: 'none', "
                "'low', 'medium', and 'high'.",
                "reasoning.effort",
                "unsupported_value",
            ),
            "reasoning.effort=minimal",
        ),
        (
            openai(
                "Unsupported value: 'low' is not supported with the 'gpt-4.1' model. Supported values are: 'medium'.",
                "text.verbosity",
                "unsupported_value",
            ),
            "text.verbosity",
        ),
        (
            openai(
                "Your organization must be verified to generate reasoning summaries. Please go to: "
                "https://platform.openai.com/settings/organization/general and click on Verify Organization.",
                "reasoning.summary",
                "unsupported_value",
            ),
            "reasoning.summary",
        ),
        (
            openai("The encrypted content gAAA...Rg== could not be verified.", None, "invalid_encrypted_content"),
            "encrypted_content",
        ),
        (
            openai(
                "The encrypted content for item rs_1 could not be verified. Reason: Encrypted content could not be "
                "decrypted or parsed.",
                None,
                "invalid_encrypted_content",
            ),
            "encrypted_content",
        ),
        (
            openai("Item 'rs_1' of type 'reasoning' was provided without its required following item.", "input"),
            "encrypted_content",
        ),
        (openai("Encrypted content is not supported with this model.", "include"), "include"),
        (
            openai(
                "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and "
                "to be false.",
                "tools[0].parameters",
                "invalid_function_parameters",
            ),
            "strict",
        ),
        (
            openai(
                "Invalid schema for response_format 'n': In context=(), 'required' is required to be supplied.",
                "text.format.schema",
                "invalid_json_schema",
            ),
            "strict",
        ),
        (unknown("tools[0].strict"), "strict"),
        (
            openai(
                "Invalid parameter: 'text.format' of type 'json_schema' is not supported with this model.",
                "text.format",
            ),
            "text.format.json_schema",
        ),
        (vllm("json_schema is not supported by this server"), "text.format.json_schema"),
        (
            openai(
                "max_output_tokens is too large: 32000. This model supports at most 16384 output tokens, whereas you "
                "provided 32000.",
                "max_output_tokens",
                "invalid_value",
            ),
            "max_output=16384",
        ),
        (vllm("`max_output_tokens` must be less than or equal to `8192`"), "max_output=8192"),
        (openai("Invalid value: 'input_image'. Supported values are: 'input_text'.", "input[1].content[0]"), "vision"),
        (openai("This model does not support image inputs.", "input"), "vision"),
        (openai("Invalid value: 'input_file'.", "input[1].content[1]"), "file"),
        (openai("Custom tools are not supported with this model.", "tools"), "custom"),
        (openai("Invalid value: 'custom'. Supported values are: 'function'.", "tools[1].type"), "custom"),
        (openai("custom tools are only supported for harmony models", "tools"), "custom"),
        (openai("Invalid value: 'custom_tool_call'.", "input[4]"), "custom"),
        (openai("Invalid value: 'developer'. Supported values are: 'user'.", "input[0].role"), "developer"),
        (vllm("System message must be at the beginning."), "system_anywhere"),
        (unknown("input[6].content[0].prompt_cache_breakpoint"), "prompt_cache_breakpoint"),
    ],
)
def test_what_is_refused(body: Any, word: str) -> None:
    assert refused(body) == word
    assert refused(body, 422) == word
    assert refused(body, sent={"model": "m", "input": [], "max_output_tokens": 16}) is None


QUOTED = "{'loc': ('body', 'temperature'), 'msg': 'temperature is not supported'}, 'unsupported parameter: top_p'"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, openai("Invalid 'temperature': decimal above maximum value. Expected <= 2, got 5.", "temperature")),
        (
            400,
            openai("Invalid 'input[1].content[0].image_url': expected a valid URL.", "input[1].content[0].image_url"),
        ),
        (400, openai("Animated images are not supported.", "input[1].content[0].image_url")),
        (400, openai("Previous response with id 'resp_1' not found.", "previous_response_id")),
        (400, openai("Invalid tool schema: 'temperature' is not supported", "tools[0].parameters")),
        (400, openai('Unknown name "top_p"', "tools[0].parameters.properties.top_p")),
        (400, openai("Unknown keyword 'store' in the schema", "text.format.schema.properties.store")),
        (400, openai("We could not store the response: an unexpected error")),
        (400, openai("No tool output found for function call call_1.", "input")),
        (422, checked("input", 0, "content", "temperature")),
        (400, vllm("[{'type': 'missing', 'loc': ('body', 'model'), 'msg': 'Field required', 'input': " + QUOTED)),
        (400, vllm("Could not parse the request: " + QUOTED)),
        (400, {}),
        (400, "no"),
        (500, unsupported("store")),
        (401, openai("store is not supported for this key")),
        (429, openai("max_output_tokens: unsupported rate")),
    ],
)
def test_what_nothing_can_be_left_out_for(status: int, body: Any) -> None:
    assert refused(body, status) is None


LONG = (
    "'max_output_tokens' is too large: 32000. This model's maximum context length is 32768 tokens and your request has "
    "2000 input tokens (32000 > 32768 - 2000)."
)


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"max_output_tokens": 32000}, "room=30768"), ({"max_output_tokens": 64}, None), ({}, None)],
)
def test_an_answer_that_is_too_long_for_what_the_input_leaves(fields: dict[str, Any], word: str | None) -> None:
    assert refused(vllm(LONG), sent={"model": "m", "input": [], **fields}) == word


def test_words_that_are_true_of_one_request_only() -> None:
    single = {"vision", "file", "strict", "text.format.json_schema", "encrypted_content", "room=30768"}
    assert all(once(word) for word in single)
    assert not any(once(word) for word in KNOWN.optional if word != "strict")
    assert not any(once(word) for word in ("custom", "developer", "max_output=64", "reasoning.effort=minimal"))


def test_an_effort_that_was_not_sent_is_no_word() -> None:
    body = openai("Unsupported value: 'max' is not supported with this model.", "reasoning.effort")
    assert refused(body) == "reasoning.effort"


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.sampled_from(["loc", "msg", "error", "param", "message"]), one),
        max_leaves=8,
    ).map(lambda v: json.dumps(v).encode())
)
def test_nonsense_is_no_correction_or_one_of_what_was_sent(body: bytes) -> None:
    word = correction(Failure(reason="bad_request", status=400, message="", body=body), SENT)
    assert word is None or word in KNOWN.optional
