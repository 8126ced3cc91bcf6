"""What the system says, and where: at the start, or in between where the model takes it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.chat import Message, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.chat import Block
    from engine.dialects.openai.draft import Draft

BILLING = "x-anthropic-billing-header:"
"""How the first system block of Claude Code begins; it is for Anthropic, and differs from request to request."""


def parted(messages: Sequence[Message], draft: Draft) -> tuple[list[Message], list[Message]]:
    """Return the system messages at the start, and the others, as the upstream takes them."""
    count = next((index for index, message in enumerate(messages) if message.role != "system"), len(messages))
    rest = list(messages[count:])
    anywhere = draft.family.system_anywhere and draft.takes("system_anywhere")
    return list(messages[:count]), rest if anywhere else folded(rest, draft)


def role(draft: Draft) -> str:
    """Return the role of instructions."""
    return draft.family.system if draft.takes("developer") else "system"


def said(messages: Sequence[Message], draft: Draft) -> list[Block]:
    """Return what system messages say, without what is not for the model."""
    found: list[Block] = []
    for block in (block for message in messages for block in message.blocks):
        if isinstance(block, Text) and block.text.startswith(BILLING):
            draft.losses.approximated(block.at, "a header for Anthropic's billing")
        else:
            found.append(block)
    return found


def folded(messages: Sequence[Message], draft: Draft) -> list[Message]:
    """Return the turns with every system message as a reminder in the user turn before it, or in one of its own."""
    turns: list[tuple[Message, list[Block]]] = []
    for message in messages:
        blocks: Sequence[Block] = message.blocks
        user = message
        if message.role == "system":
            why = "a reminder in the user's turn: the upstream wants instructions first"
            draft.losses.approximated(message.at, why)
            user = Message(role="user", blocks=(), at=message.at)
            blocks = [reminder(block) for block in blocks]
        if user.role == "user" and turns and turns[-1][0].role == "user":
            turns[-1][1].extend(blocks)
        else:
            turns.append((user, list(blocks)))
    return [replace(message, blocks=tuple(blocks)) for message, blocks in turns]


def reminder(block: Block) -> Block:
    if not isinstance(block, Text):
        return block
    return replace(block, text=f"<system-reminder>\n{block.text}\n</system-reminder>")
