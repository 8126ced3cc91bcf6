"""What a Responses request asks beside its conversation, and what is wrong with one that cannot be understood."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Format, Problem, Reasoning
from engine.dialects.responses.read_request import IDLE, KNOWN, read
from engine.dialects.responses.response import ECHOED
from tests.dialects.responses.asking import asked, lost

REASONINGS: list[tuple[Any, Reasoning | None, dict[str, str]]] = [
    (None, None, {}),
    ({}, None, {}),
    ({"effort": None, "summary": None}, None, {}),
    ({"effort": "high"}, Reasoning(effort="high", at="reasoning"), {}),
    ({"effort": "none"}, Reasoning(effort="none", at="reasoning"), {}),
    ({"summary": "auto"}, Reasoning(shown="summarized", at="reasoning"), {}),
    (
        {"effort": "low", "summary": "detailed"},
        Reasoning(effort="low", shown="summarized", at="reasoning"),
        {"reasoning.summary": "approximated"},
    ),
    (
        {"generate_summary": "concise"},
        Reasoning(shown="summarized", at="reasoning"),
        {"reasoning.generate_summary": "approximated"},
    ),
    ({"context": "auto", "mode": "standard"}, None, {}),
    (
        {"context": "all_turns", "mode": "pro"},
        None,
        {"reasoning.context": "approximated", "reasoning.mode": "dropped"},
    ),
]


@pytest.mark.parametrize(("wish", "reasoning", "losses"), REASONINGS)
def test_reasoning(wish: Any, reasoning: Reasoning | None, losses: dict[str, str]) -> None:
    request = asked(reasoning=wish)
    assert request.reasoning == reasoning
    assert lost(request) == losses


SCHEMA = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True, "description": "d"}
FORMATS: list[tuple[Any, Format | None]] = [
    (None, None),
    ({}, None),
    ({"format": None}, None),
    ({"format": {"type": "text"}}, None),
    ({"format": {"type": "json_object"}}, Format(kind="json_object", at="text.format")),
    (
        {"format": SCHEMA},
        Format(kind="json_schema", schema={"type": "object"}, name="n", description="d", strict=True, at="text.format"),
    ),
]


@pytest.mark.parametrize(("wish", "form"), FORMATS)
def test_the_form_of_the_answer(wish: Any, form: Format | None) -> None:
    request = asked(text=wish)
    assert request.format == form
    assert request.losses == ()


def update(**fields: Any) -> dict[str, Any]:
    return {"type": "configuration_update", "id": "cu_1", **fields}


def test_the_latest_effort_and_form_count() -> None:
    request = asked(
        update(reasoning={"effort": "low"}, text={"format": SCHEMA}),
        {"role": "user", "content": "Hi"},
        update(text={"format": {"type": "text"}}),
        update(reasoning={"effort": None}),
        reasoning={"effort": "high", "summary": "auto"},
        text={"format": {"type": "json_object"}},
    )
    assert request.reasoning == Reasoning(effort="low", shown="summarized", at="input[0].reasoning")
    assert request.format is None
    assert lost(request) == {
        "input[0].reasoning.effort": "approximated",
        "input[0].text.format": "approximated",
        "input[2].text.format": "approximated",
    }


FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"max_output_tokens": 64}, {"max_tokens": 64}),
    ({"temperature": 1.5, "top_p": 0.5}, {"temperature": 1.5, "top_p": 0.5}),
    ({"parallel_tool_calls": False}, {"parallel": False}),
    ({}, {"stream": False, "usage": True, "parallel": None, "extra": {}, "losses": (), "echo": {}}),
    ({"stream": True}, {"stream": True, "usage": True}),
    ({"stream": True, "stream_options": {"include_obfuscation": True}}, {"usage": True, "extra": {}}),
    ({"stream": True, "stream_options": {"include_usage": True}}, {"usage": True, "extra": {}}),
    ({"stream": True, "stream_options": {"include_usage": False}}, {"usage": False, "extra": {}}),
    ({"stream_options": {"every": 1}}, {"extra": {"stream_options.every": 1}}),
    ({"user": "u"}, {"user": "u", "extra": {}}),
    ({"user": "u", "safety_identifier": "s"}, {"user": "s", "extra": {"user": "u"}}),
    ({"user": "u", "safety_identifier": "u"}, {"user": "u", "extra": {}}),
    ({"prompt_cache_key": "k", "service_tier": "flex"}, {"session": "k", "tier": "flex"}),
    ({"metadata": {"a": "b"}, "store": True, "max_tool_calls": 3, "background": False}, {"extra": {}}),
    (
        {
            "truncation": "disabled",
            "top_logprobs": 0,
            "text": {"verbosity": "medium"},
            "context_management": [],
            "moderation": None,
        },
        {"extra": {}},
    ),
    (
        {"truncation": "auto", "top_logprobs": 5, "text": {"verbosity": "low"}},
        {"extra": {"truncation": "auto", "top_logprobs": 5, "text.verbosity": "low"}},
    ),
    (
        {
            "context_management": [{"type": "compaction"}],
            "prompt_cache_options": {"ttl": "12h"},
            "prompt_cache_retention": "24h",
            "moderation": {"model": "omni-moderation-latest"},
            "image": {"context_compression": "enabled"},
            "access_programs": {"cyber": "standard"},
            "client_metadata": {"turn_id": "1"},
        },
        {
            "extra": {
                "context_management": [{"type": "compaction"}],
                "prompt_cache_options": {"ttl": "12h"},
                "prompt_cache_retention": "24h",
                "moderation": {"model": "omni-moderation-latest"},
                "image": {"context_compression": "enabled"},
                "access_programs": {"cyber": "standard"},
                "client_metadata": {"turn_id": "1"},
            }
        },
    ),
    (
        {"reasoning": {"max_tokens": 9}, "text": {"tone": "dry"}},
        {"extra": {"reasoning.max_tokens": 9, "text.tone": "dry"}},
    ),
    (
        {"include": ["reasoning.encrypted_content", "message.output_text.logprobs", "web_search_call.action.sources"]},
        {"extra": {"include[1]": "message.output_text.logprobs"}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), FIELDS)
def test_parameters(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    request = asked(**fields)
    assert {name: getattr(request, name) for name in expected} == expected


def test_nulls_are_as_absent() -> None:
    names = {*KNOWN, *IDLE, *ECHOED, "anything"} - {"model", "input", "text.verbosity"}
    assert asked(**dict.fromkeys(names)) == asked()


def test_the_count_of_input_tokens_needs_nothing_but_a_model() -> None:
    assert read(b'{"model": "asked"}') == asked(input="")


def test_what_an_answer_repeats_is_kept_as_it_came() -> None:
    said = {
        "instructions": "Be kind.",
        "tools": [{"type": "function", "name": "f"}],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": False,
        "temperature": 1,
        "max_output_tokens": 64,
        "metadata": {"a": "b"},
        "reasoning": {"effort": "low", "context": "all_turns"},
        "text": {"verbosity": "low"},
        "truncation": "auto",
        "store": False,
        "prompt_cache_key": "k",
    }
    request = asked(**said, stream=True, top_p=None, client_metadata={"turn_id": "1"})
    assert request.echo == said


def test_every_field_knows_what_the_client_calls_it() -> None:
    request = asked(user="u")
    names = {
        "messages": "input",
        "max_tokens": "max_output_tokens",
        "choice": "tool_choice",
        "parallel": "parallel_tool_calls",
        "format": "text.format",
        "user": "user",
        "session": "prompt_cache_key",
        "tier": "service_tier",
        "cache": "prompt_cache_breakpoint",
        "detail": "detail",
        "temperature": "temperature",
    }
    assert {name: request.at(name) for name in names} == names
    assert asked(safety_identifier="s").at("user") == "safety_identifier"


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"model": None}, "invalid_request", "model"),
    ({"model": 5}, "invalid_request", "model"),
    ({"input": 5}, "invalid_request", "input"),
    ({"input": ["Hi"]}, "invalid_request", "input[0]"),
    ({"instructions": []}, "invalid_request", "instructions"),
    ({"max_output_tokens": "5"}, "invalid_request", "max_output_tokens"),
    ({"max_output_tokens": 1.5}, "invalid_request", "max_output_tokens"),
    ({"temperature": "hot"}, "invalid_request", "temperature"),
    ({"stream_options": []}, "invalid_request", "stream_options"),
    ({"stream_options": {"include_usage": 1}}, "invalid_request", "stream_options.include_usage"),
    ({"reasoning": "much"}, "invalid_request", "reasoning"),
    ({"reasoning": {"effort": "much"}}, "invalid_request", "reasoning.effort"),
    ({"input": [update(reasoning={"effort": "much"})]}, "invalid_request", "input[0].reasoning.effort"),
    ({"text": "much"}, "invalid_request", "text"),
    ({"text": {"format": {}}}, "invalid_request", "text.format.type"),
    ({"text": {"format": {"type": "xml"}}}, "invalid_request", "text.format.type"),
    ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "invalid_request", "text.format.schema"),
    ({"include": "logprobs"}, "invalid_request", "include"),
    ({"include": [5]}, "invalid_request", "include[0]"),
    ({"user": 5}, "invalid_request", "user"),
    ({"background": True}, "unsupported_parameter", "background"),
    ({"conversation": "conv_1"}, "unsupported_parameter", "conversation"),
    ({"conversation": {"id": "conv_1"}}, "unsupported_parameter", "conversation"),
    ({"prompt": {"id": "pmpt_1"}}, "unsupported_parameter", "prompt"),
]


@pytest.mark.parametrize(("fields", "code", "param"), WRONG)
def test_what_cannot_be_understood_or_translated_is_named(fields: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(Problem) as raised:
        read(json.dumps({"model": "asked", "input": "Hi", **fields}).encode())
    assert (raised.value.status, raised.value.code, raised.value.param) == (400, code, param)
    assert f"`{param}`" in raised.value.message


def test_a_response_that_is_not_known_is_told_as_openai_tells_it() -> None:
    with pytest.raises(Problem) as raised:
        asked(previous_response_id="resp_1")
    problem = raised.value
    assert (problem.status, problem.code, problem.param) == (
        400,
        "previous_response_not_found",
        "previous_response_id",
    )
    assert problem.message == "Previous response with id 'resp_1' not found."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
WORDS = re.findall(
    r"\w+",
    """
    model input instructions type role content text output name namespace call_id id arguments status caller
    image_url file_id file_data file_url filename detail input_audio annotations refusal summary encrypted_content tools
    parameters strict format syntax definition defer_loading tool_choice mode reasoning effort context include user
    stream_options metadata prompt_cache_breakpoint ttl schema
    """,
)
VALUES = re.findall(
    r"\w+",
    """
    user assistant developer system message function_call function_call_output custom_tool_call reasoning
    custom_tool_call_output additional_tools configuration_update tool_search_output web_search_call input_text
    input_image input_file output_text refusal function custom namespace functions grammar json_schema auto
    allowed_tools
    """,
)
LIKE_RESPONSES = st.recursive(
    JSON | st.sampled_from(VALUES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS), inner | st.sampled_from(VALUES), max_size=5)
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(WORDS), LIKE_RESPONSES, max_size=6) | JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    if isinstance(value, dict):
        value = {"model": "m", "input": "Hi", **value}
    status = 200
    try:
        read(json.dumps(value).encode())
    except Problem as problem:
        status = problem.status
    assert status in (200, 400)


@pytest.mark.parametrize("body", [b"", b"{", b'"x"', b"\xff", b'{"model": "\xff"}', b"[" * 100_000, b'{"a":' * 5000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as raised:
        read(body)
    assert raised.value.status == 400
