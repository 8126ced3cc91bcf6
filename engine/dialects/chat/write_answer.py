"""Writes an answer for a client of chat completions: the whole answer, and what a stream shares with it.

Protocol facts: openai 3.54 (types/chat/chat_completion.py, types/chat/chat_completion_message.py,
types/completion_usage.py). Extensions that clients know: `reasoning_content` (DeepSeek), `reasoning` and
`reasoning_details` (OpenRouter), `stop_reason` beside `finish_reason` (vLLM).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Call, Refusal, Text, Thinking

if TYPE_CHECKING:
    from engine.chat import Response, Stop, Usage
    from engine.dialects.codec import Asked

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

SEAL = "anthropic-claude-v1"
"""OpenRouter's word for the form of Anthropic's signatures."""


def write_answer(response: Response, asked: Asked) -> bytes:
    """Write a chat.completion with one choice."""
    choice = {
        "index": 0,
        "message": message(response, asked.legacy),
        "logprobs": None,
        **finish(response.stop, any(isinstance(block, Call) for block in response.blocks), asked.legacy),
    }
    answer = {**head(asked, "chat.completion"), "choices": [choice]}
    if response.usage is not None:
        answer["usage"] = counted(response.usage)
    return msgspec.json.encode(answer)


def head(asked: Asked, kind: str) -> dict[str, Any]:
    """Return the fields with which an answer and every chunk of a stream begin."""
    return {"id": f"chatcmpl-{asked.id}", "object": kind, "created": asked.created, "model": asked.model}


def message(response: Response, legacy: bool) -> dict[str, Any]:
    """Return the message of an answer. Blocks that only their own vendor knows are left out."""
    blocks = response.blocks
    refusal = "".join(one.text for one in blocks if isinstance(one, Refusal)) or explanation(response.stop)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(one.text for one in blocks if isinstance(one, Text)) or None,
        "refusal": refusal,
    }
    thinking = [one for one in blocks if isinstance(one, Thinking)]
    if thought := "".join(one.text for one in thinking):
        message |= {"reasoning_content": thought, "reasoning": thought}
    details = [
        seal(index, one.text, one.signature) if one.signature else sealed(index, one.sealed)
        for index, one in enumerate(thinking)
        if one.signature or one.sealed is not None
    ]
    if details:
        message["reasoning_details"] = details
    calls = [one for one in blocks if isinstance(one, Call)]
    if calls and legacy:
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments or "{}"}
    elif calls:
        message["tool_calls"] = [tool_call(call) for call in calls]
    return message


def tool_call(call: Call) -> dict[str, Any]:
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def seal(index: int, thought: str, signature: str) -> dict[str, Any]:
    """Return signed reasoning in a form in which clients give it back."""
    return {"type": "reasoning.text", "text": thought, "signature": signature, "format": SEAL, "index": index}


def sealed(index: int, data: str | None) -> dict[str, Any]:
    return {"type": "reasoning.encrypted", "data": data, "format": SEAL, "index": index}


def finish(stop: Stop, called: bool, legacy: bool) -> dict[str, Any]:
    """Return the fields of a choice that say why the model stopped."""
    reason = FINISH[stop.reason]
    if reason == "tool_calls" and not called:
        reason = "stop"
    elif reason == "tool_calls" and legacy:
        reason = "function_call"
    return {"finish_reason": reason, "stop_reason": stop.sequence} if stop.sequence else {"finish_reason": reason}


def explanation(stop: Stop) -> str | None:
    """Return what the vendor says of a refusal; it has no text of its own there."""
    said = (stop.details or {}).get("explanation") if stop.reason == "refusal" else None
    return said if isinstance(said, str) and said else None


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
