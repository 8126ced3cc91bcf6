"""Where chat completions, legacy completions and embeddings tell their usage.

Protocol facts: openai 3.54 (types/completion_usage.py, types/create_embedding_response.py). Usage comes in a last chunk
without choices; several servers have it in the chunk with the finish_reason, or in every chunk: the last one counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.chat.piece import usage_of
from engine.dialects.meter import Gauge

if TYPE_CHECKING:
    from engine.chat import Usage
    from engine.dialects.meter import Read


class Answer(msgspec.Struct):
    """What is looked at of a whole answer: an embedding is long."""

    usage: Any = None
    x_groq: Any = None


ANSWER = msgspec.json.Decoder(Answer)


def read(data: bytes, _notes: dict[str, Any]) -> Read:
    """Read a chunk. Its usage is the whole one where no choice comes with it, or one that is finished."""
    chunk = msgspec.json.decode(data)
    if not isinstance(chunk, dict):
        return None, False
    choices = _choices(chunk)
    sure = not choices or any(choice.get("finish_reason") for choice in choices)
    return usage_of(chunk, *choices, chunk.get("x_groq")), sure


def answer(body: bytes) -> Usage | None:
    found = ANSWER.decode(body)
    return usage_of({"usage": found.usage}, found.x_groq)


def said(value: Any) -> Any:
    """Return what the model wrote in a chunk or an answer. An embedding is no text."""
    choices = _choices(value) if isinstance(value, dict) else []
    return [_spoken(choice) for choice in choices]


def _spoken(choice: dict[str, Any]) -> Any:
    """Return what one choice says; reasoning that comes in two fields at once was thought only once."""
    spoken = choice.get("delta") or choice.get("message") or choice.get("text")
    if not isinstance(spoken, dict):
        return spoken if isinstance(spoken, str) else None
    twice = {"reasoning_details"}
    if spoken.get("reasoning_content"):
        twice.add("reasoning")
    return {name: value for name, value in spoken.items() if name not in twice}


def _choices(chunk: dict[str, Any]) -> list[dict[str, Any]]:
    choices = chunk.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


GAUGE = Gauge(read=read, answer=answer, said=said)
