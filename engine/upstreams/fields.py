"""Header fields of our own (those of `headers` and the credential): what they may be named and hold.

Knows nothing of the environment: the file is checked by the same functions that the driver is built by.
"""

from __future__ import annotations

import re

from engine.diagnostics import Flaw

FRAMING = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})
"""What the transport says for itself; a second one of these would let two requests be read as three."""

NEEDED = frozenset({b"content-type"})
"""What says how a body is to be read."""

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A field name (RFC 9110, 5.6.2)."""


def name_flaw(name: str) -> Flaw | None:
    """Return why `name` cannot be a field of ours."""
    if TOKEN.fullmatch(name) is None:
        return Flaw("is not a header name", "use letters, digits and hyphens")
    if name.lower().encode() in FRAMING:
        return Flaw("cannot be set", "take it out: it follows from base_url and the body")
    return None


def stripped_flaw(name: str) -> Flaw | None:
    """Return why `strip` cannot name `name`. A flag of `anthropic-beta` has the form of a header name too."""
    if TOKEN.fullmatch(name) is None:
        return Flaw("is neither a header name nor a beta flag", "use letters, digits and hyphens, without a value")
    if name.lower().encode() in FRAMING | NEEDED:
        return Flaw("cannot be stripped", "take it out: without it no upstream could read the request")
    return None


def value_flaw(value: str) -> Flaw | None:
    """Return why no field can hold `value`, without quoting it."""
    if any(mark in value.strip() for mark in "\r\n\0"):
        return Flaw("holds a line break, which would start another header", "take it out")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return Flaw("holds a character that HTTP headers cannot carry", "percent-encode it, or write it in ASCII")
    return None


def field(name: str, value: str, place: str) -> tuple[bytes, bytes]:
    """Return a field as it is sent. Raises `ValueError`, which never quotes the value."""
    flaw = name_flaw(name) or value_flaw(value)
    if flaw:
        raise ValueError(f"{place} {flaw}")
    return name.lower().encode("ascii"), value.strip().encode("latin-1")
