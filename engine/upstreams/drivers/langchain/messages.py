"""A conversation as LangChain's messages: content as standard blocks, which every integration reads.

Facts: langchain-core 1.7 (messages/content.py, messages/ai.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from engine.chat import Audio, Call, File, Image, Opaque, Refusal, Result, Text, Thinking
from engine.dialects.freetext import wrapped
from engine.dialects.rendering import rendered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.messages import BaseMessage

    from engine.chat import Block, Message, Request

Json = dict[str, Any]

CALLS = ("tool_call", "invalid_tool_call")
V1 = {"output_version": "v1"}
"""Marks content that consists of standard blocks, where a message holds more than text."""
SOUNDS = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def messages_of(request: Request) -> list[BaseMessage]:
    """Return the messages of a request. The system messages at its head become one: several are refused by some."""
    head: list[Block] = []
    rest = list(request.messages)
    while rest and rest[0].role == "system":
        head += rest.pop(0).blocks
    written: list[BaseMessage] = [SystemMessage(content=content_of(head))] if head else []
    for message in rest:
        if message.role == "assistant":
            written.append(assistant(message))
        else:
            written += user(message)
    return written


def user(message: Message) -> list[BaseMessage]:
    """Return a user turn: its results first, then the rest; also a system message amid the conversation."""
    written: list[BaseMessage] = [result(block) for block in message.blocks if isinstance(block, Result)]
    content = content_of(block for block in message.blocks if not isinstance(block, Result))
    if content:
        written.append(HumanMessage(content=content, name=message.name))
    return written


def result(block: Result) -> ToolMessage:
    return ToolMessage(
        content=content_of(block.parts), tool_call_id=block.id, status="error" if block.error else "success"
    )


def assistant(message: Message) -> AIMessage:
    """Return an assistant turn. What it thought goes with it, sealed as its vendor gave it."""
    calls: list[Json] = []
    broken: list[Json] = []
    blocks: list[Json] = []
    for block in message.blocks:
        if isinstance(block, Call):
            call = called(block)
            (broken if call["type"] == "invalid_tool_call" else calls).append(call)
            blocks.append(call)
        elif isinstance(block, Thinking):
            blocks += reasoning(block)
        elif (part := part_of(block)) is not None:
            blocks.append(part)
    plain = all(block["type"] in CALLS or block.keys() == {"type", "text"} for block in blocks)
    content: Any = "\n\n".join(block["text"] for block in blocks if block["type"] == "text") if plain else blocks
    return AIMessage(
        content=content,
        tool_calls=calls,
        invalid_tool_calls=broken,
        name=message.name,
        response_metadata={} if plain else {**V1, **sealer(message)},
    )


def sealer(message: Message) -> Json:
    """Return who sealed the reasoning of a turn, as LangChain calls it: integrations read no one else's."""
    sealed = [
        block.form for block in message.blocks if isinstance(block, Thinking) and (block.signature or block.sealed)
    ]
    return {"model_provider": {"messages": "anthropic", "responses": "openai"}[sealed[0]]} if sealed else {}


def called(call: Call) -> Json:
    """Return a call; one whose arguments are no object is a broken one."""
    text = wrapped(call.arguments) if call.kind == "custom" else call.arguments
    try:
        arguments = msgspec.json.decode(text) if text.strip() else {}
    except (msgspec.DecodeError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        error = "the arguments are no JSON object"
        return {"type": "invalid_tool_call", "id": call.id, "name": call.name, "args": text, "error": error}
    return {"type": "tool_call", "id": call.id, "name": call.name, "args": arguments}


def reasoning(block: Thinking) -> list[Json]:
    """Return reasoning as standard blocks."""
    if block.form == "responses" and (seal := block.sealed or block.signature):
        return [{"type": "reasoning", "reasoning": block.text, **msgspec.json.decode(seal, type=Json)}]
    written: list[Json] = []
    if block.text or block.signature:
        written.append({"type": "reasoning", "reasoning": block.text})
        if block.signature:
            written[0]["extras"] = {"signature": block.signature}
    if block.sealed is not None:
        value = {"type": "redacted_thinking", "data": block.sealed}
        written.append({"type": "non_standard", "value": value})
    return written


def content_of(blocks: Iterable[Block]) -> Any:
    """Return blocks as the content of a message: text where they are nothing else."""
    parts = [part for block in blocks if (part := part_of(block)) is not None]
    if all(part.keys() == {"type", "text"} for part in parts):
        return "\n\n".join(part["text"] for part in parts)
    return parts


def part_of(block: Block) -> Json | None:
    """Return a block as a standard content block; None where nothing is left of it."""
    part = plain_part(block)
    if part is not None and block.cache is not None:  # of those that are told, only Anthropic's integration reads it
        life = {"ttl": block.cache} if block.cache in ("5m", "1h") else {}
        part["cache_control"] = {"type": "ephemeral", **life}
    return part


def plain_part(block: Block) -> Json | None:
    match block:
        case Text() | Refusal():
            return text_part(block.text)
        case Image():
            return media("image", block)
        case File(text=str() as text):
            titled = "\n".join(said for said in (block.name, block.context, text) if said)
            return text_part(titled)
        case File():
            return {**media("file", block), **({"filename": block.name} if block.name else {})}
        case Audio():
            return {"type": "audio", "base64": block.data, "mime_type": SOUNDS.get(block.format, block.format)}
        case Opaque():
            return text_part(rendered(block))
    return None


def text_part(text: str) -> Json | None:
    return {"type": "text", "text": text} if text else None


def media(kind: str, block: Image | File) -> Json:
    place = {"url": block.url} if block.data is None else {"base64": block.data, "mime_type": block.media_type}
    return {"type": kind, **place}
