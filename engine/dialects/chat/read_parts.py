"""The content of a chat message, read into the neutral vocabulary: texts, images, files, sounds.

Protocol facts: openai 3.54 (types/chat/chat_completion_content_part_*_param.py). Images as a bare string and
`cache_control` on parts are what clients of OpenRouter and of local servers send.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from engine.chat import Audio, File, Image, Opaque, Refusal, Text
from engine.dialects.body import refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Block
    from engine.dialects.fields import Fields

DATA_URL = re.compile(
    r"data:(?P<type>[^;,]*)(?P<parameters>(?:;[^;,]*)*?)(?P<base64>;\s*base64)?,(?P<data>.*)", re.DOTALL | re.IGNORECASE
)

TEXTUAL = re.compile(r"text/.*|application/(?:.*\+)?(?:json|xml|yaml|javascript|toml|x-yaml|x-sh|x-ndjson)")
"""Media types of files that are plain text."""

SUFFIXES = {
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".json": "application/json",
}
"""What a file is that says so by its name only."""

MAGIC = {"JVBERi0": "application/pdf", "iVBORw0KGgo": "image/png", "/9j/": "image/jpeg"}
"""How the base64 of some files begins."""

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
    at = part.path("image_url")
    media_type, data = opened(url, at)
    if data is None:
        return Image(url=url.strip(), detail=detail, at=part.at, cache=cache)
    return Image(media_type=image_type(media_type), data=data, detail=detail, at=part.at, cache=cache)


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
    at = file.path("file_data")
    if content.lower().startswith(("http://", "https://")):
        return File(url=content, name=name, at=part.at, cache=cache)
    media_type, data = opened(content, at) if content[:5].lower() == "data:" else ("", "".join(content.split()))
    assert data is not None
    media_type = media_type or guessed(name, data)
    if media_type.startswith("image/"):
        return Image(media_type=image_type(media_type), data=data, at=part.at, cache=cache)
    if TEXTUAL.fullmatch(media_type):
        return File(media_type=media_type, text=decoded(data, at), name=name, at=part.at, cache=cache)
    return File(media_type=media_type, data=data, name=name, at=part.at, cache=cache)


def opened(url: str, at: str) -> tuple[str, str | None]:
    """Return media type and base64 (without line breaks) of a data URL; None for the latter if it is another URL."""
    match = DATA_URL.match(url.lstrip())
    if match is None:
        if url.lstrip()[:5].lower() == "data:":
            raise refused(f"`{at}` is a data URL without data", at)
        return "", None
    data = "".join(match["data"].split())
    if not match["base64"]:
        raise refused(f"`{at}`: send the data as base64, in the form data:TYPE;base64,DATA", at)
    return match["type"].strip().lower(), data


def image_type(media_type: str) -> str:
    return "image/jpeg" if media_type == "image/jpg" else media_type


def guessed(name: str | None, data: str) -> str:
    """Return the media type of a file that comes without one, "" if nothing tells."""
    by_name = next((kind for suffix, kind in SUFFIXES.items() if (name or "").lower().endswith(suffix)), "")
    return by_name or next((kind for start, kind in MAGIC.items() if data.startswith(start)), "")


def decoded(data: str, at: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        raise refused(f"`{at}` is not the base64 of a UTF-8 text", at) from None


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
