"""The reasoning that a chat client sends back on an assistant message, in any of the forms that servers use.

`reasoning_content` is DeepSeek's and its followers', `reasoning` vLLM's; `reasoning_details` is OpenRouter's list, the
only one that carries the seal of who thought it (https://openrouter.ai/docs/use-cases/reasoning-tokens).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
            elif data := entry.text("data"):
                found.append(Thinking(sealed=data, at=entry.at))
            continue
        text = entry.text("summary" if kind == "reasoning.summary" else "text") or ""
        signature, model = seal_of(entry)
        index = entry.count("index")
        if index is not None and index in pieces and pieces[index][1] == kind:
            place = pieces[index][0]
            old = found[place]
            found[place] = Thinking(
                text=old.text + text, signature=signature or old.signature, model=model or old.model, at=old.at
            )
            continue
        if index is not None:
            pieces[index] = (len(found), kind)
        found.append(Thinking(text=text, signature=signature, model=model, at=entry.at))
    return [block for block in found if block.text or block.signature or block.sealed]


def seal_of(entry: Fields) -> tuple[str | None, str | None]:
    """Return the vendor's signature, and who thought it where the seal is ours."""
    signature = entry.text("signature") or None
    if signature is None or foreign(entry):
        return None, None
    model = opened(signature)
    return (signature, None) if model is None else (None, model)


def foreign(entry: Fields) -> bool:
    form = entry.text("format")
    return bool(form) and form != "unknown" and not str(form).startswith(OURS)
