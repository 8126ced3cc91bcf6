"""What upstreams refuse of a request, and in which words: the cases of `test_corrections.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.end_to_end.translation.house import (
    CHAT_TO_RESPONSES,
    MESSAGES_TO_RESPONSES,
    RESPONSES_TO_CHAT,
    TO_CLAUDE,
    TO_GPT,
    Way,
)
from tests.support.answers import usual
from tests.support.apis import MESSAGES, RESPONSES
from tests.support.script import Reply, as_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.upstream import Seen

    Body = dict[str, Any]


def of_openai(message: str, param: str | None = None, code: str | None = None) -> Body:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def of_anthropic(message: str) -> Body:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}


def strict(refused: Callable[[Body], Any], error: Body, status: int = 400) -> Callable[[Seen], Reply]:
    """Return an upstream that refuses what `refused` finds in a body."""
    return lambda seen: as_json(error, status) if refused(seen.json) else usual(seen)


SYSTEM_LATER: Body = {
    "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "Be brief"},
    ]
}
REFUSALS: dict[str, tuple[Way, Body, Callable[[Body], Any], Body, int]] = {
    # id: way, fields of the client, what the upstream finds, what it says, with which status
    "temperature": (
        TO_GPT,
        {"temperature": 0.5},
        lambda sent: "temperature" in sent,
        of_openai(
            "Unsupported parameter: 'temperature' is not supported with this model.", "temperature", "unsupported"
        ),
        400,
    ),
    "max_completion_tokens": (
        TO_GPT,
        {},
        lambda sent: "max_completion_tokens" in sent,
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"], "msg": "Extra inputs"}]},
        422,
    ),
    "max_tokens": (
        TO_GPT,
        {},
        lambda sent: "max_tokens" in sent,
        of_openai(
            "Unsupported parameter: 'max_tokens' is not supported with this model; use 'max_completion_tokens'.",
            "max_tokens",
            "unsupported_parameter",
        ),
        400,
    ),
    "stream_options": (
        TO_GPT,
        {"stream": True},
        lambda sent: "stream_options" in sent,
        {
            "detail": [
                {"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs not permitted"}
            ]
        },
        422,
    ),
    "parallel_tool_calls": (
        TO_GPT,
        {
            "tools": [{"name": "read", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        },
        lambda sent: "parallel_tool_calls" in sent,
        of_openai("Unrecognized request argument supplied: parallel_tool_calls"),
        400,
    ),
    "temperature of a response": (
        MESSAGES_TO_RESPONSES,
        {"temperature": 0.5},
        lambda sent: "temperature" in sent,
        of_openai("Unsupported parameter: 'temperature' is not supported with this model.", "temperature"),
        400,
    ),
    "effort of a response": (
        CHAT_TO_RESPONSES,
        {"reasoning_effort": "high"},
        lambda sent: "effort" in sent.get("reasoning", {}),
        of_openai(
            "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
            "reasoning.effort",
            "unsupported_parameter",
        ),
        400,
    ),
    "include": (
        MESSAGES_TO_RESPONSES,
        {},
        lambda sent: "include" in sent,
        of_openai("Encrypted content is not supported with this model.", "include"),
        400,
    ),
    "max_output_tokens": (
        CHAT_TO_RESPONSES,
        {"max_completion_tokens": 500},
        lambda sent: "max_output_tokens" in sent,
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "max_output_tokens"], "msg": "Extra inputs"}]},
        422,
    ),
    "verbosity": (
        RESPONSES_TO_CHAT,
        {"text": {"verbosity": "low"}},
        lambda sent: "verbosity" in sent,
        of_openai("Unrecognized request argument supplied: verbosity"),
        400,
    ),
    "sampling of Claude": (
        TO_CLAUDE,
        {"temperature": 0.5},
        lambda sent: "temperature" in sent,
        of_anthropic("temperature: this parameter is not supported on this model"),
        400,
    ),
    "role system": (
        TO_CLAUDE,
        SYSTEM_LATER,
        lambda sent: any(message["role"] == "system" for message in sent["messages"]),
        of_anthropic("role 'system' is not supported on this model"),
        400,
    ),
    "adaptive": (
        TO_CLAUDE,
        {"reasoning_effort": "high"},
        lambda sent: sent.get("thinking", {}).get("type") == "adaptive",
        of_anthropic(
            "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', "
            "'enabled'"
        ),
        400,
    ),
    "effort": (
        TO_CLAUDE,
        {"reasoning_effort": "high"},
        lambda sent: "effort" in sent.get("output_config", {}),
        of_anthropic("output_config.effort: Extra inputs are not permitted"),
        400,
    ),
}


FAMILIES = {
    "max_completion_tokens": ("gpt-4o", "gpt-4o-mini"),
    "parallel_tool_calls": ("gpt-4.1", "gpt-4.1-mini"),
    "temperature of a response": ("resp-gpt-4o", "resp-gpt-4o-mini"),
    "effort of a response": ("resp-gpt-5", "resp-gpt-5-mini"),
    "include": ("resp-o3", "resp-o4-mini"),
    "verbosity": ("gpt-5.1", "gpt-5.2"),
    "sampling of Claude": ("claude-sonnet-4-5", "claude-haiku-4-5"),
}
"""The cases that need models of a family that is sent such a thing: the one asked for, another one."""


def asked_for(name: str) -> tuple[Way, str, str, Body]:
    """Return the way, a model of its own for this case, another one, and the fields."""
    way, fields, _, _, _ = REFUSALS[name]
    first = {MESSAGES: "claude-house", RESPONSES: "resp-house"}.get(way.server, "house")
    model, other = FAMILIES.get(name, (f"{first}-{name}".replace(" ", "-"), f"{first}-another"))
    return way, model, other, fields
