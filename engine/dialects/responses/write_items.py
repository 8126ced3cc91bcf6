"""The turns of a conversation as the items of an input.

Protocol facts: openai 3.54 (types/responses/response_input_item_param.py, easy_input_message_param.py). Items carry no
ids of ours: OpenAI takes only those that it has made. Reasoning is refused where nothing of its turn follows it.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from typing import TYPE_CHECKING, TypeGuard

from engine.chat import Call, Opaque, Result, Thinking
from engine.dialects.freetext import wrapped
from engine.dialects.openai import system
from engine.dialects.openai.parts import BREAKPOINT, mark_cache, nothing_said, uncached
from engine.dialects.responses.sealed import Item
from engine.dialects.responses.write_parts import failed, text_part, write_content, write_part, write_said
from engine.dialects.turns import is_empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.chat import Block, Message
    from engine.dialects.openai.draft import Draft, Json

OUTPUTS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}

ITEM = re.compile(r"input\[\d+\]")
"""Where a whole item of this API stands that only OpenAI knows: it goes back as it came."""


class Calls:
    """The calls of one request: no two of them with the same id, and each output of the kind of its call."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._uses: dict[str, int] = {}
        self._open: defaultdict[str, deque[tuple[str, str]]] = defaultdict(deque)

    def call(self, client_id: str, kind: str) -> str:
        """Return the id of a call, an item of type `kind`: the same in every request of a conversation."""
        uses = self._uses.get(client_id, 0)
        self._uses[client_id] = uses + 1
        sent = self._draft.call_id(f"{uses}:{client_id}" if uses else client_id)
        self._open[client_id].append((sent, kind))
        return sent

    def output(self, client_id: str) -> tuple[str, str]:
        """Return the id of the open call that is answered, and the type of the item that answers it."""
        waiting = self._open[client_id]
        sent, kind = waiting.popleft() if waiting else (self._draft.call_id(client_id), "function_call")
        return sent, OUTPUTS[kind]


def write_items(messages: Sequence[Message], instruction: str, draft: Draft) -> list[Json]:
    """Return the items; `instruction` is added to what the system says.

    Raises `Problem` (400) where nothing at all is said, or something that the API does not take.
    """
    head, rest = system.parted(messages, draft)
    calls = Calls(draft)
    written = write_system(head, instruction, draft)
    for message in rest:
        if message.role == "user":
            written += write_user(message, calls, draft)
        elif message.role == "assistant":
            written += write_assistant(message, calls, draft)
        else:
            written += write_system([message], "", draft)
    if not written or all(is_empty(block) for message in messages for block in message.blocks):
        raise nothing_said(draft)
    return written


def write_system(messages: Sequence[Message], instruction: str, draft: Draft) -> list[Json]:
    """Return system messages as one item; their texts stay apart in it, where the model takes parts."""
    for message in messages:
        unnamed(message, draft)
    parts = [part for block in system.said(messages, draft) if (part := write_part(block, draft)) is not None]
    if instruction:
        parts.append(text_part(instruction))
    return message_of(system.role(draft), parts, draft)


def message_of(role: str, parts: list[Json], draft: Draft) -> list[Json]:
    return [{"type": "message", "role": role, "content": write_content(parts, draft)}] if parts else []


def unnamed(message: Message, draft: Draft) -> None:
    if message.name is not None:
        draft.losses.dropped(f"{message.at}.name", "participants have no names in the Responses API")


def write_user(message: Message, calls: Calls, draft: Draft) -> list[Json]:
    """Return a user turn: the outputs of tools, then a message with the rest."""
    unnamed(message, draft)
    written: list[Json] = []
    parts: list[Json] = []
    for block in message.blocks:
        if isinstance(block, Result):
            written.append(write_output(block, calls, draft))
        elif is_item(block, draft):
            written.append(block.raw)
        elif (part := write_part(block, draft)) is not None:
            parts.append(part)
    return [*written, *message_of("user", parts, draft)]


def write_output(result: Result, calls: Calls, draft: Draft) -> Json:
    parts = [part for block in result.parts if (part := write_part(block, draft)) is not None]
    if result.error:
        parts = failed(parts, result.at, draft)
    if parts and BREAKPOINT not in parts[-1]:
        mark_cache(result, parts[-1], draft)
    elif not parts:
        uncached(result, draft)
    sent, kind = calls.output(result.id)
    return {"type": kind, "call_id": sent, "output": write_content(parts, draft, "\n")}


def write_assistant(message: Message, calls: Calls, draft: Draft) -> list[Json]:
    """Return what the assistant thought, said and called, in this order or any other."""
    unnamed(message, draft)
    written: list[Json] = []
    parts: list[Json] = []
    ends = last_said(message.blocks)
    for place, block in enumerate(message.blocks):
        item: Json | None = None
        if isinstance(block, Call):
            item = write_call(block, calls, draft)
        elif isinstance(block, Thinking):
            item = write_thinking(block, draft, followed=place < ends)
        elif is_item(block, draft):
            item = block.raw
        elif (part := write_said(block, draft)) is not None:
            parts.append(part)
        if item is not None:
            written += [*message_of("assistant", parts, draft), item]
            parts = []
    return [*written, *message_of("assistant", parts, draft)]


def last_said(blocks: Sequence[Block]) -> int:
    """Return the place of the last block that is no reasoning, -1 if there is none."""
    return max((place for place, block in enumerate(blocks) if not isinstance(block, Thinking)), default=-1)


def write_call(call: Call, calls: Calls, draft: Draft) -> Json:
    uncached(call, draft)
    name = draft.names.send(call.name)
    if call.kind == "custom" and not draft.wraps:
        sent = calls.call(call.id, "custom_tool_call")
        return {"type": "custom_tool_call", "call_id": sent, "name": name, "input": call.arguments}
    arguments = wrapped(call.arguments) if call.kind == "custom" else call.arguments.strip() or "{}"
    sent = calls.call(call.id, "function_call")
    return {"type": "function_call", "call_id": sent, "name": name, "arguments": arguments}


def write_thinking(block: Thinking, draft: Draft, *, followed: bool) -> Json | None:
    """Return reasoning under the seal of this API, where something follows it; any other stays out."""
    seal = block.signature or block.sealed
    held = Item.of(seal) if seal is not None and block.form == "responses" else None
    if held is not None and followed and draft.takes("encrypted_content"):
        summary = [{"type": "summary_text", "text": block.text}] if block.text else []
        named = {"id": held.id} if held.id else {}
        return {"type": "reasoning", **named, "summary": summary, "encrypted_content": held.encrypted_content}
    if held is not None:
        why = "the upstream does not take it back" if followed else "nothing follows it"
    else:
        why = "earlier reasoning is not sent back" if seal is None else "only its own vendor can read it"
    draft.losses.approximated(block.at, why)
    return None


def is_item(block: Block, draft: Draft) -> TypeGuard[Opaque]:
    """Say whether a block is an item that goes back as it came."""
    own = isinstance(block, Opaque) and block.vendor == "openai" and draft.family.own
    return own and ITEM.fullmatch(block.at) is not None
