"""The input of a Responses request, read into the neutral vocabulary: a message for each item that says something.

What belongs together (reasoning, text and calls; several outputs) becomes one turn where turns are made, in
`engine.dialects.turns`. Protocol facts: openai 3.54 (types/responses/response_input_param.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Call, Message, Opaque, Problem, Result, Role, Text, Thinking
from engine.dialects.clip import clipped
from engine.dialects.responses.read_parts import read_content, read_output
from engine.dialects.responses.sealed import Item
from engine.dialects.seal import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.chat import Block
    from engine.dialects.codec import Losses
    from engine.dialects.fields import Fields
    from engine.dialects.responses.namespaces import Namespaces

ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

SILENT = frozenset({"additional_tools", "tool_search_output", "configuration_update"})
"""Items that say nothing in the conversation: read_tools.py and read_wishes.py read them."""

REFUSED = {
    "compaction": "is a part of the conversation that only the upstream which compacted it can read; send the items it "
    "stands for, or summarise them as a message",
    "compaction_trigger": "asks for a compaction, which no other API has; summarise the conversation as a message",
}


def items_of(body: Fields) -> list[Fields]:
    """Return the items of `input`; none where it is a text, or not there."""
    return [] if isinstance(body.value.get("input"), str) else body.objects("input")


def read_items(body: Fields, items: Sequence[Fields], names: Namespaces, losses: Losses) -> list[Message]:
    """Return what is said, `instructions` first."""
    found: list[Message] = []
    if instructions := body.text("instructions"):
        found.append(told("system", instructions, "instructions"))
    text = body.value.get("input")
    if isinstance(text, str) and text:
        found.append(told("user", text, "input"))
    for item in items:
        role, blocks = read_item(item, names, losses)
        if blocks:
            found.append(Message(role=role, blocks=tuple(blocks), at=item.at))
    return found


def told(role: Role, text: str, at: str) -> Message:
    return Message(role=role, blocks=(Text(text=text, at=at),), at=at)


def read_item(item: Fields, names: Namespaces, losses: Losses) -> tuple[Role, list[Block]]:
    """Return who says what in an item."""
    kind = kind_of(item)
    if kind == "message":
        return read_message(item, losses)
    if kind == "item_reference":
        raise kept(item)
    if kind in REFUSED:
        raise Problem(400, "unsupported_parameter", f"`{item.at}` {REFUSED[kind]}", param=item.at)
    if kind == "tool_search_call":
        losses.approximated(item.at, "the search is left out: what it can find is offered from the start")
    if kind == "tool_search_call" or kind in SILENT:
        return "user", []
    if kind in READERS:
        role, read = READERS[kind]
        return role, [read(item, names, losses)]
    return speaker(kind), [Opaque(vendor="openai", kind=kind, raw=item.value, at=item.at)]


def kind_of(item: Fields) -> str:
    """Return the type of an item. A message may have none, and so may a reference, which has nothing but an id."""
    kind = item.text("type")
    if kind:
        return kind
    if item.value.get("role") is not None:
        return "message"
    if item.value.get("id") is not None:
        return "item_reference"
    raise item.missing("type")


def speaker(kind: str) -> Role:
    """Return who says an item that only OpenAI knows: the assistant calls, and outputs are given to it."""
    return "user" if kind.endswith("_output") or kind == "mcp_approval_response" else "assistant"


def kept(item: Fields) -> Problem:
    ident = clipped(item.text("id") or "")
    message = f"`{item.at}` names an item that is kept at OpenAI, if anywhere ('{ident}'); send the item itself"
    return Problem(400, "invalid_request", message, param=item.at)


def read_message(item: Fields, losses: Losses) -> tuple[Role, list[Block]]:
    word = item.named("role")
    if word not in ROLES:
        raise item.wrong("role", f"one of {', '.join(ROLES)}")
    role = ROLES[word]
    if role == "assistant" and item.text("phase") is not None:
        losses.approximated(item.path("phase"), "other APIs do not tell comments from answers")
    return role, read_content(item, "content", losses)


def read_call(item: Fields, names: Namespaces, losses: Losses) -> Call:
    free = item.text("type") == "custom_tool_call"
    if item.flag("async"):
        losses.approximated(item.path("async"), "other APIs want each result right after its call")
    tell_caller(item, losses)
    return Call(
        id=item.text("call_id") or item.text("id") or "",
        name=names.flat(item.named("name"), item.text("namespace")),
        arguments=item.text("input" if free else "arguments") or "",
        kind="custom" if free else "function",
        at=item.at,
    )


def read_result(item: Fields, _names: Namespaces, losses: Losses) -> Result:
    """Return what a tool answered; one that nobody called is known by its name."""
    tell_caller(item, losses)
    if item.text("status") == "incomplete":
        losses.approximated(item.path("status"), "other APIs do not tell that an output is incomplete")
    parts, cache = read_output(item, losses)
    return Result(id=item.text("call_id") or item.text("name") or "", parts=parts, at=item.at, cache=cache)


def tell_caller(item: Fields, losses: Losses) -> None:
    caller = item.object("caller")
    if caller is not None and caller.text("type") != "direct":
        losses.approximated(caller.at, "in other APIs the model calls every tool itself")


def read_reasoning(item: Fields, _names: Namespaces, losses: Losses) -> Thinking:
    """Return reasoning with what seals it: that of its vendor under ours, or the item's own, which OpenAI made."""
    parts = [part.text("text") for name in ("summary", "content") for part in item.objects(name)]
    text = "\n\n".join(part for part in parts if part)
    encrypted = item.text("encrypted_content")
    if not encrypted:
        if not text:
            losses.approximated(item.at, "reasoning that is kept at OpenAI")
        return Thinking(text=text, at=item.at)
    ours = opened(encrypted)
    if ours is not None:
        return Thinking(
            text=text, signature=ours.signature, sealed=ours.sealed, form=ours.form, model=ours.source, at=item.at
        )
    own = Item(id=item.text("id") or "", encrypted_content=encrypted).text()
    if text:
        return Thinking(text=text, signature=own, form="responses", at=item.at)
    return Thinking(sealed=own, form="responses", at=item.at)


READERS: dict[str, tuple[Role, Callable[[Fields, Namespaces, Losses], Block]]] = {
    "function_call": ("assistant", read_call),
    "custom_tool_call": ("assistant", read_call),
    "function_call_output": ("user", read_result),
    "custom_tool_call_output": ("user", read_result),
    "reasoning": ("assistant", read_reasoning),
}
"""The items that have a form of their own in `engine.chat`, and who says them; any other stays opaque."""
