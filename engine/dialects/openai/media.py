"""Images and documents as both of OpenAI's APIs carry them: data URLs, bare base64, addresses.

Protocol facts: openai 3.54 (types/chat/chat_completion_content_part_*_param.py, types/responses/response_input_*.py).
"""

from __future__ import annotations

import base64
import binascii
import re

from engine.chat import File, Image
from engine.dialects.body import refused

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


def image(url: str, path: str, *, detail: str | None, at: str, cache: str | None) -> Image:
    """Return the image that a data URL holds, or that is at another URL. `path` is where the URL stands, `at` the part.

    Raises `Problem` (400) where it is a data URL that holds no base64.
    """
    media_type, data = opened(url, path)
    if data is None:
        return Image(url=url.strip(), detail=detail, at=at, cache=cache)
    return Image(media_type=image_type(media_type), data=data, detail=detail, at=at, cache=cache)


def document(content: str, path: str, *, name: str | None, at: str, cache: str | None) -> File | Image:
    """Return the file of a data URL, of bare base64 or at an address; one that is an image is an Image.

    `path` is where `content` stands, `at` the part. Raises `Problem` (400) where it cannot be read.
    """
    if content.lower().startswith(("http://", "https://")):
        return File(url=content, name=name, at=at, cache=cache)
    media_type, data = opened(content, path) if content[:5].lower() == "data:" else ("", "".join(content.split()))
    assert data is not None
    media_type = media_type or guessed(name, data)
    if media_type.startswith("image/"):
        return Image(media_type=image_type(media_type), data=data, at=at, cache=cache)
    if TEXTUAL.fullmatch(media_type):
        return File(media_type=media_type, text=decoded(data, path), name=name, at=at, cache=cache)
    return File(media_type=media_type, data=data, name=name, at=at, cache=cache)


def opened(url: str, path: str) -> tuple[str, str | None]:
    """Return media type and base64 (without line breaks) of a data URL; None for the latter if it is another URL."""
    match = DATA_URL.match(url.lstrip())
    if match is None:
        if url.lstrip()[:5].lower() == "data:":
            raise refused(f"`{path}` is a data URL without data", path)
        return "", None
    data = "".join(match["data"].split())
    if not match["base64"]:
        raise refused(f"`{path}`: send the data as base64, in the form data:TYPE;base64,DATA", path)
    return match["type"].strip().lower(), data


def image_type(media_type: str) -> str:
    return "image/jpeg" if media_type == "image/jpg" else media_type


def guessed(name: str | None, data: str) -> str:
    """Return the media type of a file that comes without one, "" if nothing tells."""
    by_name = next((kind for suffix, kind in SUFFIXES.items() if (name or "").lower().endswith(suffix)), "")
    return by_name or next((kind for start, kind in MAGIC.items() if data.startswith(start)), "")


def decoded(data: str, path: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        raise refused(f"`{path}` is not the base64 of a UTF-8 text", path) from None
