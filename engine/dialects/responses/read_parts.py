"""The content of a message or of a tool's output, read into the neutral vocabulary.

Protocol facts: openai 3.54 (types/responses/response_input_*_param.py, response_output_text_param.py,
response_output_refusal_param.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Audio, File, Image, Opaque, Refusal, Text
from engine.dialects.body import refused
from engine.dialects.openai.media import document, image

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Block
    from engine.dialects.codec import Losses
    from engine.dialects.fields import Fields

BREAKPOINT = "prompt_cache_breakpoint"


def read_content(holder: Fields, name: str, losses: Losses) -> list[Block]:
    """Return the blocks of a text or a list of parts, which must be there. An empty text counts as nothing."""
    content = holder.value.get(name)
    if content is None:
        raise holder.missing(name)
    if isinstance(content, str):
        return [Text(text=content, at=holder.path(name))] if content else []
    if not isinstance(content, list):
        raise holder.wrong(name, "a string or a list of parts")
    found: list[Block] = []
    for part in holder.objects(name):
        kind = part.named("type")
        reader = READERS.get(kind)
        if reader is None:
            found.append(Opaque(vendor="openai", kind=kind, raw=part.value, at=part.at, cache=read_cache(part)))
        else:
            found.append(reader(part, losses))
    return found


def read_output(item: Fields, losses: Losses) -> tuple[tuple[Text | Image | File | Opaque, ...], str | None]:
    """Return what a tool has answered, and the life of a cache breakpoint behind no text in it."""
    parts: list[Text | Image | File | Opaque] = []
    cache = None
    for part in read_content(item, "output", losses):
        if not isinstance(part, Text | Image | File | Opaque):
            raise refused(f"`{part.at}` cannot stand in the output of a tool", part.at)
        if not isinstance(part, Text) or part.text:
            parts.append(part)
        elif part.cache is not None:
            cache = part.cache
    return tuple(parts), cache


def read_cache(part: Fields) -> str | None:
    """Return the life of the cache breakpoint behind a part, None where there is none."""
    mark = part.object(BREAKPOINT)
    return None if mark is None else mark.text("ttl") or ""


def read_text(part: Fields, losses: Losses) -> Text:
    for name in ("annotations", "logprobs"):
        if part.items(name):
            losses.dropped(part.path(name), f"texts carry no {name} in other APIs")
    return Text(text=part.required("text"), at=part.at, cache=read_cache(part))


def read_refusal(part: Fields, _losses: Losses) -> Refusal:
    return Refusal(text=part.required("refusal"), at=part.at, cache=read_cache(part))


def read_image(part: Fields, _losses: Losses) -> Block:
    url = part.text("image_url")
    if url is None:
        return stored(part, "image_url")
    return image(url, part.path("image_url"), detail=part.text("detail"), at=part.at, cache=read_cache(part))


def read_file(part: Fields, losses: Losses) -> Block:
    if part.text("detail") not in (None, "auto"):
        losses.approximated(part.path("detail"), "other APIs look at documents in one way only")
    name, cache = part.text("filename") or None, read_cache(part)
    content, url = part.text("file_data"), part.text("file_url")
    if content is not None:
        return document(content, part.path("file_data"), name=name, at=part.at, cache=cache)
    if url is not None:
        return File(url=url.strip(), name=name, at=part.at, cache=cache)
    return stored(part, "file_data")


def stored(part: Fields, expected: str) -> Opaque:
    """Return a file that is kept at OpenAI. Raises `Problem` (400) where the part names none: `expected` is missing."""
    if part.text("file_id") is None:
        raise part.missing(expected)
    return Opaque(vendor="openai", kind="file", raw=part.value, at=part.path("file_id"), cache=read_cache(part))


def read_audio(part: Fields, _losses: Losses) -> Audio:
    sound = part.object("input_audio")
    if sound is None:
        raise part.missing("input_audio")
    return Audio(data=sound.required("data"), format=sound.required("format"), at=part.at, cache=read_cache(part))


READERS: dict[str, Callable[[Fields, Losses], Block]] = {
    "input_text": read_text,
    "output_text": read_text,
    "text": read_text,
    "refusal": read_refusal,
    "input_image": read_image,
    "input_file": read_file,
    "input_audio": read_audio,
}
"""The parts that have a form of their own in `engine.chat`; any other stays opaque."""
