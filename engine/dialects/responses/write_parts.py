"""The parts of messages and of the outputs of tools, as the Responses API takes them.

Protocol facts: openai 3.54 (types/responses/response_input_{text,image,file}_param.py,
response_output_{text,refusal}_param.py). Servers that imitate the API want one text where one will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Audio, File, Image, Opaque, Problem, Refusal
from engine.dialects.openai.parts import (
    BREAKPOINT,
    UNSEEN,
    address,
    data_of,
    mark_cache,
    name_of,
    no_room,
    uncached,
    unread,
    write_text,
)

if TYPE_CHECKING:
    from engine.chat import Block
    from engine.dialects.openai.draft import Draft, Json

TEXTS = ("input_text", "output_text")


def write_part(block: Block, draft: Draft) -> Json | None:
    """Return a block as a part that the model is given; None where nothing is left of it.

    Raises `Problem` (400) for a sound.
    """
    if isinstance(block, Image):
        part = write_image(block, draft)
    elif isinstance(block, File):
        part = write_file(block, draft)
    elif isinstance(block, Audio):
        message = f"`{block.at}` is sound, which the Responses API does not take; send its text"
        raise Problem(400, "unsupported_parameter", message, param=block.at)
    elif isinstance(block, Opaque) and (kept := write_kept(block, draft)) is not None:
        part = kept
    else:
        part = text_part(write_text(block, draft))
        if not part["text"]:
            return None
    mark_cache(block, part, draft)
    return part


def text_part(text: str) -> Json:
    return {"type": "input_text", "text": text}


def write_image(image: Image, draft: Draft) -> Json:
    url = address(image, draft)
    if url is None:
        return text_part(UNSEEN)
    return {"type": "input_image", "detail": image.detail or "auto", "image_url": url}


def write_file(file: File, draft: Draft) -> Json:
    if file.text is not None:
        return text_part(write_text(file, draft))
    if (words := unread(file, draft)) is not None:
        return text_part(words if file.data is not None else f"[Document: {file.url}]")
    if file.data is not None:
        return {"type": "input_file", "filename": name_of(file), "file_data": data_of(file)}
    named = {} if file.name is None else {"filename": file.name}
    return {"type": "input_file", "file_url": file.url, **named}


def write_kept(block: Opaque, draft: Draft) -> Json | None:
    """Return an image or a document that is kept at OpenAI, for a model of its own."""
    if block.kind != "file" or block.vendor != "openai" or not draft.family.own:
        return None
    if block.raw.get("type") != "file":
        return {name: value for name, value in block.raw.items() if name != BREAKPOINT}
    return {"type": "input_file", "file_id": block.raw["file"]["file_id"]}


def write_said(block: Block, draft: Draft) -> Json | None:
    """Return a block as a part that the assistant said; None where nothing is left of it."""
    uncached(block, draft)
    if isinstance(block, Refusal):
        if draft.family.own:
            return {"type": "refusal", "refusal": block.text}
        draft.losses.approximated(block.at, "a refusal goes as text")
    if isinstance(block, Image) or (isinstance(block, File) and block.text is None):
        text = no_room(block, draft)
    else:
        text = write_text(block, draft)
    return {"type": "output_text", "text": text} if text else None


def write_content(parts: list[Json], draft: Draft, between: str = "\n\n") -> str | list[Json]:
    """Return parts as content: one text where that says the same, `between` its pieces."""
    if any(part["type"] not in TEXTS or BREAKPOINT in part for part in parts):
        return parts
    if len(parts) > 1 and draft.family.parts:
        return parts
    return between.join(part["text"] for part in parts)


def failed(parts: list[Json], block_at: str, draft: Draft) -> list[Json]:
    """Return what a tool answered as an error: a text that says so comes first."""
    draft.losses.approximated(f"{block_at}.is_error", "a text that begins with Error:")
    place = next((place for place, part in enumerate(parts) if part["type"] in TEXTS), None)
    if place is None:
        return [text_part("Error:"), *parts]
    text = parts[place]["text"]
    told = parts[place] | {"text": text if text.startswith("Error:") else f"Error: {text}"}
    return [told, *parts[:place], *parts[place + 1 :]]
