"""An upstream refuses something of a request; the next one does without it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from engine.chat import Failure
from engine.dialects import CODECS
from engine.dialects.messages.corrections import correction
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

NOTHING = {
    "it was not sent": (said(EXTRA.format("context_management")), BODY),
    "nor was this": (said("role 'system' is not supported on this model"), BODY),
    "it cannot be left out": (said(EXTRA.format("messages.0.content.0.text.weight")), BODY),
    "a broken signature": (said("messages.1.content.0: Invalid `signature` in `thinking` block"), THINKING),
    "a lost thought": (said("Expected `thinking` or `redacted_thinking`, but found `tool_use`"), THINKING),
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


def test_two_corrections_add_up() -> None:
    known = family("novel", "")
    refused = frozenset({"thinking.adaptive", "thinking.enabled"})
    body = sent({"reasoning_effort": "high"}, msgspec.structs.replace(known, refused=refused), "novel")
    assert "thinking" not in body
    refused = frozenset({"max_tokens>64000", "max_tokens>8000"})
    assert sent({"max_tokens": 99_999}, msgspec.structs.replace(known, refused=refused), "novel")["max_tokens"] == 8000
