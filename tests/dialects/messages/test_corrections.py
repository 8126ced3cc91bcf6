"""An upstream refuses something of a request; the next one does without it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from engine.chat import Failure
from engine.dialects import CODECS
from engine.dialects.messages.corrections import correction, once
from engine.dialects.messages.families import Claude, family
from engine.dialects.translate import read, write

TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "strict": True,
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    },
}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {}}}}
SIGNED = [{"type": "reasoning.text", "text": "So.", "signature": "EqQB"}]
USER, ASSISTANT = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}
LATER = [USER, {"role": "system", "content": "Be brief."}]
MARKED = [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]}]
FORMS = "Input tag '{}' found using 'type' does not match any of the expected tags: {}"
EXTRA = "{}: Extra inputs are not permitted"

CALL = {"id": "toolu_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLS = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "toolu_1", "content": "x"}
HIDDEN = [{"type": "reasoning.encrypted", "data": "Eowz"}]
THOUGHT = {"messages": [USER, {**ASSISTANT, "reasoning_details": SIGNED}, USER]}
LOOP = {"messages": [USER, {**CALLS, "reasoning_details": SIGNED}, RESULT], "reasoning_effort": "low"}
BARE = {"messages": [USER, CALLS, RESULT], "reasoning_effort": "low"}
BEGINS = (
    "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` "
    "message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
)

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("claude-opus-4-8", {"messages": LATER}, "role 'system' is not supported on this model", "system_role"),
    ("novel", {"messages": LATER}, "messages.1.role: Input should be 'user' or 'assistant'", "system_role"),
    ("novel", {"messages": LATER}, "messages[1].role must be either 'user' or 'assistant'", "system_role"),
    (
        "claude-sonnet-4-5",
        {"messages": [USER, ASSISTANT]},
        "This model does not support assistant message prefill. The conversation must end with a user message.",
        "prefill",
    ),
    ("claude-sonnet-4-5", {"temperature": 0.2}, EXTRA.format("temperature"), "temperature"),
    ("claude-opus-4-6", {"temperature": 0.2}, "`temperature` is deprecated for this model.", "temperature"),
    ("claude-opus-4-6", {"top_p": 0.2}, "Unsupported parameter: top_p", "top_p"),
    ("claude-opus-4-6", {"top_k": 2}, "top_k is not supported for this model", "top_k"),
    ("novel", {}, "thinking: " + FORMS.format("adaptive", "'disabled', 'enabled'"), "thinking.adaptive"),
    ("novel", {}, "adaptive thinking is not supported on this model", "thinking.adaptive"),
    ("novel", {}, EXTRA.format("thinking.adaptive.display"), "thinking.display"),
    ("novel", {}, EXTRA.format("thinking"), "thinking"),
    (
        "claude-opus-4-8",
        {"reasoning_effort": "none"},
        '"thinking.type.disabled" is not supported for this model; use "thinking.type.adaptive"',
        "thinking.disabled",
    ),
    (
        "claude-sonnet-4-5",
        {"reasoning_effort": "low"},
        '"thinking.type.enabled" is not supported for this model.',
        "thinking.enabled",
    ),
    (
        "novel",
        {"messages": [USER, {**ASSISTANT, "reasoning_details": SIGNED}, USER]},
        "Unexpected value(s) `thinking-binding-controls-2026-08-01` for the `anthropic-beta` header.",
        "thinking.block_binding",
    ),
    (
        "novel",
        {"reasoning_effort": "high"},
        "This model does not support the effort parameter.",
        "output_config.effort",
    ),
    (
        "novel",
        {"reasoning_effort": "xhigh"},
        "output_config.effort: Input should be 'low', 'medium', 'high' or 'max'",
        "output_config.effort.xhigh",
    ),
    ("novel", {"response_format": SCHEMA}, EXTRA.format("output_config.format"), "output_config.format"),
    ("novel", {"response_format": SCHEMA}, "structured outputs are not supported", "output_config.format"),
    ("novel", {"response_format": SCHEMA}, EXTRA.format("output_config"), "output_config"),
    ("claude-opus-4-8", {"tools": [TOOL]}, EXTRA.format("tools.0.custom.strict"), "strict"),
    ("novel", {"messages": MARKED}, EXTRA.format("messages.0.content.0.text.cache_control"), "cache_control"),
    (
        "novel",
        {"messages": MARKED},
        EXTRA.format("messages.0.content.0.text.cache_control.ephemeral.ttl"),
        "cache_control",
    ),
    (
        "claude-opus-4-8",
        {"tools": [TOOL], "tool_choice": "required"},
        "Thinking may not be enabled when tool_choice forces tool use.",
        "tool_choice",
    ),
    (
        "claude-opus-4-8",
        {"tools": [TOOL], "tool_choice": "required"},
        "tool_choice: forced tool choice is not supported for this model",
        "tool_choice",
    ),
    (
        "claude-opus-4-8",
        {"tools": [TOOL], "parallel_tool_calls": False},
        EXTRA.format("tool_choice.auto.disable_parallel_tool_use"),
        "tool_choice.disable_parallel_tool_use",
    ),
    ("novel", {"service_tier": "auto"}, EXTRA.format("service_tier"), "service_tier"),
    ("novel", {"user": "u"}, EXTRA.format("metadata"), "metadata"),
    (
        "novel",
        {"max_tokens": 100_000},
        "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for novel",
        "max_tokens>64000",
    ),
    (
        "claude-opus-4-8",
        THOUGHT,
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "thinking.history",
    ),
    ("claude-opus-4-8", THOUGHT, "messages[1].content[0]: invalid signature in thinking block", "thinking.history"),
    ("novel", THOUGHT, "Invalid `signature` in `thinking` block", "thinking.history"),
    (
        "claude-opus-5-5",
        {"messages": [USER, {**ASSISTANT, "reasoning_details": HIDDEN}, USER]},
        "messages.1.content.0: Invalid `data` in `redacted_thinking` block",
        "thinking.history",
    ),
    ("claude-opus-4-8", THOUGHT, "messages.1.content.0.thinking.signature: Field required", "thinking.history"),
    (
        "claude-opus-4-8",
        THOUGHT,
        "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be "
        "modified. These blocks must remain as they were in the original response.",
        "thinking.history",
    ),
    (
        "claude-opus-4-8",
        THOUGHT,
        "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
        "thinking.history",
    ),
    (
        "novel",
        THOUGHT,
        "messages.1.content.0: Input tag 'thinking' found using 'type' does not match any of the expected tags: 'text'",
        "thinking.history",
    ),
    ("claude-opus-4-5", LOOP, "messages.1.content.0: Invalid `signature` in `thinking` block", "thinking.history"),
    ("claude-opus-4-5", LOOP, f"messages.1.content.0.type: {BEGINS}", "thinking.headless"),
    ("claude-opus-4-8", BARE, f"messages.1.content.0.type: {BEGINS}", "thinking.headless"),
    ("claude-opus-4-8", BARE, f"The model returned the following errors: {BEGINS}", "thinking.headless"),
    ("novel", BARE, BEGINS, "thinking.headless"),
]


@pytest.mark.parametrize(("model", "fields", "message", "word"), CASES, ids=[f"{case[3]}: {case[2]}" for case in CASES])
def test_what_an_upstream_refuses_is_left_out_the_next_time(
    model: str, fields: dict[str, Any], message: str, word: str
) -> None:
    known = family(model, "llm.example")
    first = sent(fields, known, model)
    failure = said(message)
    assert correction(failure, first) == word
    second = sent(fields, msgspec.structs.replace(known, refused=frozenset({word})), model)
    assert second != first
    assert correction(failure, second) is None


def sent(fields: dict[str, Any], known: Claude, model: str) -> dict[str, Any]:
    body = {"model": "asked", "messages": [USER], **fields}
    return write(read(CODECS["chat"], json.dumps(body).encode()), CODECS["messages"], known, model, "lenient").body


def said(message: str, status: int = 400) -> Failure:
    body = json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": message}}).encode()
    return Failure(reason="bad_request", message=message[:20], status=status, body=body)


BODY = sent({"temperature": 0.2, "reasoning_effort": "low"}, family("claude-opus-4-6", ""), "claude-opus-4-6")
THINKING = sent({}, family("claude-opus-5-5", ""), "claude-opus-5-5")

FORMED = sent({"response_format": SCHEMA, "reasoning_effort": "low"}, family("claude-opus-4-8", ""), "claude-opus-4-8")
BAD: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"a": {"type": "BAD"}}}},
}
TOOLED = sent(
    {"tools": [TOOL], "reasoning_effort": "low", "service_tier": "auto", "user": "u"},
    family("claude-opus-4-8", ""),
    "claude-opus-4-8",
)
IN_A_SCHEMA = "tools.0.custom.input_schema: JSON schema is invalid: "

NOTHING = {
    "a schema that is none": (
        said("output_config.format.schema: Unsupported: type 'BAD' is not supported"),
        sent({"response_format": BAD}, family("claude-opus-4-8", ""), "claude-opus-4-8"),
    ),
    "a schema that is invalid": (said("output_config.format.schema: Invalid schema"), FORMED),
    "a property called effort": (said(IN_A_SCHEMA + "properties.effort is not supported"), TOOLED),
    "an unknown property called effort": (said(IN_A_SCHEMA + "Unknown keyword, effort: no"), TOOLED),
    "a place of the client's": (
        said(EXTRA.format("tools.0.custom.input_schema.properties.output_config.effort")),
        TOOLED,
    ),
    "a value of a property called effort": (
        said("tools.0.custom.input_schema.properties.effort: Input should be 'object' or 'boolean'"),
        TOOLED,
    ),
    "a mark of the client's": (
        said(EXTRA.format("messages.0.content.0.tool_use.input.cache_control")),
        sent({"messages": MARKED}, family("novel", ""), "novel"),
    ),
    "a mark of the client's in a schema": (
        said(EXTRA.format("output_config.format.schema.properties.cache_control")),
        sent({"messages": MARKED, "response_format": SCHEMA}, family("novel", ""), "novel"),
    ),
    "the client's words in a second line": (said("messages.0: no\n" + EXTRA.format("output_config.effort")), TOOLED),
    "the client's words behind": (said("messages.0.content: 'effort is not supported'"), TOOLED),
    "a tool with a name like a refusal": (
        said("tool_choice: Tool 'not supported' not found in provided tools"),
        sent(
            {"tools": [TOOL], "tool_choice": "required", "reasoning_effort": "none"},
            family("claude-opus-4-8", ""),
            "claude-opus-4-8",
        ),
    ),
    "a value": (said("metadata.user_id: invalid value"), TOOLED),
    "it was not sent": (said(EXTRA.format("context_management")), BODY),
    "nor was this": (said("role 'system' is not supported on this model"), BODY),
    "it cannot be left out": (said(EXTRA.format("messages.0.content.0.text.weight")), BODY),
    "a broken signature": (said("messages.1.content.0: Invalid `signature` in `thinking` block"), THINKING),
    "a lost thought of a model that does not think": (said(BEGINS), sent({}, family("claude-opus-4-5", ""), "m")),
    "what a user says of it": (
        said("messages.0.content.0.text: Invalid `signature` in `thinking` block"),
        sent(THOUGHT, family("claude-opus-4-8", ""), "m"),
    ),
    "too long a prompt": (said("prompt is too long: 210000 tokens > 200000 maximum"), THINKING),
    "another status": (said(EXTRA.format("thinking"), status=429), THINKING),
    "a limit that was kept": (said("max_tokens: 99 > 64000"), THINKING),
}


@pytest.mark.parametrize(("failure", "body"), NOTHING.values(), ids=NOTHING)
def test_anything_else_is_no_correction(failure: Failure, body: dict[str, Any]) -> None:
    assert correction(failure, body) is None


@pytest.mark.parametrize(
    "answer",
    [
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "thinking"], "msg": "Extra inputs are not permitted"}]},
        {"error": "Unknown parameter: thinking"},
        {"message": "Unknown parameter: thinking"},
        "Unknown parameter: thinking",
    ],
)
def test_servers_that_only_imitate_the_api_are_understood_too(answer: Any) -> None:
    failure = Failure(reason="bad_request", message=str(answer), status=422, body=json.dumps(answer).encode())
    assert correction(failure, THINKING) == "thinking"


def test_a_schema_that_structured_output_cannot_follow_is_asked_for_as_a_tool() -> None:
    failure = said("output_config.format.schema: Recursive schemas are not supported")
    assert correction(failure, FORMED) == "output_config.format"


def test_a_schema_that_no_strict_tool_may_have_goes_loosely() -> None:
    failure = said("tools.0.custom.input_schema: Recursive schemas are not supported")
    assert correction(failure, TOOLED) == "strict"
    assert correction(failure, {**TOOLED, "tools": [{"name": "f", "input_schema": {"type": "object"}}]}) is None


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("input length and `max_tokens` exceed context limit: 2000 + 32000 > 32768, decrease either", "room=30768"),
        ("input length and `max_tokens` exceed context limit: 32600 + 32000 > 32768, decrease either", None),
        ("prompt is too long: 210000 tokens > 200000 maximum", None),
    ],
)
def test_an_answer_that_is_too_long_for_what_the_input_leaves(message: str, word: str | None) -> None:
    failure = msgspec.structs.replace(said(message), reason="context_length", message=message)
    assert correction(failure, {**BODY, "max_tokens": 32_000}) == word
    assert correction(failure, {**BODY, "max_tokens": 64}) is None


def test_words_that_are_true_of_one_request_only() -> None:
    once = {"output_config.format", "strict", "room=30768"}
    assert all(CODECS["messages"].once(word) for word in once)
    lasting = ("output_config", "output_config.effort", "output_config.effort.max", "max_tokens>64000", "temperature")
    assert not any(CODECS["messages"].once(word) for word in lasting)


def test_bedrock_wraps_the_same_message() -> None:
    words = "The model returned the following errors: " + EXTRA.format("temperature")
    body = sent({"temperature": 0.2}, family("claude-sonnet-4-5", ""), "claude-sonnet-4-5")
    assert correction(said(f"ValidationException: {words}"), body) == "temperature"


def test_two_corrections_add_up() -> None:
    known = family("novel", "")
    refused = frozenset({"thinking.adaptive", "thinking.enabled"})
    body = sent({"reasoning_effort": "high"}, msgspec.structs.replace(known, refused=refused), "novel")
    assert "thinking" not in body
    refused = frozenset({"max_tokens>64000", "max_tokens>8000"})
    assert sent({"max_tokens": 99_999}, msgspec.structs.replace(known, refused=refused), "novel")["max_tokens"] == 8000


@pytest.mark.parametrize(
    ("model", "refused", "fields", "thinking", "content"),
    [
        ("claude-opus-4-5", {"thinking.history"}, LOOP, None, ["tool_use"]),  # a budget insists on thoughts in front
        ("claude-opus-4-8", {"thinking.history"}, LOOP, "adaptive", ["tool_use"]),
        ("claude-opus-4-8", {"thinking.history"}, THOUGHT, None, ["text"]),
        ("claude-opus-4-5", {"thinking.headless"}, LOOP, None, ["thinking", "tool_use"]),
        ("claude-opus-4-8", {"thinking.headless"}, LOOP, "disabled", ["thinking", "tool_use"]),
        ("claude-opus-4-8", {"thinking.headless", "thinking.history"}, LOOP, "disabled", ["tool_use"]),
        ("claude-opus-5", {"thinking.headless"}, {"messages": BARE["messages"]}, "disabled", ["tool_use"]),
        ("novel", {"thinking.headless"}, BARE, None, ["tool_use"]),  # it cannot be told not to
        ("novel", {"thinking.headless"}, {"messages": BARE["messages"]}, None, ["tool_use"]),
    ],
)
def test_a_conversation_goes_on_without_the_thinking_that_is_lost(
    model: str, refused: set[str], fields: dict[str, Any], thinking: str | None, content: list[str]
) -> None:
    body = sent(fields, msgspec.structs.replace(family(model, ""), refused=frozenset(refused)), model)
    assert body.get("thinking", {}).get("type") == thinking
    assert [block["type"] for block in body["messages"][1]["content"]] == content


def test_a_turn_of_nothing_but_thinking_goes_with_it() -> None:
    hidden = {"role": "assistant", "content": None, "reasoning_details": HIDDEN}
    known = msgspec.structs.replace(family("claude-opus-4-8", ""), refused=frozenset({"thinking.history"}))
    body = sent({"messages": [USER, hidden, USER]}, known, "claude-opus-4-8")
    assert [message["role"] for message in body["messages"]] == ["user"]


@pytest.mark.parametrize("word", ["thinking.history", "thinking.headless"])
def test_lost_thinking_says_nothing_of_the_next_conversation(word: str) -> None:
    assert once(word)
    assert not once("thinking.adaptive")
