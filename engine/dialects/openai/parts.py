"""The parts of messages: what both APIs can be shown of a block, what becomes text, and cache breakpoints.

Protocol facts: openai 3.54 (types/chat/chat_completion_content_part_*_param.py, types/responses/response_input_*.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import File, Opaque, Refusal, Text
from engine.dialects.body import refused
from engine.dialects.clip import clipped
from engine.dialects.rendering import rendered

if TYPE_CHECKING:
    from engine.chat import Block, Image, Part, Problem
    from engine.dialects.openai.draft import Draft, Json

BREAKPOINT = "prompt_cache_breakpoint"
LIVES = {"30m": "30m", "1h": "12h", "12h": "12h"}
"""Life of a cache breakpoint -> the ttl that lasts as long; any other is OpenAI's default of 30 minutes."""

UNSEEN = "[An image was here; this model sees none.]"


def nothing_said(draft: Draft) -> Problem:
    """Return the refusal of a conversation in which there is nothing to answer."""
    path = draft.request.at("messages")
    return refused(f"`{path}` must hold something to answer: there is none, or all are empty", path)


def write_text(block: Block, draft: Draft) -> str:
    """Return a block as text, for places that take nothing else."""
    if isinstance(block, Text | Refusal):
        return block.text
    if isinstance(block, Opaque):
        draft.losses.dropped(block.at, f"a {clipped(block.kind)} block is known to its vendor only; its text remains")
        return rendered(block)
    if isinstance(block, File) and block.text is not None:
        draft.losses.approximated(block.at, "the document becomes text")
        return "\n\n".join(piece for piece in (block.name, block.context, block.text) if piece)
    return ""


def address(image: Image, draft: Draft) -> str | None:
    """Return the URL of an image, None where the model sees none: UNSEEN stands for it then."""
    if not draft.family.vision or not draft.takes("vision"):
        draft.losses.dropped(image.at, "the model sees no images")
        return None
    return image.url if image.data is None else f"data:{image.media_type};base64,{image.data}"


def unread(file: File, draft: Draft) -> str | None:
    """Return what stands for a document that the model does not read, None for one that it reads."""
    name = name_of(file)
    if not draft.family.files or not draft.takes("file"):
        draft.losses.dropped(file.at, "the model reads no documents")
        return f"[The document {name} was here; this model reads none.]"
    if file.context is not None:
        draft.losses.dropped(f"{file.at}.context", f"no counterpart in {draft.api}")
    return None


def name_of(file: File) -> str:
    return file.name or "document.pdf"


def data_of(file: File) -> str:
    """Return the content of a document as a data URL."""
    return f"data:{file.media_type};base64,{file.data}"


def no_room(block: Block, draft: Draft) -> str:
    """Return what stands for an image or a document where the assistant speaks."""
    kind = "document" if isinstance(block, File) else "image"
    draft.losses.dropped(block.at, f"an assistant message holds no {kind}")
    return f"[{kind}]"


def mark_cache(block: Part, part: Json, draft: Draft) -> None:
    """Carry a cache breakpoint over where the API has such things."""
    if block.cache is None:
        return
    if not draft.family.cache_breakpoints or not draft.takes(BREAKPOINT):
        uncached(block, draft)
        return
    mark: Json = {"mode": "explicit"}
    if block.cache in LIVES:
        mark["ttl"] = LIVES[block.cache]
    part[BREAKPOINT] = mark
    name = draft.request.at("cache")
    if name != BREAKPOINT or block.cache != mark.get("ttl", ""):
        draft.losses.approximated(f"{block.at}.{name}", "a breakpoint that lives at least as long")


def uncached(block: Part, draft: Draft) -> None:
    """Say that a breakpoint is left out."""
    if block.cache is not None:
        draft.losses.approximated(f"{block.at}.{draft.request.at('cache')}", "the upstream caches by itself")
