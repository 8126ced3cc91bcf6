"""Writes an answer for a client of the Responses API: the whole answer, and what a stream shares with it.

Protocol facts: openai 3.54 (types/responses/response.py, types/responses/response_output_item.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Call, Opaque, Refusal, Text, Thinking
from engine.dialects.lost import UNTOLD, opaque, unsaid
from engine.dialects.openai.answers import Ids, explanation, guessed, note_stop, size
from engine.dialects.openai.arguments import is_object
from engine.dialects.responses.items import (
    CALL_ID,
    CALLS,
    call,
    cut_short,
    ident,
    message,
    part,
    reasoning,
    sealed,
    spaces,
)
from engine.dialects.responses.response import response_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Block, Response, Stop, Usage
    from engine.dialects.codec import Asked
    from engine.dialects.responses.items import Status


def write_answer(response: Response, asked: Asked) -> bytes:
    """Write a response object, and let it be kept."""
    note(response, asked)
    output, reason = told(response, asked)
    usage = response.usage or guessed(asked, sum(map(size, response.blocks)))
    answer = response_of(asked, "incomplete" if reason else "completed", output, reason=reason, usage=usage)
    if asked.keep is not None:
        asked.keep(answer)
    return msgspec.json.encode(answer)


def note(response: Response, asked: Asked) -> None:
    """Note what of a whole answer its client is not told."""
    for loss in (*response.losses, *(opaque(one) for one in response.blocks if isinstance(one, Opaque))):
        asked.lost.once(loss)
    note_end(response.stop, response.usage, asked)


def note_end(stop: Stop, usage: Usage | None, asked: Asked) -> None:
    """Note what of the end of an answer its client is not told."""
    note_stop(stop, asked)
    if stop.reason == "sequence":
        asked.lost.once(unsaid("stop_reason", "approximated"))
    if usage is None or usage.estimated:
        asked.lost.once(UNTOLD)


def told(response: Response, asked: Asked) -> tuple[list[dict[str, Any]], str | None]:
    """Return the output of an answer, and why it is incomplete. Blocks that only their vendor knows are left out.

    What was cut short is the last item: a message, or a call whose arguments are no JSON object.
    """
    blocks = list(response.blocks)
    refused = any(isinstance(block, Refusal) and block.text for block in blocks)
    if not refused and (said := explanation(response.stop)):
        refused = True
        blocks.append(Refusal(text=said))
    reason = cut_short(response.stop, refused=refused)
    rows = _rows(blocks)
    ids, named = Ids(asked, CALL_ID), spaces(asked.tools)
    output: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        cut = reason is not None and place == len(rows) - 1
        status: Status = "incomplete" if cut else "completed"
        if isinstance(row, list):
            output.append(message(ident(asked, "message", place), row, status))
        elif isinstance(row, Thinking):
            own, encrypted = sealed(asked.source, row.form, signature=row.signature, data=row.sealed)
            parts = [part("summary_text", row.text)] if row.text else []
            output.append(reasoning(own or ident(asked, "reasoning", place), parts, encrypted))
        else:
            kind, words = CALLS[row.kind], row.arguments
            if row.kind == "function" and not cut and not words.strip():
                words = "{}"
            called = {"call_id": ids.give(row.id), **named.get(row.name, {"name": row.name})}
            if is_object(words):
                status = "completed"
            output.append(call(kind, ident(asked, kind, place), called, words, status))
    return output, reason


def _rows(blocks: Iterable[Block]) -> list[list[dict[str, Any]] | Thinking | Call]:
    """Return what becomes an item each: the parts of a message, reasoning, or a call."""
    rows: list[list[dict[str, Any]] | Thinking | Call] = []
    for block in blocks:
        if isinstance(block, Text | Refusal) and block.text:
            if not rows or not isinstance(rows[-1], list):
                rows.append([])
            parts = rows[-1]
            assert isinstance(parts, list)
            parts.append(part("output_text" if isinstance(block, Text) else "refusal", block.text))
        elif isinstance(block, Thinking):
            if block.sealed is None and (block.text or block.signature):
                rows.append(block)
            elif block.sealed is not None:  # what can be read and what cannot are two items
                rows += [Thinking(text=block.text)] if block.text else []
                rows.append(msgspec.structs.replace(block, text="", signature=None))
        elif isinstance(block, Call):
            rows.append(block)
    return rows
