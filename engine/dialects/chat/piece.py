"""What a message of a chat answer says, whole or as one delta of a stream: both have the same fields.

Protocol facts: openai 3.54 (types/chat/chat_completion_message.py, chat_completion_chunk.py), and what compatible
servers add: `reasoning_content` (DeepSeek, Moonshot, SGLang), `reasoning` (vLLM, Ollama), `reasoning_details`
(OpenRouter), content as a list of parts (Mistral), arguments as an object (Ollama).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Block, Kind, Opaque, Refusal, Text, Thinking, Usage
from engine.dialects.failure import text
from engine.dialects.openai.arguments import arguments_of

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = ("anthropic", "unknown")
"""Formats of reasoning_details whose seals another API can carry."""

COUNTS = ("prompt_tokens", "completion_tokens")
"""What a usage object has that tells anything."""

EXTRAS = ("audio", "images")
"""Content of an answer that no other API has."""


class Fragment(msgspec.Struct, frozen=True):
    """A tool call or a piece of one; what the server left out is "" or None."""

    index: int | None
    id: str
    name: str
    arguments: str
    kind: Kind = "function"


class Piece(msgspec.Struct, frozen=True):
    """What one message or delta says, in the order in which it was thought, said and called."""

    thoughts: tuple[Thinking, ...]
    blocks: tuple[Block, ...]
    """Text, Refusal and Opaque; reasoning that stood among parts too."""
    calls: tuple[Fragment, ...]


def piece(message: dict[str, Any]) -> Piece:
    """Read a whole message."""
    return Piece(tuple(_thoughts(message)), tuple(_blocks(message, "choices[0].message")), tuple(_calls(message)))


def delta_piece(delta: dict[str, Any], *, plain: bool) -> Piece:
    """Read a delta. `plain`: the stream has told its reasoning as plain text, so that details only repeat it."""
    said = said_plainly(delta)
    details = _details(delta)
    if said or plain:
        details = [Thinking(text=said), *(Thinking(signature=one.signature, sealed=one.sealed) for one in details)]
    return Piece(tuple(_joined(details)), tuple(_blocks(delta, "choices[0].delta")), tuple(_calls(delta)))


def said_plainly(message: dict[str, Any]) -> str:
    """Return the reasoning that a message or delta tells as plain text; both fields hold the same where both are."""
    return text(message.get("reasoning_content")) or text(message.get("reasoning"))


def usage_of(*holders: Any) -> Usage | None:
    """Return the usage in the first of `holders` (a body, a choice, ...) that has one.

    `prompt_tokens` is all input, `completion_tokens` all output. DeepSeek names the cache prompt_cache_hit_tokens,
    Moonshot cached_tokens and puts the usage of a stream into the choice, Groq into x_groq. Where the total is more
    than both counts (xAI, Gemini), the reasoning is not in completion_tokens: it is output all the same.
    """
    for holder in holders:
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if not isinstance(usage, dict) or not any(isinstance(usage.get(name), (int, float)) for name in COUNTS):
            continue
        prompt = _object(usage.get("prompt_tokens_details"))
        output = _object(usage.get("completion_tokens_details"))
        cached = _count(prompt, "cached_tokens") or _count(usage, "prompt_cache_hit_tokens", "cached_tokens")
        written = _count(prompt, "cache_write_tokens")
        asked = _count(usage, "prompt_tokens")
        answered = max(_count(usage, "completion_tokens"), _count(usage, "total_tokens") - asked)
        thought = output.get("reasoning_tokens")
        return Usage(
            input=max(0, asked - cached - written),
            cache_read=cached,
            cache_write=written,
            output=answered,
            reasoning=None if thought is None else min(_count(output, "reasoning_tokens"), answered),
        )
    return None


def _thoughts(message: dict[str, Any]) -> Iterator[Thinking]:
    """Return the reasoning of a whole message: by its details where they tell it, for they say what is signed."""
    said = said_plainly(message)
    details = _details(message)
    told = "".join(one.text for one in details)
    if not told:
        details = [Thinking(text=said), *details]
    elif said != told and said.endswith(told):
        yield Thinking(text=said.removesuffix(told))
    yield from _joined(details)


def _joined(parts: list[Thinking]) -> Iterator[Thinking]:
    """Join pieces of reasoning up to the signature that seals them, and leave out empty ones."""
    texts: list[str] = []
    for part in parts:
        if part.text:
            texts.append(part.text)
        if part.signature is None and part.sealed is None:
            continue
        if part.signature is not None:
            yield Thinking(text="".join(texts), signature=part.signature)
        else:
            if texts:
                yield Thinking(text="".join(texts))
            yield part
        texts.clear()
    if texts:
        yield Thinking(text="".join(texts))


def _details(message: dict[str, Any]) -> list[Thinking]:
    details = message.get("reasoning_details")
    return [_detail(one) for one in details if isinstance(one, dict)] if isinstance(details, list) else []


def _detail(detail: dict[str, Any]) -> Thinking:
    """Read one of OpenRouter's reasoning_details. Seals are kept where they are Anthropic's: its clients are the only
    ones that can carry a seal, and they would send a foreign one to the wrong vendor."""
    ours = (text(detail.get("format")) or "unknown").startswith(OURS)
    if detail.get("type") == "reasoning.encrypted":
        return Thinking(sealed=text(detail.get("data")) or None if ours else None)
    said = text(detail.get("text")) or text(detail.get("summary"))
    return Thinking(text=said, signature=text(detail.get("signature")) or None if ours else None)


def _of_others(message: dict[str, Any]) -> bool:
    """Say whether reasoning was left out that only another vendor can read."""
    details = message.get("reasoning_details")
    return any(
        isinstance(one, dict)
        and one.get("type") == "reasoning.encrypted"
        and one.get("data")
        and not _detail(one).sealed
        for one in (details if isinstance(details, list) else ())
    )


def _blocks(message: dict[str, Any], at: str) -> Iterator[Block]:
    if _of_others(message):
        yield _opaque("reasoning_details", message, f"{at}.reasoning_details")
    content = message.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for index, part in enumerate(content if isinstance(content, list) else ()):
        yield from _part(part, f"{at}.content[{index}]")
    if refusal := text(message.get("refusal")):
        yield Refusal(text=refusal)
    annotations = message.get("annotations")
    for one in annotations if isinstance(annotations, list) else ():
        if isinstance(one, dict):
            yield Opaque(vendor="openai", kind=text(one.get("type")) or "annotation", raw=one, at=f"{at}.annotations")
    for name in EXTRAS:
        if message.get(name):
            yield _opaque(name, message, f"{at}.{name}")


def _opaque(name: str, message: dict[str, Any], at: str) -> Opaque:
    return Opaque(vendor="openai", kind=name, raw={name: message[name]}, at=at)


def _part(part: Any, at: str) -> Iterator[Block]:
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    if not isinstance(part, dict):
        return
    kind = part.get("type")
    if kind == "refusal" and (refusal := text(part.get("refusal"))):
        yield Refusal(text=refusal)
    elif kind == "thinking":  # Mistral: a list of text parts, or a text
        thought = part.get("thinking")
        said = [text(one.get("text")) for one in thought if isinstance(one, dict)] if isinstance(thought, list) else []
        if whole := text(thought) or "".join(said):
            yield Thinking(text=whole)
    elif said_ := text(part.get("text")):
        yield Text(text=said_)
    elif kind not in ("text", "output_text", "refusal"):
        yield Opaque(vendor="openai", kind=text(kind) or "part", raw=part, at=at)


def _calls(message: dict[str, Any]) -> Iterator[Fragment]:
    listed = message.get("tool_calls")
    calls = listed if isinstance(listed, list) else []
    for call in calls:
        if not isinstance(call, dict):
            continue
        index = call.get("index")
        custom = call.get("custom")
        body = custom if isinstance(custom, dict) else _object(call.get("function"))
        yield Fragment(
            index if type(index) is int else None,
            text(call.get("id")),
            text(body.get("name")),
            text(body.get("input")) if body is custom else arguments_of(body.get("arguments")),
            "custom" if body is custom else "function",
        )
    legacy = message.get("function_call")
    if isinstance(legacy, dict) and not calls:
        yield Fragment(0, "", text(legacy.get("name")), arguments_of(legacy.get("arguments")))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(holder: dict[str, Any], *names: str) -> int:
    """Return the first number of tokens above 0 under these names."""
    for name in names:
        value = holder.get(name)
        if isinstance(value, (int, float)) and value > 0:
            return int(value)
    return 0
