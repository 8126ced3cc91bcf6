"""The turns of a conversation, as a model inside Turnout can read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.chat import Message, Result, Text, Thinking

if TYPE_CHECKING:
    from engine.chat import Block, File, Image, Opaque, Request
    from engine.dialects.codec import Losses
    from engine.dialects.neutral.takes import Takes

FAILED = "Error: "
"""How the result of a tool that failed begins, where nothing else can say so."""


def write_messages(request: Request, told: Text | None, family: Takes, losses: Losses) -> tuple[Message, ...]:
    """Return the turns; `told` is said by the system too."""
    written: list[Message] = []
    if told is not None and not (request.messages and request.messages[0].role == "system"):
        written.append(Message(role="system", blocks=(told,)))
    for number, message in enumerate(request.messages):
        blocks = tuple(one for block in message.blocks if (one := write_block(block, request, family, losses)))
        if number == 0 and told is not None and message.role == "system":
            blocks = (*blocks, told)
        if message.role == "system" and any(one.role != "system" for one in written):
            losses.approximated(message.at, "the system speaks at the head only: this goes as the user's")
        if blocks:
            written.append(replace(message, blocks=blocks))
    if request.cache is not None:
        losses.approximated(request.at("cache"), "the upstream caches by itself")
    return tuple(written)


def failed(result: Result) -> tuple[Text | Image | File | Opaque, ...]:
    """Return what a tool that failed has answered, as a text that says so."""
    first = result.parts[0] if result.parts else None
    if not isinstance(first, Text):
        return (Text(text=FAILED.rstrip()), *result.parts)
    text = first.text if first.text.startswith(FAILED.rstrip()) else FAILED + first.text
    return (replace(first, text=text), *result.parts[1:])


def write_block(block: Block, request: Request, family: Takes, losses: Losses) -> Block | None:
    """Return a block without what the model is not told; None where nothing is left of it."""
    if isinstance(block, Thinking) and (block.signature or block.sealed) and block.form not in family.seals:
        losses.approximated(block.at, "only its own vendor can read it")
        return None
    if block.cache is not None and not family.caches:
        losses.approximated(f"{block.at}.{request.at('cache')}", "the upstream caches by itself")
        block = replace(block, cache=None)
    if isinstance(block, Result) and block.error and not family.errors:
        losses.approximated(f"{block.at}.is_error", "a text that begins with Error:")
        block = replace(block, parts=failed(block))
    return block
