"""Where a request to an upstream goes: its base_url and a canonical path made one URL (rule C5)."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

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
