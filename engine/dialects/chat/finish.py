"""Why a choice of a chat answer stopped, whole or in a stream.

Protocol facts: openai 3.54 (types/chat/chat_completion.py), and the words that compatible servers add.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Failed, Failure, Stop
from engine.dialects.failure import text
from engine.dialects.lost import unsaid

if TYPE_CHECKING:
    from engine.chat import Loss, Reason

FINISHES: dict[str, str] = {
    "stop": "end",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "content_filter": "refusal",
    "sensitive": "refusal",
    "model_length": "context",
}
"""`finish_reason` -> `Stop.reason`; z.ai says `sensitive`, Mistral `model_length`. Any other word is an end."""

BREAKDOWNS: dict[str, Reason] = {
    "error": "server_error",
    "network_error": "server_error",
    "insufficient_system_resource": "overloaded",
}
"""Words of `finish_reason` for an answer that broke off (OpenRouter, z.ai, DeepSeek)."""

STOPPED = frozenset({"end_turn", "max_tokens", "tool_use", "stop_sequence", "stop", "length"})
"""Words of a `stop_reason` that are no stop sequence; vLLM puts the sequence itself there."""


def stop_of(choice: dict[str, Any], *, called: bool, refused: bool) -> Stop:
    """Return why a choice stopped. What it holds is believed over its label: calls make it `tool`, a bare refusal
    `refusal`, and `tool_calls` without calls is an end. Raises `Failed` for a label that means it broke off."""
    label = text(choice.get("finish_reason"))
    if label in BREAKDOWNS:
        raise Failed(Failure(reason=BREAKDOWNS[label], message=f"the upstream broke off its answer: {label}"))
    reason = FINISHES.get(label, "end")
    if reason == "tool" and not called:
        reason = "end"
    if reason == "end":
        sequence = text(choice.get("stop_reason"))
        if called:
            reason = "tool"
        elif refused:
            reason = "refusal"
        elif sequence and sequence not in STOPPED:
            return Stop(reason="sequence", sequence=sequence)
    return msgspec.convert({"reason": reason}, Stop)


def unheard(choice: dict[str, Any]) -> list[Loss]:
    """Return the loss of a `finish_reason` that nobody knows, and that is read as an end."""
    label = text(choice.get("finish_reason"))
    known = not label or label in FINISHES or label in BREAKDOWNS
    return [] if known else [unsaid("choices[0].finish_reason", "approximated")]
