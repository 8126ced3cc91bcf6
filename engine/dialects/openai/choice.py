"""What the answers of chat completions and of legacy completions have in common: why a choice stopped, and the usage.

Protocol facts: openai 3.54 (types/chat/chat_completion.py, types/completion_choice.py, types/completion_usage.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.chat import Usage

FINISH: dict[str, str] = {
    "end": "stop",
    "length": "length",
    "sequence": "stop",
    "tool": "tool_calls",
    "refusal": "content_filter",
    "pause": "stop",
    "context": "length",
}
"""Why the model stopped -> finish_reason."""


def counted(usage: Usage) -> dict[str, Any]:
    """Return the usage object: `prompt_tokens` is all of the input, cached or not."""
    prompt = usage.input + usage.cache_read + usage.cache_write
    details = {"cached_tokens": usage.cache_read}
    if usage.cache_write:
        details["cache_write_tokens"] = usage.cache_write
    counts: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": details,
    }
    if usage.reasoning is not None:
        counts["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return counts
