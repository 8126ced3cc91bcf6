"""The turns of a conversation in the form of each API: taken out of a request, put before one, read off an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from engine.dialects.body import refused
from engine.dialects.instructions import SYSTEM, role_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Kind(msgspec.Struct):
    """As much of an item as tells what it is."""

    type: str | None = None


PLACES = {"chat": "messages", "messages": "messages", "responses": "input"}
"""API -> the field that holds the turns."""
KIND = msgspec.json.Decoder(Kind)


def turns_of(api: str, fields: Mapping[str, Raw]) -> list[Raw]:
    """Return what a request says, without what the system says. Raises `Problem` (400)."""
    place = PLACES[api]
    raw = fields.get(place, Raw(b"[]"))
    if bytes(raw).startswith(b'"'):
        return [Raw(msgspec.json.encode({"type": "message", "role": "user", "content": msgspec.json.decode(raw)}))]
    try:
        items = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.DecodeError:
        raise refused(f"`{place}` must be a list", place) from None
    return [item for item in items if role_of(item) not in SYSTEM]


def going_on(api: str, fields: Mapping[str, Raw], history: Sequence[Raw]) -> dict[str, Raw]:
    """Return the request with `history` between what the system says and what it says itself."""
    place = PLACES[api]
    raw = fields.get(place, Raw(b"[]"))
    items = [] if bytes(raw).startswith(b'"') else msgspec.json.decode(raw, type=list[Raw])
    lead = [item for item in items if role_of(item) in SYSTEM]
    whole = [*lead, *history, *turns_of(api, fields)]
    return {**fields, place: Raw(b"[" + b",".join(map(bytes, whole)) + b"]")}


def answered(api: str, answer: bytes) -> list[Raw]:
    """Return the turns that a whole answer of `api` is in the next request; none where it has none."""
    try:
        told: Any = msgspec.json.decode(answer)
        if api == "chat":
            said = [{name: value for name, value in told["choices"][0]["message"].items() if value is not None}]
        elif api == "messages":
            said = [{"role": "assistant", "content": told["content"]}] if told["content"] else []
        else:
            said = [item for item in told["output"] if item["type"] != "reasoning"]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        return []
    return [Raw(msgspec.json.encode(one)) for one in said]


def unsaid(past: Sequence[Raw], now: Sequence[Raw]) -> Sequence[Raw]:
    """Return what of `past`, which ends with an answer, `now` does not say itself.

    That is all of it, unless the client sends again what it was answered, as coding agents do with all of it.
    """
    told = [(place, gist) for place, turn in enumerate(past) if (gist := _gist(turn)) is not None]
    said = [gist for turn in now if (gist := _gist(turn)) is not None]
    for end in range(len(said), 0, -1):
        both = min(end, len(told))
        if both and said[end - 1] == told[-1][1] and said[end - both : end] == [gist for _, gist in told[-both:]]:
            return past[: told[-both][0]] if both < len(told) else ()
    return past


def _gist(turn: Raw) -> tuple[str | None, str] | None:
    """Return what two ways to write a turn have in common; None for reasoning, which clients may leave out."""
    try:
        kind = KIND.decode(turn).type
    except msgspec.DecodeError:
        kind = None
    return None if kind == "reasoning" else (role_of(turn) or kind, text_of(turn).strip())


def text_of(turn: Raw) -> str:
    """Return every text in a turn, however deep, for people and for summaries."""
    return "\n".join(_texts(msgspec.json.decode(turn)))


def _texts(value: Any, name: str = "") -> list[str]:
    if isinstance(value, str):
        return [value] if name in ("content", "text", "output", "arguments", "input") else []
    if isinstance(value, list):
        return [text for one in value for text in _texts(one, name)]
    if isinstance(value, dict):
        return [text for key, one in value.items() for text in _texts(one, key)]
    return []
