"""Writes an answer for a client of chat completions: the whole answer, and what a stream shares with it.

Protocol facts: openai 3.54 (types/chat/chat_completion.py, types/chat/chat_completion_message.py,
types/completion_usage.py). Extensions that clients know: `reasoning_content` (DeepSeek), `reasoning` and
`reasoning_details` (OpenRouter), `stop_reason` beside `finish_reason` (vLLM).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Call, Loss, Opaque, Refusal, Text, Thinking, Usage
from engine.dialects.lost import UNTOLD, opaque, unsaid
from engine.dialects.measure import octets, tokens
from engine.dialects.seal import seal

if TYPE_CHECKING:
    from engine.chat import Block, Form, Response, Stop
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

SEALS: dict[Form, str] = {"messages": "anthropic-claude-v1", "responses": "unknown"}
"""API of a seal -> OpenRouter's word for its form; what it has no word for goes under our own seal."""

SECOND = Loss("tool_calls[1]", "dropped", "an answer in the form before tools has one call")
CATEGORY = Loss("stop_details.category", "dropped", "the client's API has no kinds of refusals")


def write_answer(response: Response, asked: Asked) -> bytes:
    """Write a chat.completion with one choice."""
    called = any(isinstance(block, Call) for block in response.blocks)
    note(response, asked)
    choice = {
        "index": 0,
        "message": message(response, asked),
        "logprobs": None,
        **finish(response.stop, called, asked.legacy),
    }
    usage = response.usage or guessed(asked, sum(map(size, response.blocks)))
    return msgspec.json.encode({**head(asked, "chat.completion"), "choices": [choice], "usage": counted(usage)})


def note(response: Response, asked: Asked) -> None:
    """Note what of a whole answer its client is not told."""
    for loss in (*response.losses, *(opaque(one) for one in response.blocks if isinstance(one, Opaque))):
        asked.lost.once(loss)
    note_stop(response.stop, asked)
    if asked.legacy and sum(isinstance(one, Call) for one in response.blocks) > 1:
        asked.lost.once(SECOND)
    if response.usage is None or response.usage.estimated:
        asked.lost.once(UNTOLD)


def note_stop(stop: Stop, asked: Asked) -> None:
    """Note what of the reason for a stop its client is not told."""
    if stop.reason == "pause":
        asked.lost.once(unsaid("stop_reason", "dropped"))
    elif stop.reason == "context":
        asked.lost.once(unsaid("stop_reason", "approximated"))
    elif stop.reason == "refusal" and (stop.details or {}).get("category"):
        asked.lost.once(CATEGORY)


def head(asked: Asked, kind: str) -> dict[str, Any]:
    """Return the fields with which an answer and every chunk of a stream begin."""
    return {"id": f"chatcmpl-{asked.id}", "object": kind, "created": asked.created, "model": asked.model}


def message(response: Response, asked: Asked) -> dict[str, Any]:
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
        signed(index, one.text, one.signature, one.form, asked.source)
        if one.signature
        else sealed(index, one.sealed or "", one.form, asked.source)
        for index, one in enumerate(thinking)
        if one.signature or one.sealed is not None
    ]
    if details:
        message["reasoning_details"] = details
    calls = [one for one in blocks if isinstance(one, Call)]
    if calls and asked.legacy:  # one call is all that this form can say; the client asks again after it
        message["function_call"] = {"name": calls[0].name, "arguments": arguments(calls[0])}
    elif calls:
        ids = Ids(asked)
        message["tool_calls"] = [tool_call(call, ids.give(call.id)) for call in calls]
    return message


def tool_call(call: Call, ident: str) -> dict[str, Any]:
    head = {"id": ident, "type": call.kind}
    if call.kind == "custom":
        return {**head, "custom": {"name": call.name, "input": call.arguments}}
    return {**head, "function": {"name": call.name, "arguments": arguments(call)}}


def arguments(call: Call) -> str:
    """Return the arguments of a function as JSON text: blanks alone are none."""
    return call.arguments if call.arguments.strip() else "{}"


class Ids:
    """The ids of one answer's tool calls: as they are where they are no one else's, else minted."""

    __slots__ = ("_asked", "_given")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._given: set[str] = set()

    def give(self, wish: str) -> str:
        """Return the id for the next call, whose upstream called it `wish`, or "" if it had none."""
        number = len(self._given)
        while not wish or wish in self._given:
            wish = f"call_{self._asked.id}_{number}"
            number += 1
        self._given.add(wish)
        return wish


def signed(index: int, thought: str, signature: str, form: Form, source: str) -> dict[str, Any]:
    """Return signed reasoning of `source` in a form in which clients give it back."""
    if form != "messages":
        signature = seal(source, form, signature=signature)
    return {"type": "reasoning.text", "text": thought, "signature": signature, "format": SEALS[form], "index": index}


def sealed(index: int, data: str, form: Form, source: str) -> dict[str, Any]:
    """Return reasoning that only its vendor can read."""
    if form != "messages":
        data = seal(source, form, sealed=data)
    return {"type": "reasoning.encrypted", "data": data, "format": SEALS[form], "index": index}


def finish(stop: Stop, called: bool, legacy: bool) -> dict[str, Any]:
    """Return the fields of a choice that say why the model stopped."""
    reason = FINISH[stop.reason]
    if reason in ("stop", "tool_calls"):  # whether there are calls to answer counts, not the label
        reason = ("function_call" if legacy else "tool_calls") if called else "stop"
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


def guessed(asked: Asked, output: int) -> Usage:
    """Return our own estimate for an upstream that did not say; `output` is the size of its answer in bytes."""
    return Usage(input=asked.input_tokens, output=tokens(output), estimated=True)


def size(block: Block) -> int:
    """Return the size of what the model wrote, in bytes."""
    if isinstance(block, Call):
        return octets(block.arguments)
    return octets(block.text) if isinstance(block, Text | Thinking | Refusal) else 0
