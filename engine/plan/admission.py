"""Who may come in: the Host and Origin of a request, and the key it names (rules P0, K1, K2).

Header names are lower case throughout. Nothing here ever repeats a credential.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.chat import Problem
from engine.facts import ANONYMOUS
from engine.plan.nodes import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.chat import Headers
    from engine.plan.nodes import Key, Plan

OFFERED = b"sec-websocket-protocol"
CREDENTIALS = (b"x-turnout-key", b"x-api-key", b"api-key", b"authorization", OFFERED)
"""The headers a key is read from, in the order of rule K1."""
IN_PROTOCOL = b"openai-insecure-api-key."
"""How a key begins that a page offers as a subprotocol, for it can set no header (openai-node,
src/realtime/websocket.ts)."""

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(?::([0-9]{1,5}))?")
ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[a-z0-9._~-]+|\*)(?::([0-9]{1,5}))?")
LONGEST_ORIGIN = 512
"""Bytes of an `Origin`, which answers repeat; a host has at most 253."""
BY_BROWSERS = frozenset({b"origin", b"sec-fetch-site"})
FOREIGN = (b"cross-site", b"same-site")
"""What browsers say in sec-fetch-site of pages that are not of this origin (W3C Fetch Metadata)."""
NULL = Origin(scheme="null", host="", port=None)
ANY = Origin(scheme="*", host=None, port=None)


def check_host(plan: Plan, headers: Headers) -> None:
    """Refuse a request whose Host is missing or malformed (400) or not in server.hosts (421)."""
    host, _port = _host(headers)
    if host not in plan.hosts:
        raise Problem(
            421,
            "unknown_host",
            f"this server does not answer to the host `{host}`; add it to server.hosts in proxy.yaml if it should",
        )


def check_origin(plan: Plan, headers: Headers, scheme: str = "http") -> bytes | None:
    """Return the `Origin` to allow in CORS headers, None for same-origin requests and callers that are no page.

    `scheme` is the one the request came by; behind a proxy that ends TLS it is http though the page says https.

    Raises `Problem` (403, origin_not_allowed) for a page of another origin that is not in server.cors.origins, and
    for a cross-site or same-site request without any Origin: an image or a frame of a page at another port of this
    machine is same-site, and no less foreign.
    """
    for name, _ in headers:
        if name in BY_BROWSERS:
            break
    else:
        return None
    sent = _all(headers, b"origin")
    if not sent:
        if any(value.strip().lower() in FOREIGN for value in _all(headers, b"sec-fetch-site")):
            raise Problem(403, "origin_not_allowed", "a web page of another origin may not call this server")
        return None
    origin = parse_origin(sent[0].decode("latin-1")) if len(sent) == 1 and len(sent[0]) <= LONGEST_ORIGIN else None
    if origin is not None and _allowed(plan, origin):
        return sent[0]
    if origin is not None and _same(origin, headers, scheme):
        return None
    shown = f"`{_serial(origin)}`" if origin is not None else "that is not valid"
    raise Problem(
        403,
        "origin_not_allowed",
        f"a web page of the origin {shown} may not call this server; add it to server.cors.origins if it should",
    )


def identify(plan: Plan, headers: Headers, today: str) -> Key:
    """Return the key a request comes with, or the key `anonymous`. `today` is the UTC date, as in 2026-11-22.

    Raises `Problem` (401): missing_api_key, invalid_api_key, expired_api_key, disabled_api_key.
    """
    presented = False
    for _header, credential in credentials(headers):
        presented = True
        key = find_key(plan, credential)
        if key is not None:
            return check_key(key, today)
    anonymous = plan.keys.get(ANONYMOUS)
    if anonymous is not None and (not presented or anonymous.any_key or len(plan.keys) == 1):
        return check_key(anonymous, today)
    if presented:
        raise Problem(401, "invalid_api_key", "the API key is not known here")
    raise Problem(401, "missing_api_key", "no API key: send it as `x-api-key: KEY` or `authorization: Bearer KEY`")


def credentials(headers: Headers) -> Iterator[tuple[bytes, bytes]]:
    """Yield (header, credential) for every credential presented, in the order of rule K1."""
    sent = [pair for pair in headers if pair[0] in CREDENTIALS]
    if len(sent) > 1:
        sent.sort(key=lambda pair: CREDENTIALS.index(pair[0]))
    for name, value in sent:
        if name == OFFERED:
            yield from ((name, key) for key in offered_keys(value))
            continue
        credential = _bearer(value) if name == b"authorization" else value.strip()
        if credential:
            yield name, credential


def offered_keys(value: bytes) -> Iterator[bytes]:
    """Yield the keys among the subprotocols that a handshake offers."""
    for one in value.split(b","):
        name = one.strip()
        if name.startswith(IN_PROTOCOL) and len(name) > len(IN_PROTOCOL):
            yield name[len(IN_PROTOCOL) :]


def find_key(plan: Plan, credential: bytes) -> Key | None:
    """Return the key that `credential` belongs to: looked up by its SHA-256, compared in constant time."""
    if not plan.digests:
        return None
    digest = hashlib.sha256(credential).digest()
    key = plan.digests.get(digest)
    if key is None:
        return None
    same = [hmac.compare_digest(digest, known) for known in key.digests]  # all of them: no early way out
    return key if any(same) else None


def check_key(key: Key, today: str) -> Key:
    """Return `key`, or refuse it (401) when it is disabled or expired."""
    if not key.enabled:
        raise Problem(401, "disabled_api_key", f"the key `{key.name}` is disabled")
    if key.expires is not None and today >= key.expires:
        raise Problem(401, "expired_api_key", f"this API key expired on {key.expires}")
    return key


def is_known(plan: Plan, value: bytes) -> bool:
    """Say whether a header value (`KEY` or `Bearer KEY`) is a key of Turnout's own, expired and disabled ones too."""
    return any(find_key(plan, text) is not None for text in (value.strip(), _bearer(value)) if text)


