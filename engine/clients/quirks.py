"""What is made of a profile where a request comes in. What concerns answers is read off it where they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.clients.profile import Profile

OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
TEXT = msgspec.json.Decoder(str)


def kept(profile: Profile | None, form: str | None, fields: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Return the fields of a body without those that its client sends by mistake; `fields` itself where there are none.

    `form` is the API whose body came to the endpoint of another one, None where it is the endpoint's own.
    """
    if profile is None or form is None or not any(name in fields for name in profile.drop):
        return fields
    return {name: value for name, value in fields.items() if name not in profile.drop}


def session_of(
    profile: Profile | None, headers: Iterable[tuple[bytes, bytes]], fields: Mapping[str, msgspec.Raw]
) -> str | None:
    """Return what a client calls the conversation outside of what its API has for that. Header names are lower case."""
    if profile is None or not profile.session:
        return None
    sent = dict(headers)
    for place in profile.session:
        field, dot, name = place.partition(".")
        found = _inside(fields.get(field), name) if dot else sent.get(place.encode(), b"").decode("latin-1")
        if found:
            return found
    return None


def _inside(value: msgspec.Raw | None, name: str) -> str | None:
    """Return the text called `name` in an object; None where there is no such thing."""
    if value is None:
        return None
    try:
        return TEXT.decode(OBJECT.decode(value)[name])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, RecursionError):
        return None
