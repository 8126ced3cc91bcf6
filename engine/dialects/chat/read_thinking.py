"""The reasoning that a chat client sends back on an assistant message, in any of the forms that servers use.

`reasoning_content` is DeepSeek's and its followers', `reasoning` vLLM's; `reasoning_details` is OpenRouter's list, the
only one that carries the seal of who thought it (https://openrouter.ai/docs/use-cases/reasoning-tokens).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.chat import Thinking
from engine.dialects.seal import opened

if TYPE_CHECKING:
    from engine.dialects.codec import Losses
    from engine.dialects.fields import Fields

OURS = ("anthropic",)
"""Formats of `reasoning_details` (as in anthropic-claude-v1) whose seals are meant for an API we write."""


def read_thinking(message: Fields, losses: Losses) -> list[Thinking]:
    """Return the reasoning of an assistant message; the list says more than the texts beside it."""
    if isinstance(message.value.get("reasoning_details"), list):
        found = read_details(message, losses)
        if found:
            return found
    for name in ("reasoning_content", "reasoning"):
        text = message.text(name)
        if text:
            return [Thinking(text=text, at=message.path(name))]
    return []


def read_details(message: Fields, losses: Losses) -> list[Thinking]:
    """Return one block for each entry; entries with the same `index` are pieces of one block, as a stream gave them."""
    found: list[Thinking] = []
    pieces: dict[int, tuple[int, str]] = {}
    for entry in message.objects("reasoning_details"):
        kind = entry.text("type") or ""
        if kind == "reasoning.encrypted":
            if foreign(entry):
                losses.approximated(entry.path("data"), "reasoning that only another vendor can read")
            else:
                found.append(replace(seal_of(entry, "data"), at=entry.at))
            continue
        text = entry.text("summary" if kind == "reasoning.summary" else "text") or ""
        seal = seal_of(entry, "signature")
        index = entry.count("index")
        if index is not None and index in pieces and pieces[index][1] == kind:
            place = pieces[index][0]
            old = found[place]
            sealed = seal if seal.signature or seal.model else old
            found[place] = replace(sealed, text=old.text + text, at=old.at)
            continue
        if index is not None:
            pieces[index] = (len(found), kind)
        found.append(replace(seal, text=text, at=entry.at))
    return [block for block in found if block.text or block.signature or block.sealed]


def seal_of(entry: Fields, field: str) -> Thinking:
    """Return the vendor's seal, which stands in `field`, and who thought it where it was under ours."""
    text = entry.text(field)
    if not text or foreign(entry):
        return Thinking()
    ours = opened(text)
    if ours is not None:
        return Thinking(signature=ours.signature, sealed=ours.sealed, form=ours.form, model=ours.source)
    return Thinking(signature=text) if field == "signature" else Thinking(sealed=text)


def foreign(entry: Fields) -> bool:
    form = entry.text("format")
    return bool(form) and form != "unknown" and not str(form).startswith(OURS)
