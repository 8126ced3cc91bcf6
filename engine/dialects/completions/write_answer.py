"""Writes an answer for a client of legacy completions: the whole answer, and what a stream shares with it.

A completion is nothing but text. Reasoning and calls are left out, and that is noted; a refusal is text too, and the
`finish_reason` tells that it is one.

Protocol facts: openai 3.54 (types/completion.py, types/completion_choice.py); `stop_reason` is vLLM's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Call, Loss, Opaque, Refusal, Text, Thinking
from engine.dialects.lost import UNTOLD, opaque
from engine.dialects.openai.answers import explanation, guessed, note_stop, size
from engine.dialects.openai.choice import FINISH, counted

if TYPE_CHECKING:
    from engine.chat import Response, Stop
    from engine.dialects.codec import Asked

THOUGHTS = Loss("reasoning", "dropped", "a completion has no place for what the model thought")
CALLS = Loss("tool_calls", "dropped", "a completion has no place for calls of tools")
REFUSAL = Loss("refusal", "approximated", "a completion has no place for a refusal but its text")


def write_answer(response: Response, asked: Asked) -> bytes:
    """Write a text_completion with one choice."""
    note(response, asked)
    refusal = refused(response)
    said = "".join(block.text for block in response.blocks if isinstance(block, Text))
    choice = choice_of(echoed(asked) + said + refusal, finish(response.stop, refused=bool(refusal)))
    usage = response.usage or guessed(asked, sum(map(size, response.blocks)))
    return msgspec.json.encode({**head(asked), "choices": [choice], "usage": counted(usage)})


def note(response: Response, asked: Asked) -> None:
    """Note what of a whole answer its client is not told."""
    for loss in (*response.losses, *(opaque(one) for one in response.blocks if isinstance(one, Opaque))):
        asked.lost.once(loss)
    for kind, loss in ((Thinking, THOUGHTS), (Call, CALLS)):
        if any(isinstance(block, kind) for block in response.blocks):
            asked.lost.once(loss)
    if refused(response):
        asked.lost.once(REFUSAL)
    note_stop(response.stop, asked)
    if response.usage is None or response.usage.estimated:
        asked.lost.once(UNTOLD)


def refused(response: Response) -> str:
    """Return the words of a refusal: the model's own, else those of its vendor."""
    own = "".join(block.text for block in response.blocks if isinstance(block, Refusal))
    return own or explanation(response.stop) or ""


def echoed(asked: Asked) -> str:
    """Return what the client wants to read in front of the answer."""
    prompt = asked.echo.get("prompt")
    return prompt if isinstance(prompt, str) else ""


def head(asked: Asked) -> dict[str, Any]:
    """Return the fields with which an answer and every chunk of a stream begin."""
    return {"id": f"cmpl-{asked.id}", "object": "text_completion", "created": asked.created, "model": asked.model}


def choice_of(text: str, ending: dict[str, Any]) -> dict[str, Any]:
    return {"index": 0, "text": text, "logprobs": None, **ending}


def finish(stop: Stop, *, refused: bool) -> dict[str, Any]:
    """Return the fields of a choice that say why the model stopped; a client that wrote no tools knows none."""
    reason = "content_filter" if refused else FINISH[stop.reason].replace("tool_calls", "stop")
    return {"finish_reason": reason, **({"stop_reason": stop.sequence} if stop.sequence else {})}
