"""Writes an answer for a client of the Messages API: the whole answer, and what a stream shares with it.

Protocol facts: anthropic 2.12 (types/message.py, types/usage.py, types/refusal_stop_details.py).
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Call, Loss, Opaque, Refusal, Text, Thinking
from engine.dialects.lost import UNTOLD, opaque
from engine.dialects.seal import seal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.chat import Block, Form, Response, Stop, Usage
    from engine.dialects.codec import Asked

REASONS: dict[str, str] = {
    "end": "end_turn",
    "length": "max_tokens",
    "sequence": "stop_sequence",
    "tool": "tool_use",
    "refusal": "refusal",
    "pause": "pause_turn",
    "context": "model_context_window_exceeded",
}
"""Why the model stopped -> stop_reason."""

CATEGORIES = frozenset({"cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"})
"""The categories of a refusal."""

FORMS: dict[str, str] = {
    "_raw": "no JSON; told as {_raw: the text}",
    "value": "no JSON object; told as {value: it}",
}
"""The key under which the input of a call stands that is no object -> what is noted of it."""

FIT = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What the id of a tool call may look like."""


def write_answer(response: Response, asked: Asked) -> bytes:
    """Write a Message. Blocks that only another vendor knows are left out."""
    ids = Ids(asked)
    content = [block for one in response.blocks for block in _content(one, asked, ids)]
    note(response, asked)
    refusal = "".join(one.text for one in response.blocks if isinstance(one, Refusal))
    called = any(isinstance(one, Call) for one in response.blocks)
    answer = {**head(asked), "content": content, **stopped(response.stop, called=called, refusal=refusal)}
    answer["usage"] = guessed(asked, spoken(content)) if response.usage is None else counted(response.usage)
    return msgspec.json.encode(answer)


def note(response: Response, asked: Asked) -> None:
    """Note what of a whole answer its client is not told, or told in another form."""
    for loss in response.losses:
        asked.lost.once(loss)
    calls = 0
    for block in response.blocks:
        if isinstance(block, Call):
            note_input(block, calls, asked)
            calls += 1
        elif isinstance(block, Opaque) and block.vendor != "anthropic":
            asked.lost.once(opaque(block))
    if response.usage is None or response.usage.estimated:
        asked.lost.once(UNTOLD)


def note_input(call: Call, place: int, asked: Asked) -> None:
    """Note that the input of a call, which is number `place`, is not what the model wrote."""
    if form := form_of(call):
        asked.lost.once(Loss(f"tool_calls[{place}].arguments", "approximated", FORMS[form]))


def head(asked: Asked) -> dict[str, Any]:
    """Return the fields with which a Message begins."""
    return {"id": f"msg_{asked.id}", "type": "message", "role": "assistant", "model": asked.model}


def stopped(stop: Stop, *, called: bool, refusal: str) -> dict[str, Any]:
    """Return the fields that say why the model stopped; `refusal` is what it said when it refused.

    What the answer holds wins over the label: with calls it is tool_use, without any it is not.
    """
    reason = stop.reason
    if called and reason in ("end", "sequence"):
        reason = "tool"
    elif (reason == "tool" and not called) or (reason == "sequence" and not stop.sequence):
        reason = "end"
    fields: dict[str, Any] = {
        "stop_reason": REASONS[reason],
        "stop_sequence": stop.sequence if reason == "sequence" else None,
    }
    if reason == "refusal":
        told = stop.details or {}
        category, explanation = told.get("category"), told.get("explanation")
        fields["stop_details"] = {
            "type": "refusal",
            "category": category if category in CATEGORIES else None,
            "explanation": explanation if isinstance(explanation, str) else refusal or None,
        }
    return fields


def counted(usage: Usage) -> dict[str, Any]:
    """Return the usage object: `input_tokens` is only what no cache had a part in."""
    counts: dict[str, Any] = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    if usage.reasoning is not None:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return counts


def guessed(asked: Asked, size: int) -> dict[str, Any]:
    """Return our guess where the upstream told no usage; `size` is the answer's in bytes of UTF-8, as in measure.py."""
    return {
        "input_tokens": asked.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": math.ceil(size * 1.15 / 4),
    }


def spoken(content: list[dict[str, Any]]) -> int:
    """Return the size of what the model wrote, in bytes of UTF-8."""
    fields = [block.get(name) for block in content for name in ("text", "thinking")]
    inputs = [msgspec.json.encode(block["input"]) for block in content if block.get("input")]
    return sum(len(one.encode()) for one in fields if isinstance(one, str)) + sum(map(len, inputs))


def input_of(call: Call) -> dict[str, Any]:
    """Return the input of a call, which must be an object here.

    Blank arguments are none. Free text becomes {"input": text}, a JSON value that is no object {"value": value}, what
    is no JSON {"_raw": text}: the client's tool refuses it by its schema, and the model sees what it wrote.
    """
    if call.kind == "custom":
        return {"input": call.arguments}
    if not call.arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, RecursionError):
        return {"_raw": call.arguments}
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"value": value}


def form_of(call: Call) -> str:
    """Return the key under which the input of a call is wrapped, "" if it is told as it is."""
    if call.kind == "custom" or not call.arguments.strip():
        return ""
    try:
        value = msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, RecursionError):
        return "_raw"
    return "" if value is None or isinstance(value, dict) else "value"


def input_text(call: Call) -> str:
    """Return the input of a call as JSON text: as the model wrote it if that is an object, "" for none."""
    if call.kind == "function" and call.arguments.lstrip().startswith("{"):
        try:
            msgspec.json.decode(call.arguments, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, RecursionError):
            pass
        else:
            return call.arguments
    value = input_of(call)
    return msgspec.json.encode(value).decode() if value else ""


def signature_of(signature: str | None, form: Form, source: str) -> str:
    """Return the signature on a thinking block: the vendor's where it is one of this API, else ours."""
    if signature and form == "messages":
        return signature
    return seal(source, form, signature=signature or None)


def data_of(sealed: str, form: Form, source: str) -> str:
    """Return the data of a redacted_thinking block."""
    return sealed if form == "messages" else seal(source, form, sealed=sealed)


class Ids:
    """The ids of one answer's tool calls: as they are where they fit and are no one else's, else minted."""

    __slots__ = ("_asked", "_given")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._given: set[str] = set()

    def give(self, wish: str) -> str:
        """Return the id for a call whose upstream called it `wish`, or "" if it had none."""
        if wish and not FIT.fullmatch(wish):
            wish = "call_" + base64.b32encode(hashlib.sha256(wish.encode()).digest()[:15]).decode().lower()
        number = len(self._given)
        while not wish or wish in self._given:
            wish = f"toolu_{self._asked.id}{number}"
            number += 1
        self._given.add(wish)
        return wish


def _content(block: Block, asked: Asked, ids: Ids) -> Iterator[dict[str, Any]]:
    match block:
        case Text() | Refusal():
            if block.text:
                yield {"type": "text", "text": block.text}
        case Thinking():
            if block.text or block.signature:
                signature = signature_of(block.signature, block.form, asked.source)
                yield {"type": "thinking", "thinking": block.text, "signature": signature}
            if block.sealed is not None:
                yield {"type": "redacted_thinking", "data": data_of(block.sealed, block.form, asked.source)}
        case Call():
            yield {"type": "tool_use", "id": ids.give(block.id), "name": block.name, "input": input_of(block)}
        case Opaque(vendor="anthropic"):
            yield block.raw
