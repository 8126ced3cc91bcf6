"""The content of a chat message, read into the neutral vocabulary: texts, images, files, sounds.

Protocol facts: openai 3.54 (types/chat/chat_completion_content_part_*_param.py). Images as a bare string and
`cache_control` on parts are what clients of OpenRouter and of local servers send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Audio, Opaque, Refusal, Text
from engine.dialects.openai.media import document, image

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Block, Image
    from engine.dialects.fields import Fields

BREAKPOINTS = ("prompt_cache_breakpoint", "cache_control")
"""Where a cache breakpoint stands: OpenAI's name, and that of Anthropic and OpenRouter."""


def read_parts(message: Fields) -> list[Block]:
    """Return the blocks of `content`: a text, a list of parts, or nothing. Empty texts count as nothing."""
    content = message.value.get("content")
    if isinstance(content, str):
        return [Text(text=content, at=message.path("content"))] if content else []
    if content is not None and not isinstance(content, list):
        raise message.wrong("content", "a string or a list of parts")
    if isinstance(content, list) and any(isinstance(part, str) for part in content):
        # what some frameworks send for [{"type": "text", ...}]
        content = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
        message = type(message)({**message.value, "content": content}, message.at)
    found: list[Block] = []
    for part in message.objects("content"):
        kind = part.named("type")
        reader = READERS.get(kind)
        if reader is None:
            found.append(Opaque(vendor="openai", kind=kind, raw=part.value, at=part.at))
        else:
            found.append(reader(part, read_cache(part)[0]))
    return found


def read_cache(holder: Fields) -> tuple[str | None, str]:
    """Return the life of the cache breakpoint of a part, None where there is none, and the name of its field."""
    for name in BREAKPOINTS:
        control = holder.object(name)
        if control is not None:
            return control.text("ttl") or "", name
    return None, ""


def read_text(part: Fields, cache: str | None) -> Text:
    return Text(text=part.required("text"), at=part.at, cache=cache)


def read_refusal(part: Fields, cache: str | None) -> Refusal:
    return Refusal(text=part.required("refusal"), at=part.at, cache=cache)


def read_image(part: Fields, cache: str | None) -> Image:
    value = part.value.get("image_url")
    if isinstance(value, str):
        url, detail = value, None
    else:
        holder = part.object("image_url")
        if holder is None:
            raise part.missing("image_url")
        url, detail = holder.required("url"), holder.text("detail")
    return image(url, part.path("image_url"), detail=detail, at=part.at, cache=cache)


def read_audio(part: Fields, cache: str | None) -> Audio:
    sound = part.object("input_audio")
    if sound is None:
        raise part.missing("input_audio")
    return Audio(data=sound.required("data"), format=sound.required("format"), at=sound.at, cache=cache)


def read_file(part: Fields, cache: str | None) -> Block:
    """Return a file; one that is an image is an Image, one that is stored at OpenAI stays opaque."""
    file = part.object("file")
    if file is None:
        raise part.missing("file")
    content, name = file.text("file_data"), file.text("filename") or None
    if content is None:
        if file.value.get("file_id") is None:
            raise file.missing("file_data")
        file.required("file_id")
        return Opaque(vendor="openai", kind="file", raw=part.value, at=file.path("file_id"), cache=cache)
    return document(content, file.path("file_data"), name=name, at=part.at, cache=cache)


READERS: dict[str, Callable[[Fields, str | None], Block]] = {
    "text": read_text,
    "input_text": read_text,
    "output_text": read_text,
    "refusal": read_refusal,
    "image_url": read_image,
    "input_audio": read_audio,
    "file": read_file,
}
"""The parts that have a form of their own in `engine.chat`; any other stays opaque."""
