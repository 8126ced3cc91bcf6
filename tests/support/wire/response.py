"""The response object of the Responses API, as each event of a stream has it.

Facts: openai 3.54, types/responses/response.py, response_error.py, response_usage.py; `store` is told back although the
type does not know it.
"""

from __future__ import annotations

from typing import Any

from tests.support.wire.sse import COUNT, LIST, NOTHING, OBJECT, TEXT, Fields, must, shaped

NUMBER = (int, float, NOTHING)
FLAG = (bool, NOTHING)
RESPONSE: Fields = {
    "id": str,
    "object": str,
    "created_at": (int, float),
    "status": str,
    "model": str,
    "output": list,
    "parallel_tool_calls": bool,
    "tool_choice": (str, dict),
    "tools": list,
}
RESPONSE_MORE: Fields = {
    **dict.fromkeys(("background", "store"), FLAG),
    **dict.fromkeys(("completed_at", "temperature", "top_p"), NUMBER),
    **dict.fromkeys(("max_output_tokens", "max_tool_calls", "top_logprobs"), COUNT),
    **dict.fromkeys(("access_programs", "conversation", "error", "image", "incomplete_details", "metadata"), OBJECT),
    **dict.fromkeys(("moderation", "prompt", "prompt_cache_diagnostics", "prompt_cache_options"), OBJECT),
    **dict.fromkeys(("reasoning", "text", "tool_usage", "usage"), OBJECT),
    **dict.fromkeys(("previous_response_id", "prompt_cache_key", "prompt_cache_retention"), TEXT),
    **dict.fromkeys(("safety_identifier", "service_tier", "truncation", "user"), TEXT),
    "instructions": (str, list, NOTHING),
    "input_transformations": LIST,
}
STATUS = {
    "response.created": ("in_progress", "queued"),
    "response.queued": ("queued",),
    "response.in_progress": ("in_progress",),
    "response.completed": ("completed",),
    "response.incomplete": ("incomplete",),
    "response.failed": ("failed",),
}
OWNERS = {
    "error": "response.failed",
    "incomplete_details": "response.incomplete",
    "completed_at": "response.completed",
}
"""Field of a response -> the event that alone has it."""
REASONS = ("max_output_tokens", "max_messages", "content_filter", "steered")
USAGE: Fields = {
    "input_tokens": int,
    "input_tokens_details": dict,
    "output_tokens": int,
    "output_tokens_details": dict,
    "total_tokens": int,
}
DETAILS: dict[str, tuple[Fields, Fields]] = {
    "input": ({"cached_tokens": int, "cache_write_tokens": int}, {"cache_write_tokens_details": OBJECT}),
    "output": ({"reasoning_tokens": int}, {}),
}
ERROR_MORE: Fields = {"type": TEXT, "param": TEXT, "misalignment": OBJECT}


def look_at_response(event: str, response: dict[str, Any]) -> None:
    """Hold a response against what it must be in an event of this name."""
    shaped(response, "response", RESPONSE, RESPONSE_MORE)
    must(response["object"] == "response", f"object is {response['object']!r}")
    must(response["id"] and response["model"], "response.id or response.model is empty")
    must(response["status"] in STATUS[event], f"{event} has status {response['status']!r}")
    for field, owner in OWNERS.items():
        told = response.get(field) is not None
        must(told or event != owner or field == "completed_at", f"{event} without {field}")
        must(not told or event == owner, f"{event} has {field}")
    if event == "response.failed":
        shaped(response["error"], "response.error", {"code": str, "message": str}, ERROR_MORE)
        must(response["error"]["code"] and response["error"]["message"], "response.error is empty")
    if event == "response.incomplete":
        reason = response["incomplete_details"].get("reason")
        must(reason in REASONS, f"incomplete_details.reason is {reason!r}")
    if response.get("usage") is not None:
        look_at_usage(response["usage"])


def look_at_usage(usage: dict[str, Any]) -> None:
    """Hold the usage of a response against itself."""
    shaped(usage, "usage", USAGE, {})
    must(usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], "total_tokens is no sum")
    for side, (fields, more) in DETAILS.items():
        whole, details = usage[f"{side}_tokens"], usage[f"{side}_tokens_details"]
        shaped(details, f"usage.{side}_tokens_details", fields, more)
        must(whole >= 0 and all(details[name] >= 0 for name in fields), "usage below zero")
        for name in fields:
            must(details[name] <= whole, f"{name} are more than {side}_tokens")
