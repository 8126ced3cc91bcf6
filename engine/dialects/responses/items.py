"""The items of an answer's output as its client gets them, whole or in a stream.

Protocol facts: openai 3.54 (types/responses/response_output_message.py, response_reasoning_item.py,
response_function_tool_call.py, response_custom_tool_call.py beside it).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from engine.dialects.responses.namespaces import BETWEEN
from engine.dialects.responses.sealed import Item
from engine.dialects.seal import seal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Form, Kind, Stop, Tool
    from engine.dialects.codec import Asked

Status = Literal["in_progress", "completed", "incomplete"]

PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}
"""Type of an item -> how its id begins: OpenAI refuses an id that begins otherwise when the item is sent back."""

CALLS: dict[Kind, str] = {"function": "function_call", "custom": "custom_tool_call"}
SAID = {"function_call": "arguments", "custom_tool_call": "input"}
"""Type of a call -> the field that holds what the model wrote."""

CALL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What the id of a call may look like."""


def ident(asked: Asked, kind: str, place: int) -> str:
    """Return the id of the item number `place`: the same one each time the same answer is told."""
    return f"{PREFIXES[kind]}_{asked.id}_{place}"


def message(ident: str, parts: list[dict[str, Any]], status: Status) -> dict[str, Any]:
    return {"id": ident, "type": "message", "status": status, "role": "assistant", "content": parts}


def part(kind: str, text: str) -> dict[str, Any]:
    """Return a part of a message (output_text, refusal) or of a reasoning item (summary_text)."""
    if kind == "output_text":
        return {"type": kind, "annotations": [], "logprobs": [], "text": text}
    return {"type": kind, "refusal" if kind == "refusal" else "text": text}


def reasoning(ident: str, parts: list[dict[str, Any]], encrypted: str | None = None) -> dict[str, Any]:
    item: dict[str, Any] = {"id": ident, "type": "reasoning", "summary": parts}
    return item if encrypted is None else {**item, "encrypted_content": encrypted}


def sealed(
    source: str, form: Form = "messages", *, signature: str | None = None, data: str | None = None, told: str = ""
) -> tuple[str, str]:
    """Return the id of the item that holds reasoning of `source` ("" for any), and its encrypted_content.

    `told` is the id that has gone out already. A seal of this API is given back as it was, with its own id; every other
    one, and none, goes under ours (seal.py).
    """
    own = signature or data
    held = Item.of(own) if form == "responses" and own else None
    if held is not None and told in ("", held.id):
        return held.id, held.encrypted_content
    return told, seal(source, form, signature=signature or None, sealed=data)


def call(kind: str, ident: str, named: dict[str, str], said: str, status: Status) -> dict[str, Any]:
    """Return a call; `named` is its call_id, its name and its namespace. A call with free text has no status."""
    item = {"id": ident, "type": kind, **named, SAID[kind]: said}
    return {**item, "status": status} if kind == "function_call" else item


def spaces(tools: Iterable[Tool]) -> dict[str, dict[str, str]]:
    """Return what the client calls the tools that it declared in a namespace, by the name the model knows."""
    return {
        tool.name: {"name": tool.name.removeprefix(f"{tool.namespace}{BETWEEN}"), "namespace": tool.namespace}
        for tool in tools
        if tool.namespace is not None
    }


def cut_short(stop: Stop, *, refused: bool) -> str | None:
    """Return why the response is incomplete, None if it is complete. A refusal that says something is an answer."""
    if stop.reason in ("length", "context"):
        return "max_output_tokens"
    return "content_filter" if stop.reason == "refusal" and not refused else None
