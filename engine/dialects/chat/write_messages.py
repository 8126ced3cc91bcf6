"""The turns of a conversation as chat messages.

Protocol facts: openai 3.54 (types/chat/chat_completion_*_message_param.py). Tool messages answer the calls right after
the assistant's message, and hold nothing but text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Call, File, Image, Message, Opaque, Refusal, Result, Thinking
from engine.dialects.chat.write_parts import text_part, thin_breakpoints, write_part, written_content
from engine.dialects.freetext import wrapped
from engine.dialects.openai import system
from engine.dialects.openai.parts import BREAKPOINT, no_room, nothing_said, uncached, write_text
from engine.dialects.turns import is_empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.chat import Block
    from engine.dialects.openai.draft import Draft, Json

REASONING = "reasoning_content"
"""The field that servers mean which want reasoning back."""
BLANK = " "
"""Reasoning that nobody knows. Kimi K2.5 takes an empty text for none (theopenco/llmgateway#2093); a blank all take."""
BRIDGE = "I have the results."
"""What the assistant says between results and a user message, where the one may not follow the other."""


def write_messages(messages: Sequence[Message], instruction: str, draft: Draft) -> list[Json]:
    """Return the chat messages; `instruction` is added to what the system says.

    Raises `Problem` (400) where nothing at all is said.
    """
    head, rest = system.parted(messages, draft)
    written = write_system(head, instruction, draft)
    loop = loop_start(rest)
    for index, message in enumerate(rest):
        if message.role == "user":
            written += write_user(message, draft)
        elif message.role == "assistant":
            written += write_assistant(message, draft, current=index >= loop)
        else:
            written += write_system([message], "", draft)
    if not written or all(is_empty(block) for message in messages for block in message.blocks):
        raise nothing_said(draft)
    thin_breakpoints(written)
    if not (draft.family.user_after_tool and draft.takes("user_after_tool")):
        written = bridged(written, draft)
    return written if draft.takes("without_reasoning") else reasoned(written, draft)


def loop_start(messages: Sequence[Message]) -> int:
    """Return where the current tool loop begins: behind the last user turn that is not made of results alone."""
    asked = [
        index
        for index, message in enumerate(messages)
        if message.role == "user" and not any(isinstance(block, Result) for block in message.blocks)
    ]
    return asked[-1] if asked else 0


def write_system(messages: Sequence[Message], instruction: str, draft: Draft) -> list[Json]:
    """Return system messages as one."""
    blocks = system.said(messages, draft)
    parts = [part for block in blocks if (part := write_part(block, draft)) and part["type"] == "text"]
    for block in blocks:
        if isinstance(block, Image) or (isinstance(block, File) and block.text is None):
            draft.losses.dropped(block.at, "a system message holds nothing but text")
    if instruction:
        parts.append(text_part(instruction))
    if not parts:
        return []
    marked = any(BREAKPOINT in part for part in parts)
    content = parts if marked else "\n\n".join(part["text"] for part in parts)
    return [{"role": system.role(draft), "content": content}]


def write_user(message: Message, draft: Draft) -> list[Json]:
    """Return a user turn: its results first, then whatever a tool message cannot hold, then the rest."""
    written: list[Json] = []
    parts: list[Json] = []
    for block in message.blocks:
        if isinstance(block, Result):
            answer, media = write_result(block, draft)
            written.append(answer)
            parts += media
    rest = [write_part(block, draft) for block in message.blocks if not isinstance(block, Result)]
    parts += [part for part in rest if part is not None]
    if parts:
        user: Json = {"role": "user", "content": written_content(parts, draft)}
        if message.name is not None:
            user["name"] = message.name
        written.append(user)
    return written


def write_result(result: Result, draft: Draft) -> tuple[Json, list[Json]]:
    """Return a result as a tool message, and its images and documents as parts for the user message behind it."""
    texts: list[str] = []
    media: list[Json] = []
    for part in result.parts:
        if is_media(part):
            sent = write_part(part, draft)
            if sent is None or sent["type"] == "text":
                texts += [sent["text"]] if sent else []
                continue
            kind = "Image" if isinstance(part, Image) else "Document"
            draft.losses.approximated(part.at, "moved into the user message behind the results")
            media += [text_part(f"{kind} returned by tool {draft.call_id(result.id)}:"), sent]
        else:
            texts.append(write_text(part, draft))
            uncached(part, draft)
    text = "\n".join(text for text in texts if text)
    if media and not text:
        text = "[The result is in the next message.]"
    if result.error:
        draft.losses.approximated(f"{result.at}.is_error", "a text that begins with Error:")
        text = text if text.startswith("Error:") else f"Error: {text}".rstrip()
    uncached(result, draft)
    return {"role": "tool", "tool_call_id": draft.call_id(result.id), "content": text}, media


def is_media(part: Block) -> bool:
    """Say whether a tool message has no place for a part."""
    kept = isinstance(part, Opaque) and part.kind == "file"
    return kept or isinstance(part, Image) or (isinstance(part, File) and part.text is None)


def write_assistant(message: Message, draft: Draft, *, current: bool) -> list[Json]:
    """Return an assistant turn; `current`: the tool loop that it belongs to still goes on."""
    pieces: list[str] = []
    thoughts: list[str] = []
    calls: list[Json] = []
    for block in message.blocks:
        if isinstance(block, Call):
            calls.append(write_call(block, draft))
        elif isinstance(block, Thinking):
            thoughts += write_thinking(block, draft, current=current)
        elif isinstance(block, Image | File) and (part := write_part(block, draft)) is not None:
            pieces.append(part["text"] if part["type"] == "text" else no_room(block, draft))
        else:
            if isinstance(block, Refusal):
                draft.losses.approximated(block.at, "a refusal goes as text")
            pieces.append(write_text(block, draft))
        if not isinstance(block, Image | File):
            uncached(block, draft)
    text = "\n\n".join(piece for piece in pieces if piece)
    if not text and not calls:
        return []
    written: Json = {"role": "assistant", "content": text or None}
    if thoughts:
        written[field_of_reasoning(draft)] = "\n".join(thoughts)
    if calls:
        written["tool_calls"] = calls
    if message.name is not None:
        written["name"] = message.name
    return [written]


def write_call(call: Call, draft: Draft) -> Json:
    name = draft.names.send(call.name)
    sent: Json = {"id": draft.call_id(call.id)}
    if call.kind == "custom" and not draft.wraps:
        return {**sent, "type": "custom", "custom": {"name": name, "input": call.arguments}}
    arguments = wrapped(call.arguments) if call.kind == "custom" else call.arguments.strip() or "{}"
    return {**sent, "type": "function", "function": {"name": name, "arguments": arguments}}


def write_thinking(block: Thinking, draft: Draft, *, current: bool) -> list[str]:
    """Return reasoning for a model that wants its own back; that of others stays out, and that of loops that ended
    unless the model wants all of it."""
    readable = block.text and block.signature is None
    wanted = current or not draft.takes("without_reasoning")
    if readable and wanted and field_of_reasoning(draft):
        return [block.text]
    why = "earlier reasoning is not sent back" if readable else "only its own vendor can read it"
    draft.losses.approximated(block.at, why)
    return []


def field_of_reasoning(draft: Draft) -> str:
    """Return the field in which the model wants its own reasoning back; "" if it wants none."""
    field = draft.family.reasoning_back or ("" if draft.takes("without_reasoning") else REASONING)
    return field if draft.takes(field) else ""


def reasoned(messages: Sequence[Json], draft: Draft) -> list[Json]:
    """Return the messages for a model that takes none of the assistant without reasoning: blank where there is none."""
    field = field_of_reasoning(draft)
    if not field:
        return list(messages)
    return [
        {**message, field: message.get(field, BLANK)} if message["role"] == "assistant" else message
        for message in messages
    ]


def bridged(messages: Sequence[Json], draft: Draft) -> list[Json]:
    """Return the messages with a word of the assistant between results and a user message."""
    found: list[Json] = []
    for message in messages:
        if message["role"] == "user" and found and found[-1]["role"] == "tool":
            found.append({"role": "assistant", "content": BRIDGE})
            why = "the upstream wants the assistant to speak between results and user"
            draft.losses.approximated(draft.request.at("messages"), why)
        found.append(message)
    return found
