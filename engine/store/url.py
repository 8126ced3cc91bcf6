"""Where a Redis or Valkey is: which URLs the file may hold, and what may be shown of one."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from engine.diagnostics import Flaw

REFERENCE = r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+"
PLAIN = r"(rediss?|unix)://[^@\s]+"
"""A URL without user and password."""
REDIS_URL = rf"^({REFERENCE}|{PLAIN})\Z"

SCHEMES = ("redis", "rediss", "unix")
FORMS = "write redis://host:6379, rediss://host:6379 (TLS) or unix:///path/to/socket, or env:NAME"


def redis_url_flaw(url: str) -> Flaw | None:
    """Return why `url` leads to no Redis, never quoting it: it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
        query = parse_qsl(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        return Flaw("has a port or a query that cannot be", FORMS)
    if parts.scheme not in SCHEMES:
        return Flaw("is no address of a Redis or Valkey", FORMS)
    if parts.scheme == "unix" and not parts.path.startswith("/"):
        return Flaw("names no socket", FORMS)
    if parts.scheme != "unix" and (not parts.hostname or port == 0):
        return Flaw("names no host", FORMS)
    if parts.scheme != "unix" and not re.fullmatch(r"/?[0-9]*", parts.path):
        return Flaw("has a path that is no number of a database", "write redis://host:6379/0")
    if any(name != "db" or not value.isdecimal() for name, value in query):
        return Flaw(
            "has a query that is not understood", "only `?db=N` may follow; user and password go before the `@`"
        )
    return None


def written_flaw(written: str) -> Flaw | None:
    """Return why the file cannot say `written`: references are looked at once they have a value."""
    return None if re.match(rf"({REFERENCE})$", written) else redis_url_flaw(written)


def shown(url: str) -> str:
    """Return as much of `url` as may be logged."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or 6379}"
