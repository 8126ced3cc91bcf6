"""Why a model stopped and what it took, in the words of LangChain's integrations.

There is no standard for the first: each passes on its vendor's own field (response_metadata); these are their words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.chat import Stop, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("finish_reason", "stop_reason", "stopReason", "done_reason")
"""OpenAI, Google, Mistral, Cohere, Groq and others; Anthropic; Bedrock Converse; Ollama."""

REASONS: dict[str, Any] = {
    "stop": "end",
    "end_turn": "end",
    "complete": "end",
    "eos": "end",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "stop_sequence": "sequence",
    "tool_calls": "tool",
    "tool_call": "tool",
    "tool_use": "tool",
    "function_call": "tool",
    "content_filter": "refusal",
    "content_filtered": "refusal",
    "guardrail_intervened": "refusal",
    "refusal": "refusal",
    "safety": "refusal",
    "recitation": "refusal",
    "blocklist": "refusal",
    "prohibited_content": "refusal",
    "pause_turn": "pause",
    "model_context_window_exceeded": "context",
}
"""Why it stopped, in lower case -> why; any other word is a proper end."""


def stop_of(metadata: Mapping[str, Any]) -> Stop | None:
    """Return why a model stopped; None where it does not say."""
    word = next((metadata[field] for field in FIELDS if isinstance(metadata.get(field), str)), None)
    if word is None and isinstance(details := metadata.get("incomplete_details"), dict):  # OpenAI's Responses API
        word = details.get("reason")
    if not isinstance(word, str):
        return None
    sequence, details = metadata.get("stop_sequence"), metadata.get("stop_details")
    return Stop(
        reason=REASONS.get(word.lower(), "end"),
        sequence=sequence if isinstance(sequence, str) else None,
        details=details if isinstance(details, dict) else None,
    )


def usage_of(told: Mapping[str, Any]) -> Usage:
    """Return LangChain's `usage_metadata`, whose input and output hold everything, in buckets that do not overlap."""
    read, written = told.get("input_token_details") or {}, told.get("output_token_details") or {}
    cached = count(read, "cache_read")
    caching = count(read, "cache_creation") or sum(count(read, name) for name in read if name.startswith("ephemeral_"))
    return Usage(
        input=max(0, count(told, "input_tokens") - cached - caching),
        cache_read=cached,
        cache_write=caching,
        output=count(told, "output_tokens"),
        reasoning=written.get("reasoning"),
    )


def count(told: Mapping[str, Any], name: str) -> int:
    found = told.get(name)
    return found if isinstance(found, int) and found > 0 else 0
