"""The parts of chat messages: texts, images, files, and what becomes a text because the API has no such thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Audio, File, Image, Opaque, Refusal, Text
from engine.dialects.clip import clipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Block, Part
    from engine.dialects.chat.draft import Draft

Json = dict[str, Any]

LIVES = {"1h": "12h", "12h": "12h"}
"""Life of a cache breakpoint -> the ttl that lasts as long; any other is OpenAI's default of 30 minutes."""
BREAKPOINTS = 4

UNREAD = frozenset(
    {
        "type",
        "id",
        "tool_use_id",
        "cache_control",
        "citations",
        "encrypted_content",
        "encrypted_index",
        "encrypted_stdout",
        "signature",
    }
)
"""Fields of another vendor's blocks that no other model can read."""


def write_part(block: Block, draft: Draft) -> Json | None:
    """Return a block as a part of a user message; None where nothing is left of it."""
    if isinstance(block, Image):
        part = write_image(block, draft)
    elif isinstance(block, File):
        part = write_file(block, draft)
    elif isinstance(block, Audio):
        part = {"type": "input_audio", "input_audio": {"data": block.data, "format": block.format}}
    else:
        part = text_part(write_text(block, draft))
        if not part["text"]:
            return None
    mark_cache(block, part, draft)
    return part


def text_part(text: str) -> Json:
    return {"type": "text", "text": text}


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


def write_image(image: Image, draft: Draft) -> Json:
    if not draft.family.vision or not draft.takes("vision"):
        draft.losses.dropped(image.at, "the model sees no images")
        return text_part("[An image was here; this model sees none.]")
    url = image.url if image.data is None else f"data:{image.media_type};base64,{image.data}"
    place: Json = {"url": url}
    if image.detail is not None:
        place["detail"] = image.detail
    return {"type": "image_url", "image_url": place}


def write_file(file: File, draft: Draft) -> Json:
    if file.text is not None:
        return text_part(write_text(file, draft))
    if file.data is None:
        draft.losses.dropped(file.at, "chat completions fetch no documents; its address remains")
        return text_part(f"[Document: {file.url}]")
    name = file.name or "document.pdf"
    if not draft.family.files or not draft.takes("file"):
        draft.losses.dropped(file.at, "the model reads no documents")
        return text_part(f"[The document {name} was here; this model reads none.]")
    if file.context is not None:
        draft.losses.dropped(f"{file.at}.context", "no counterpart in chat completions")
    return {"type": "file", "file": {"filename": name, "file_data": f"data:{file.media_type};base64,{file.data}"}}


def written_content(parts: list[Json], draft: Draft) -> str | list[Json]:
    """Return parts as the content of a message: one text where that says the same."""
    if any(part["type"] != "text" or "prompt_cache_breakpoint" in part for part in parts):
        return parts
    if len(parts) > 1 and draft.family.parts:
        return parts
    return "\n\n".join(part["text"] for part in parts)


def mark_cache(block: Part, part: Json, draft: Draft) -> None:
    """Carry a cache breakpoint over where the API has such things."""
    if block.cache is None:
        return
    if draft.family.cache_breakpoints and draft.takes("prompt_cache_breakpoint"):
        mark: Json = {"mode": "explicit"}
        if block.cache in LIVES:
            mark["ttl"] = LIVES[block.cache]
        part["prompt_cache_breakpoint"] = mark
        draft.losses.approximated(f"{block.at}.cache_control", "a breakpoint that lives at least as long")
    else:
        uncached(block, draft)


def uncached(block: Part, draft: Draft) -> None:
    """Say that a breakpoint is left out."""
    if block.cache is not None:
        draft.losses.approximated(f"{block.at}.cache_control", "the upstream caches by itself")


def thin_breakpoints(messages: Iterable[Json]) -> None:
    """Leave only the last breakpoints of a request, as many as the API takes."""
    marked = [
        part
        for message in messages
        for part in (message["content"] if isinstance(message.get("content"), list) else ())
        if "prompt_cache_breakpoint" in part
    ]
    for part in marked[:-BREAKPOINTS]:
        del part["prompt_cache_breakpoint"]


def rendered(block: Opaque) -> str:
    """Return what another model can read of a block."""
    value = readable(block.raw)
    return f"[{block.kind}] {msgspec.json.encode(value).decode()}" if value else ""


def readable(value: Any) -> Any:
    """Return `value` without its unreadable fields and empty places."""
    if isinstance(value, dict):
        found = {key: readable(item) for key, item in value.items() if key not in UNREAD}
        return {key: item for key, item in found.items() if item not in (None, {}, [])}
    if isinstance(value, list):
        return [readable(item) for item in value]
    return value
