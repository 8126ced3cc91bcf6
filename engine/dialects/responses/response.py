"""The response object: a whole answer is one, and the events of a stream that speak of all of it carry one.

Protocol facts: openai 3.54 (types/responses/response.py, types/responses/response_usage.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from engine.chat import Usage
    from engine.dialects.codec import Asked

ECHOED: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": None,
    "store": True,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": None,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""What a response repeats of its request -> what it says where the request said nothing."""

NULLS = {"parameters": None, "strict": None}
"""What a function has in a response even where the client left it out."""


def response_of(
    asked: Asked,
    status: Literal["in_progress", "completed", "incomplete"],
    output: list[dict[str, Any]],
    *,
    reason: str | None = None,
    usage: Usage | None = None,
) -> dict[str, Any]:
    """Return the response to `asked`; `reason` is why it is incomplete. When it was completed nobody here knows."""
    return {
        "id": f"resp_{asked.id}",
        "object": "response",
        "created_at": asked.created,
        "status": status,
        "completed_at": None,
        "error": None,
        "incomplete_details": None if reason is None else {"reason": reason},
        "model": asked.model,
        "output": output,
        "usage": None if usage is None else counted(usage),
        **{name: _echoed(name, asked.echo.get(name)) for name in ECHOED},
    }


def counted(usage: Usage) -> dict[str, Any]:
    """Return the usage object: `input_tokens` is all of the input, cached or not."""
    read = usage.input + usage.cache_read + usage.cache_write
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": read + usage.output,
    }


def _echoed(name: str, value: Any) -> Any:
    default = ECHOED[name]
    if value is None:
        return default
    if name == "tools" and isinstance(value, list):
        return [_tool(one) for one in value]
    return {**default, **value} if isinstance(default, dict) and isinstance(value, dict) else value


def _tool(tool: Any) -> Any:
    return {**NULLS, **tool} if isinstance(tool, dict) and tool.get("type") == "function" else tool
