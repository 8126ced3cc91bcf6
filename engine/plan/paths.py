"""The canonical path: what is matched is what goes upstream, never the raw one (rule P1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.chat import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MODELS = "/v1/models"
OBJECTS = (MODELS, "/v1/responses")
"""Where the objects lie that Turnout answers for by their id."""

PLAIN = re.compile(rb"/(?:[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9._~!$&'()*+,;=:@-]*(?:/|$))*")
"""A path with nothing to decode, no empty segment and none that begins with a dot."""
ESCAPE = re.compile(rb"%(.{0,2})", re.DOTALL)
HEX = re.compile(rb"[0-9A-Fa-f]{2}")


def canonical(raw_path: bytes, bases: Mapping[str, str] | None = None) -> str:
    """Return `raw_path` (no query) percent-decoded once, `//` made `/`. Raises `Problem` (400, invalid_path).

    `bases` (name -> prefix) says under which prefixes the id of /v1/models/{id} may hold an encoded slash.
    """
    if PLAIN.fullmatch(raw_path):
        return raw_path.decode("ascii")
    if not raw_path.startswith(b"/"):
        raise _invalid("it does not begin with a slash")
    if b"%2f" in raw_path.lower():
        head = raw_path[: raw_path.rfind(b"/")]
        if b"%2f" in head.lower() or place(bases or {}, canonical(head or b"/"), ())[1] != MODELS:
            raise _invalid("it holds an encoded slash, which only the id of /v1/models/{id} may")
    decoded = ESCAPE.sub(_decode, raw_path)
    if b"\\" in decoded:
        raise _invalid("it holds a backslash")
    if b"\0" in decoded:
        raise _invalid("it holds a NUL")
    try:
        path = re.sub("//+", "/", decoded.decode("utf-8"))
    except UnicodeDecodeError:
        raise _invalid("it is not UTF-8") from None
    if any(segment.partition(";")[0] in (".", "..") for segment in path.split("/")):  # some drop what follows a `;`
        raise _invalid("it holds a dot segment")
    return path


def place(bases: Mapping[str, str], path: str, endpoints: Collection[str]) -> tuple[str | None, str]:
    """Return (name of the base or None, the canonical path without its prefix and with one /v1).

    `bases` is name -> prefix; the longest prefix wins. `endpoints` are the known paths, such as /v1/messages: to
    them, to /v1/models, /v1/models/{id} and /v1/responses/{id} a missing /v1 is added.
    """
    base = _base(bases, path) if bases else None
    if base is not None:
        path = path[len(bases[base]) :] or "/"
    while path.startswith("/v1/v1/"):
        path = path[3:]
    if path not in endpoints and not path.startswith("/v1/"):
        full = "/v1" + path
        if full in endpoints or full == MODELS or full.startswith(tuple(f"{one}/" for one in OBJECTS)):
            path = full
    return base, path


def _base(bases: Mapping[str, str], path: str) -> str | None:
    found = [name for name, prefix in bases.items() if path.startswith(prefix) and path[len(prefix) :][:1] in ("", "/")]
    return max(found, key=lambda name: len(bases[name]), default=None)


def _decode(escape: re.Match[bytes]) -> bytes:
    if not HEX.fullmatch(escape[1]):
        raise _invalid("a `%` in it is not followed by two hexadecimal digits")
    return bytes((int(escape[1], 16),))


def _invalid(why: str) -> Problem:
    return Problem(400, "invalid_path", f"the request path is not valid: {why}")
