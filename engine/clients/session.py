"""Which session a request belongs to, as clients say it: what `sticky: session` and the like go by.

A user is no session: `user` and `safety_identifier` are not looked at. What a session is called goes into no log.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from engine.clients.quirks import session_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.clients.profile import Profile

OURS = b"x-turnout-session"
"""The header by which whoever sets up a client says it; it wins over everything."""
LONGEST = 512
"""Characters of a session's name that count."""
LARGEST = 16_384
"""Bytes of a field that is looked into; what is larger names no session."""
CLAUDE = re.compile(r"user_[0-9a-f]+_account_.*_session_(?P<session>.+)")
"""`metadata.user_id` of older versions of Claude Code; newer ones send JSON with a `session_id` (captured, 2.1.330)."""
OWN = ("session_id", "conversation")
CACHED = ("prompt_cache_key", *OWN)
ANYTHING = msgspec.json.Decoder()


def session(
    headers: Iterable[tuple[bytes, bytes]],
    profile: Profile | None,
    fields: Mapping[str, msgspec.Raw],
    *,
    cached: bool = True,
) -> str | None:
    """Return what the client calls its session, None where it does not say. Header names are in lower case.

    Our own header counts, then what the client is known for, then what the APIs have for it: `prompt_cache_key`
    (OpenAI: requests that share a prompt), `conversation` (Responses), `session_id` (OpenRouter), and the session that
    agents put into `metadata.user_id` of the Messages API. Without `cached` the first of these does not count:
    conversations of many people may share a prompt.
    """
    sent = list(headers)
    ours = next((value.decode("latin-1").strip() for name, value in sent if name == OURS), "")
    found = ours or session_of(profile, sent, fields) or _named(fields, CACHED if cached else OWN)
    return found[:LONGEST] if found else None


def _named(fields: Mapping[str, msgspec.Raw], places: tuple[str, ...]) -> str | None:
    for place in places:
        value = _read(fields.get(place))
        found = value.get("id") if isinstance(value, dict) else value
        if isinstance(found, str) and found:
            return found
    metadata = _read(fields.get("metadata"))
    return _inside(metadata.get("user_id")) if isinstance(metadata, dict) else None


def _inside(user: object) -> str | None:
    """Return the session in what agents call a user."""
    if not isinstance(user, str):
        return None
    if found := CLAUDE.fullmatch(user):
        return found["session"]
    told = _read(user.encode("utf-8", "replace")) if user.startswith("{") else None
    name = told.get("session_id") if isinstance(told, dict) else None
    return name if isinstance(name, str) and name else None


def _read(value: msgspec.Raw | bytes | None) -> object:
    """Return the JSON of a field; None where there is none, or more than names a session."""
    data = bytes(value) if value is not None else b""
    if not data or len(data) > LARGEST:
        return None
    try:
        return ANYTHING.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
