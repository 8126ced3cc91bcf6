"""Which program asks, told by its headers and by the shape of its body. Adding one: its file, its place in PROFILES."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.clients.aider import AIDER
from engine.clients.claude_code import CLAUDE_CODE
from engine.clients.cline import CLINE
from engine.clients.codex import CODEX
from engine.clients.continue_ import CONTINUE
from engine.clients.cursor import CURSOR
from engine.clients.opencode import OPENCODE
from engine.clients.profile import Profile, Sign
from engine.clients.qwen_code import QWEN_CODE
from engine.clients.tabby import TABBY
from engine.clients.zoo import ZOO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import msgspec

PROFILES: tuple[Profile, ...] = (
    CLAUDE_CODE,
    CODEX,
    CLINE,
    ZOO,
    CURSOR,
    TABBY,
    CONTINUE,
    AIDER,
    OPENCODE,
    QWEN_CODE,
)
"""The clients we know. The first that a request looks like counts."""
BY_NAME: dict[str, Profile] = {profile.name: profile for profile in PROFILES}

SAYS = "x-turnout-client"
"""The header by which a client, or who sets it up, says which one it is; it wins over everything."""
TELLING = tuple({SAYS: None, **{name: None for one in PROFILES for sign in one.signs for name in sign.headers}})
"""The headers that are looked at."""
PLACES = {name.encode(): place for place, name in enumerate(TELLING)}
LONGEST = 512
"""How much of a header is looked at; whoever is kept in memory must be small."""
NOTHING: dict[str, msgspec.Raw] = {}


def detect(
    headers: Iterable[tuple[bytes, bytes]], form: str | None = None, fields: Mapping[str, msgspec.Raw] = NOTHING
) -> Profile | None:
    """Return the profile of who sent a request, None where that cannot be told.

    The names of `headers` are in lower case. `form` is the API whose body came to the endpoint of another one. `fields`
    is the body opened at its top; where none was read, only headers tell.
    """
    seen: list[bytes | None] = [None] * len(TELLING)
    for name, value in headers:
        place = PLACES.get(name)
        if place is not None and seen[place] is None:
            seen[place] = value[:LONGEST]
    for profile, sign in _likely(tuple(seen)):
        if sign is None or _fits(sign, form, fields):
            return profile
    return None


@lru_cache(512)
def _likely(seen: tuple[bytes | None, ...]) -> tuple[tuple[Profile, Sign | None], ...]:
    """Return whom such headers allow, with the sign that remains to be looked for in the body; None: it is sure."""
    values = {name: None if one is None else one.decode("latin-1") for name, one in zip(TELLING, seen, strict=True)}
    said = BY_NAME.get(values[SAYS] or "")
    if said is not None:
        return ((said, None),)
    found: list[tuple[Profile, Sign | None]] = []
    for profile in PROFILES:
        for sign in profile.signs:
            if all(_matches(wanted, values[name]) for name, wanted in sign.headers.items()):
                if not sign.shape:
                    return (*found, (profile, None))
                found.append((profile, sign))
    return tuple(found)


def _matches(pattern: str | None, value: str | None) -> bool:
    if pattern is None or value is None:
        return pattern is value
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value) is not None


def _fits(sign: Sign, form: str | None, fields: Mapping[str, msgspec.Raw]) -> bool:
    """Say whether a body has the shape of `sign`."""
    if sign.form is not None and sign.form != form:
        return False
    if sign.fields and sign.fields != fields.keys():
        return False
    return all(
        f'"{word}"'.encode() in bytes(fields.get(name, b"")) for name, words in sign.holds.items() for word in words
    )
