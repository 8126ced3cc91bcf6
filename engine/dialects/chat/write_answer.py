"""Writes an answer for a client of chat completions: the whole answer, and what a stream shares with it.

Protocol facts: openai 3.54 (types/chat/chat_completion.py, types/chat/chat_completion_message.py,
types/completion_usage.py). Extensions that clients know: `reasoning_content` (DeepSeek), `reasoning` and
`reasoning_details` (OpenRouter), `stop_reason` beside `finish_reason` (vLLM).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Call, Loss, Opaque, Refusal, Text, Thinking
from engine.dialects.lost import UNTOLD, opaque
from engine.dialects.openai.answers import Ids, explanation, guessed, note_stop, size
from engine.dialects.openai.choice import FINISH, counted
from engine.dialects.seal import seal

if TYPE_CHECKING:
    from engine.chat import Form, Response, Stop
    from engine.dialects.codec import Asked

SEALS: dict[Form, str] = {"messages": "anthropic-claude-v1", "responses": "unknown"}
"""API of a seal -> OpenRouter's word for its form; what it has no word for goes under our own seal."""

SECOND = Loss("tool_calls[1]", "dropped", "an answer in the form before tools has one call")


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
        message |= dict.fromkeys(asked.reasoning, thought)
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