def check_base(key: Key, base: str | None) -> None:
    """Refuse (403) a key that may not come in by `base`; None is the root, which `bases:` closes too."""
    if key.bases is None or base in key.bases:
        return
    place = f"the base `{base}`" if base is not None else "the root"
    only = f"only by {', '.join(key.bases)}" if key.bases else "by none"
    raise Problem(403, "base_not_allowed", f"this key may not come in by {place}, {only}")


def parse_origin(text: str) -> Origin | None:
    """Return an origin parsed (RFC 6454): scheme, host, port with its default filled in. None: it is none.

    `null` is the opaque origin, `scheme://*` any host of that scheme, `*` any origin but `null`.
    """
    if text == "null":
        return NULL
    if text == "*":
        return ANY
    found = ORIGIN.fullmatch(text.lower())
    if found is None or (found[2] == "*" and found[3]):
        return None
    scheme, host, port = found[1], found[2], int(found[3]) if found[3] else PORTS.get(found[1])
    if port is not None and port > 65535:
        return None
    if host == "*":
        return Origin(scheme=scheme, host=None, port=None)
    return Origin(scheme=scheme, host=host, port=port)


def _allowed(plan: Plan, origin: Origin) -> bool:
    for known in plan.origins:
        if known == origin:
            return True
        if known.host is None and origin != NULL and known.scheme in ("*", origin.scheme):
            return True
    return False


def _same(origin: Origin, headers: Headers, scheme: str) -> bool:
    """Say whether a page that this very server delivered is calling: same host and port as it was called by."""
    if origin.scheme not in PORTS or (scheme == "https" and origin.scheme != "https"):
        return False
    try:
        host, port = _host(headers)
    except Problem:
        return False
    return (origin.host, origin.port) == (host, port if port is not None else PORTS[origin.scheme])


def _serial(origin: Origin) -> str:
    if origin == NULL:
        return "null"
    port = f":{origin.port}" if origin.port not in (None, PORTS.get(origin.scheme)) else ""
    return f"{origin.scheme}://{origin.host}{port}"


def _host(headers: Headers) -> tuple[str, int | None]:
    sent = _all(headers, b"host")
    if not sent:
        raise Problem(400, "missing_host", "the request has no Host header")
    found = parse_host(sent[0])
    if len(sent) > 1 or found is None:
        raise Problem(400, "invalid_host", "the Host header is not valid")
    return found


@lru_cache(64)  # the same few in every request
def parse_host(value: bytes) -> tuple[str, int | None] | None:
    """Return (host in lower case, port if given) of a Host header, None when it is not valid."""
    found = HOST.fullmatch(value.decode("latin-1").strip().lower())
    return (found[1], int(found[2]) if found[2] else None) if found else None


def _bearer(value: bytes) -> bytes:
    scheme, _, credential = value.strip().partition(b" ")
    return credential.strip() if scheme.lower() == b"bearer" else b""


def _all(headers: Headers, name: bytes) -> list[bytes]:
    return [value for header, value in headers if header == name]
