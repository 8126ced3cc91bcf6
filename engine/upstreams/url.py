"""Where a request to an upstream goes: which base_urls and proxies can be, and URLs from a canonical path (rule C5).

Knows nothing of the environment: the file is checked by the same functions that the driver is built by.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from engine.diagnostics import Flaw
from engine.transport.addresses import forbidden

PORTS = {"http": 80, "https": 443}

HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%\w]*")
"""A name or an address; names in containers hold underscores."""

VERSION = re.compile(r"v[0-9]+((p[0-9]+)?(alpha|beta)[0-9]*)?")
"""A version segment of a path: v1, v4, v1beta, v1p1beta1."""

UNQUOTED = "/:@!$&'()*+,;=~"
"""What a path may hold as it is (RFC 3986: pchar and the slash)."""


def join(base_url: str, path: str) -> str:
    """Return the URL of the canonical (decoded) `path` at `base_url`, which may end in a slash, in /v1, or in neither.

    A base_url whose path already holds a version segment (/v1, /api/paas/v4, /v1beta/openai) takes the place of the
    `/v1` of `path`; its query is kept. Characters that a path may not hold are percent-encoded again.
    """
    base = urlsplit(base_url)
    root = base.path.rstrip("/")
    if path.startswith("/v1/") and any(VERSION.fullmatch(segment) for segment in root.split("/")):
        path = path.removeprefix("/v1")
    return urlunsplit((base.scheme, base.netloc, root + quote(path, safe=UNQUOTED), base.query, ""))


class Origin(NamedTuple):
    """Where to connect; `host` as DNS writes it."""

    scheme: str
    host: str
    port: int


def origin(base_url: str) -> Origin | Flaw:
    """Return where `base_url` leads, or why it cannot be one, without quoting it: it may hold a password."""
    place = _place(base_url)
    if not isinstance(place, Origin):
        return place
    url = urlsplit(base_url)
    if url.fragment:
        return Flaw("has a #fragment, which is never sent", "take it out")
    if re.fullmatch(r"[!-~]*", url.path + url.query) is None:
        return Flaw("has a path with spaces or letters that URLs cannot hold", "percent-encode them")
    return place


def base_url_flaw(base_url: str) -> Flaw | None:
    """Return why `base_url` cannot work."""
    found = origin(base_url)
    return found if isinstance(found, Flaw) else None


def mcp_url_flaw(url: str) -> Flaw | None:
    """Return why no MCP server can be reached at `url`."""
    found = _place(url, "headers")
    return found if isinstance(found, Flaw) else None


def proxy_flaw(proxy: str) -> Flaw | None:
    """Return why no request can go through `proxy`. It may hold user and password."""
    flaw = Flaw("must be http://host:port or https://host:port", "name an HTTP proxy: others are not spoken to")
    if not proxy.startswith(("http://", "https://")):
        return flaw
    scheme, _, rest = proxy.partition("://")
    found = _place(f"{scheme}://{rest.rpartition('@')[2]}")
    return found if isinstance(found, Flaw) else None


def _place(text: str, credentials: str = "api_key") -> Origin | Flaw:
    wrong = Flaw("has a host or port that cannot be", "write http://host:port or https://host, and a path if need be")
    if text != text.strip() or re.search(r"[\x00-\x1f\x7f]", text):  # urlsplit drops these in silence
        return Flaw("holds a line break, or a space at an end", "take it out")
    try:
        url = urlsplit(text)
        port = url.port
        host = url.hostname or ""
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except ValueError:
        return wrong
    if "@" in url.netloc:
        return Flaw("holds a user or password", f"put the credential into `{credentials}`, as env:NAME or file:/path")
    if url.scheme not in PORTS or not host:
        return Flaw("must be http://host or https://host", "add the host, and a port and a path if need be")
    if HOST.fullmatch(host) is None or ".." in host or port == 0:
        return wrong
    if why := forbidden(host):
        return Flaw(f"leads to {host}, which {why}", "name the address of the server that is to answer")
    return Origin(url.scheme, host, PORTS[url.scheme] if port is None else port)
