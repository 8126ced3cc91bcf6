"""The parts of chat messages: texts, images, files, sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Audio, File, Image, Opaque
from engine.dialects.openai.parts import (
    BREAKPOINT,
    UNSEEN,
    address,
    data_of,
    mark_cache,
    name_of,
    unread,
    write_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Block
    from engine.dialects.openai.draft import Draft, Json

BREAKPOINTS = 4
"""How many of them are written in one request."""


def write_part(block: Block, draft: Draft) -> Json | None:
    """Return a block as a part of a user message; None where nothing is left of it."""
    if isinstance(block, Image):
        part = write_image(block, draft)
    elif isinstance(block, File):
        part = write_file(block, draft)
    elif isinstance(block, Audio):
        part = {"type": "input_audio", "input_audio": {"data": block.data, "format": block.format}}
    elif isinstance(block, Opaque) and (kept := write_kept(block, draft)) is not None:
        part = kept
    else:
        part = text_part(write_text(block, draft))
        if not part["text"]:
            return None
    mark_cache(block, part, draft)
    return part


def text_part(text: str) -> Json:
    return {"type": "text", "text": text}


def write_image(image: Image, draft: Draft) -> Json:
    url = address(image, draft)
    if url is None:
        return text_part(UNSEEN)
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
    if (words := unread(file, draft)) is not None:
        return text_part(words)
    return {"type": "file", "file": {"filename": name_of(file), "file_data": data_of(file)}}


def write_kept(block: Opaque, draft: Draft) -> Json | None:
    """Return a document that is kept at OpenAI, for a model of its own; images have no such form here."""
    if block.kind != "file" or block.vendor != "openai" or not draft.family.own or not draft.takes("file"):
        return None
    if block.raw.get("type") not in ("input_file", "file"):
        return None
    file = block.raw.get("file") or {name: block.raw[name] for name in ("file_id", "filename") if name in block.raw}
    return {"type": "file", "file": file}


def written_content(parts: list[Json], draft: Draft) -> str | list[Json]:
    """Return parts as the content of a message: one text where that says the same."""
    if any(part["type"] != "text" or BREAKPOINT in part for part in parts):
        return parts
    if len(parts) > 1 and draft.family.parts:
        return parts
    return "\n\n".join(part["text"] for part in parts)


def thin_breakpoints(messages: Iterable[Json]) -> None:
    """Leave only the last breakpoints of a request, as many as the API takes."""
    marked = [
        part
        for message in messages
        for part in (message["content"] if isinstance(message.get("content"), list) else ())
        if BREAKPOINT in part
    ]
    for part in marked[:-BREAKPOINTS]:
        del part[BREAKPOINT]
