"""Which parameters may be forced on a request of which API, and by which path of its own.

One entry of the file may serve every endpoint of an upstream: what one of them takes, another may refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

COUNTED: dict[str, frozenset[str]] = {
    "realtime": frozenset(),  # its settings come in frames, one at a time
    "count_tokens": frozenset(
        {
            "billing_policy",
            "cache_control",
            "compaction",
            "context_management",
            "mcp_servers",
            "output_config",
            "speed",
            "system",
            "thinking",
            "tool_choice",
            "tools",
            "user_profile_id",
            "workspace_id",
        }
    ),
    "input_tokens": frozenset(
        {
            "conversation",
            "instructions",
            "parallel_tool_calls",
            "personality",
            "previous_response_id",
            "reasoning",
            "text",
            "tool_choice",
            "tools",
            "truncation",
        }
    ),
}
"""API that counts -> what may be forced on it: it refuses any other parameter (anthropic 2.12:
types/beta/message_count_tokens_params.py; openai 3.54: types/responses/input_token_count_params.py)."""

CONVERSED = frozenset(
    {
        "audio",
        "compaction",
        "container",
        "context_management",
        "function_call",
        "functions",
        "inference_geo",
        "max_completion_tokens",
        "mcp_servers",
        "metadata",
        "modalities",
        "moderation",
        "output_config",
        "parallel_tool_calls",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "service_tier",
        "speed",
        "stop_sequences",
        "store",
        "system",
        "thinking",
        "tool_choice",
        "tools",
        "top_logprobs",
        "verbosity",
        "web_search_options",
    }
)
"""What only conversations take: it is not forced on other endpoints, which the same entry may serve (openai 3.54:
types/chat/completion_create_params.py beside types/completion_create_params.py; anthropic 2.12:
types/beta/message_create_params.py)."""

GENERATED = frozenset(
    {
        "best_of",
        "echo",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_tokens",
        "min_p",
        "n",
        "presence_penalty",
        "repetition_penalty",
        "seed",
        "stop",
        "stream_options",
        "suffix",
        "temperature",
        "top_k",
        "top_p",
    }
)
"""What says how text is written, which embeddings are not (openai 3.54: types/embedding_create_params.py)."""

RESPONDED = frozenset(
    {
        "access_programs",
        "background",
        "background_options",
        "conversation",
        "image",
        "include",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "previous_response_id",
        "text",
        "truncation",
    }
)
"""What only the Responses API takes (openai 3.54: types/responses/response_create_params.py beside
types/chat/completion_create_params.py)."""

SHARED = frozenset(
    {
        "context_management",
        "metadata",
        "min_p",
        "moderation",
        "parallel_tool_calls",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "repetition_penalty",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
    }
)
"""What of other conversations the Responses API takes too, and what servers add to either."""

FOREIGN: dict[str, frozenset[str]] = {
    "chat": RESPONDED,
    "responses": (CONVERSED | GENERATED) - SHARED,
    "completions": CONVERSED | RESPONDED,
    "embeddings": (CONVERSED | GENERATED | RESPONDED) - {"truncation"},
}
"""API -> what is not forced on it. Anything else is: servers have parameters of their own."""

ANSWERED = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
}
RENAMED: dict[str, dict[str, str]] = {
    "chat": {"max_output_tokens": "max_completion_tokens", "text.verbosity": "verbosity"},
    "responses": ANSWERED,
    "input_tokens": ANSWERED,
    "neutral": {
        "max_output_tokens": "max_tokens",
        "max_completion_tokens": "max_tokens",
        "stop_sequences": "stop",
        "reasoning_effort": "reasoning.effort",
        "parallel_tool_calls": "parallel",
    },
}
"""API -> the paths by which the same is forced in OpenAI's other one: the client says in which of them it is asked."""

LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""Two names of one limit, of which chat takes one: the one that is forced counts."""


HEARD = frozenset({"max_tokens", "temperature", "top_p", "top_k", "stop", "reasoning", "parallel", "user", "session"})
"""What of the neutral vocabulary may be forced: what a model inside Turnout may be told."""


def forced(api: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of `values` is forced on a request of `api`, by its own paths; what is given by those counts."""
    found = {}
    for path, value in values.items():
        own = own_path(api, path)
        if takes(api, path) and (own == path or values.keys().isdisjoint({own, LIMITS.get(own)} - {path})):
            found[own] = value
    return found


def takes(api: str, path: str) -> bool:
    """Say whether the parameter at `path` may be forced on a request of `api`, by whatever path."""
    name = own_path(api, path).partition(".")[0]
    if api == "neutral":
        return name in HEARD
    return name in COUNTED[api] if api in COUNTED else name not in FOREIGN.get(api, ())


def own_path(api: str, path: str) -> str:
    """Return the path that `api` has for what is forced by `path`."""
    return RENAMED.get(api, {}).get(path, path)
