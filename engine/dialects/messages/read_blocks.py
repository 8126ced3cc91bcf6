"""The content blocks of a client's messages, read out of the Messages API's form.

Protocol facts: anthropic 2.12 (types/beta/beta_content_block_param.py and its members).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from engine.chat import Call, File, Image, Opaque, Problem, Result, Text, Thinking
from engine.dialects.body import refused
from engine.dialects.clip import clipped
from engine.dialects.seal import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.chat import Block, Role
    from engine.dialects.codec import Losses
    from engine.dialects.fields import Fields

VENDOR: Literal["anthropic"] = "anthropic"

BELONGS: dict[str, tuple[str, ...]] = {
    "text": ("user", "assistant", "system"),
    "image": ("user", "assistant"),
    "document": ("user", "assistant"),
    "tool_use": ("assistant",),
    "tool_result": ("user",),
    "thinking": ("assistant",),
    "redacted_thinking": ("assistant",),
}
"""Whose messages may hold a block; blocks that are not here may stand anywhere."""


def read_content(message: Fields, role: Role, losses: Losses, name: str = "content") -> tuple[Block, ...]:
    """Return the blocks of a message, whose field `name` is a text or a list of blocks."""
    content = message.value.get(name)
    if isinstance(content, str):
        return (Text(text=content, at=message.path(name)),)
    if content is not None and not isinstance(content, list):
        raise message.wrong(name, "a string or a list of blocks")
    blocks: list[Block] = []
    for block in message.objects(name):
        kind = block.named("type")
        if role not in BELONGS.get(kind, (role,)):
            place = " or ".join(BELONGS[kind])
            raise refused(f"`{block.at}`: a `{clipped(kind)}` block belongs into a message of role {place}", block.at)
        blocks += READERS[kind](block, losses) if kind in READERS else [opaque(block)]
    return tuple(blocks)


def opaque(block: Fields) -> Opaque:
    return Opaque(vendor=VENDOR, kind=block.named("type"), raw=block.value, at=block.at, cache=read_cache(block))


def read_cache(holder: Fields) -> str | None:
    """Return the life of the cache breakpoint in `cache_control`, None where there is none."""
    control = holder.object("cache_control")
    return None if control is None else control.text("ttl") or ""


def read_text(block: Fields, losses: Losses) -> Sequence[Text]:
    if block.value.get("citations"):
        losses.approximated(block.path("citations"), "texts carry no citations in a translation")
    return [Text(text=block.required("text"), at=block.at, cache=read_cache(block))]


def read_image(block: Fields, losses: Losses) -> Sequence[Image]:
    if block.value.get("transformations"):
        losses.dropped(block.path("transformations"), "no counterpart in other APIs")
    source = needed(block, "source")
    kind = source.named("type")
    if kind == "base64":
        return [
            Image(
                media_type=source.named("media_type"),
                data="".join(source.named("data").split()),
                at=block.at,
                cache=read_cache(block),
            )
        ]
    if kind == "url":
        return [Image(url=source.named("url"), at=block.at, cache=read_cache(block))]
    raise stored(source, kind)


def read_document(block: Fields, losses: Losses) -> Sequence[File | Image]:
    citations = block.object("citations")
    if citations is not None and citations.flag("enabled"):
        losses.dropped(block.path("citations"), "other APIs cite no documents")
    source = needed(block, "source")
    kind = source.named("type")
    whole = File(name=block.text("title"), context=block.text("context"), at=block.at, cache=read_cache(block))
    if kind == "base64":
        data = "".join(source.named("data").split())
        return [msgspec.structs.replace(whole, media_type=source.named("media_type"), data=data)]
    if kind == "text":
        return [msgspec.structs.replace(whole, media_type="text/plain", text=source.required("data"))]
    if kind == "url":
        return [msgspec.structs.replace(whole, url=source.named("url"))]
    if kind == "content":
        parts = read_content(source, "user", losses)
        text = "\n\n".join(part.text for part in parts if isinstance(part, Text))
        images = [part for part in parts if isinstance(part, Image)]
        if len(parts) > 1:
            losses.approximated(source.at, "the parts of a document become one text, its images follow")
        return [msgspec.structs.replace(whole, media_type="text/plain", text=text), *images]
    raise stored(source, kind)


def stored(source: Fields, kind: str) -> Problem:
    """Return the refusal of a source that is not in the request, nor at a URL."""
    if kind != "file":
        return refused(f"`{source.at}.type`: no source of a known kind: {clipped(kind)!r}", f"{source.at}.type")
    return Problem(
        400,
        "unsupported_parameter",
        f"`{source.at}` is a file stored at Anthropic, which another API cannot read; send its content as base64",
        param=source.at,
    )


def needed(block: Fields, name: str) -> Fields:
    found = block.object(name)
    if found is None:
        raise block.missing(name)
    return found


def read_call(block: Fields, _losses: Losses) -> Sequence[Call]:
    value = needed(block, "input").value
    return [
        Call(
            id=block.named("id"),
            name=block.named("name"),
            arguments=msgspec.json.encode(value).decode(),
            at=block.at,
            cache=read_cache(block),
        )
    ]


def read_result(block: Fields, losses: Losses) -> Sequence[Result]:
    parts: list[Text | Image | File | Opaque] = []
    content = block.value.get("content")
    if isinstance(content, str):
        parts += [Text(text=content, at=block.path("content"))] if content else []
    elif content is not None and not isinstance(content, list):
        raise block.wrong("content", "a string or a list of blocks")
    else:
        for part in block.objects("content"):
            reader = PARTS.get(part.named("type"))
            parts += reader(part, losses) if reader else [opaque(part)]
    error = bool(block.flag("is_error"))
    return [
        Result(id=block.named("tool_use_id"), parts=tuple(parts), error=error, at=block.at, cache=read_cache(block))
    ]


def read_thinking(block: Fields, _losses: Losses) -> Sequence[Thinking]:
    signature, text = block.text("signature") or None, block.required("thinking")
    ours = opened(signature) if signature else None
    if ours is None:
        return [Thinking(text=text, signature=signature, at=block.at)]
    return [Thinking(text=text, signature=ours.signature, form=ours.form, model=ours.source, at=block.at)]


def read_redacted(block: Fields, _losses: Losses) -> Sequence[Thinking]:
    data = block.required("data")
    ours = opened(data)
    if ours is None:
        return [Thinking(sealed=data, at=block.at)]
    return [Thinking(sealed=ours.sealed, form=ours.form, model=ours.source, at=block.at)]


PARTS: dict[str, Callable[[Fields, Losses], Sequence[Text | Image | File | Opaque]]] = {
    "text": read_text,
    "image": read_image,
    "document": read_document,
}
"""What a tool result may hold."""

READERS: dict[str, Callable[[Fields, Losses], Sequence[Block]]] = {
    "text": read_text,
    "image": read_image,
    "document": read_document,
    "tool_use": read_call,
    "tool_result": read_result,
    "thinking": read_thinking,
    "redacted_thinking": read_redacted,
}
"""The blocks that have a form of their own in `engine.chat`; any other stays opaque."""
