"""The system prompt of a request, in the form of each API: a text put before it, after it, or in place of it.

All else stays byte for byte. Chat completions say it in messages of the roles system and developer (the later models'
word for it), Messages in `system`, Responses in `instructions` and in such messages too (Codex has no other).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Raw

from engine.dialects.body import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fields = dict[str, Raw]
    Change = Callable[[Fields, str, "Place"], Fields]

Place = Literal["before", "after", "replace"]
SYSTEM = ("system", "developer")
BREAK = "\n\n"
"""What stands between two texts that become one."""


class Turn(msgspec.Struct):
    """As much of a message as tells whose it is."""

    role: str | None = None


TURN = msgspec.json.Decoder(Turn)


def instructed(api: str, fields: Mapping[str, Raw], text: str, place: Place) -> Fields:
    """Return the fields of a request of `api` with `text` in its system prompt. Raises `Problem` (400).

    A request of an API that has none is returned as it is.
    """
    change = CHANGES.get(api)
    return dict(fields) if change is None else change(dict(fields), text, place)


def _chat(fields: Fields, text: str, place: Place) -> Fields:
    turns = _list(fields, "messages")
    lead = next((at for at, turn in enumerate(turns) if role_of(turn) not in SYSTEM), len(turns))
    role = role_of(turns[0]) if lead else "system"
    own = _raw({"role": role, "content": text})
    if place == "replace":
        turns = [own, *(turn for turn in turns if role_of(turn) not in SYSTEM)]
    else:
        turns.insert(0 if place == "before" else lead, own)
    return {**fields, "messages": _listed(turns)}


def _messages(fields: Fields, text: str, place: Place) -> Fields:
    raw = bytes(fields.get("system", b"null"))
    if place == "replace" or raw in (b"null", b'""', b"[]"):
        return {**fields, "system": _raw(text)}
    if raw.startswith(b"["):
        blocks = _list(fields, "system")
        blocks.insert(0 if place == "before" else len(blocks), _raw({"type": "text", "text": text}))
        return {**fields, "system": _listed(blocks)}
    return {**fields, "system": _raw(_joined(text, _text(fields, "system"), place))}


def _responses(fields: Fields, text: str, place: Place) -> Fields:
    raw = bytes(fields.get("instructions", b"null"))
    if place == "replace":
        if bytes(fields.get("input", b"")).startswith(b"["):
            kept = [item for item in _list(fields, "input") if role_of(item) not in SYSTEM]
            fields = {**fields, "input": _listed(kept)}
        return {**fields, "instructions": _raw(text)}
    own = text if raw in (b"null", b'""') else _joined(text, _text(fields, "instructions"), place)
    return {**fields, "instructions": _raw(own)}


CHANGES: dict[str, Change] = {"chat": _chat, "messages": _messages, "responses": _responses}


def role_of(raw: Raw) -> str | None:
    """Return whose a message is; None for an item that is none."""
    try:
        return TURN.decode(raw).role
    except msgspec.DecodeError:
        return None


def _joined(text: str, said: str, place: Place) -> str:
    return f"{text}{BREAK}{said}" if place == "before" else f"{said}{BREAK}{text}"


def _text(fields: Fields, name: str) -> str:
    try:
        return msgspec.json.decode(fields[name], type=str)
    except msgspec.DecodeError:
        raise refused(f"`{name}` must be a string", name) from None


def _list(fields: Fields, name: str) -> list[Raw]:
    try:
        return msgspec.json.decode(fields.get(name, b"[]"), type=list[Raw])
    except msgspec.DecodeError:
        raise refused(f"`{name}` must be a list", name) from None


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))


def _listed(items: list[Raw]) -> Raw:
    return Raw(b"[" + b",".join(map(bytes, items)) + b"]")
