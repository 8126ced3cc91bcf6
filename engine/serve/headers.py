"""Which header fields cross Turnout, in both directions: the one table of rule T4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.plan.admission import OFFERED, is_known, offered_keys
from engine.serve.ratelimits import told_to

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Api, Headers, Language
    from engine.plan.nodes import Plan

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key", b"x-turnout-key", OFFERED})
"""Every header a client may put a key into (rule K1)."""

FORWARDABLE = frozenset({b"authorization", b"x-api-key"})
"""The credentials an `auth: forward` upstream is given (rule K4)."""

SIGNED_IN = b"sk-ant-oat"
"""How the tokens begin that Anthropic gives who signs in (Claude Code with a plan)."""

REQUEST_STOPS = (
    HOP_BY_HOP
    | CREDENTIALS
    | {
        b"host",
        b"content-length",
        b"content-encoding",  # the body goes up decoded
        b"accept-encoding",  # identity goes up
        b"expect",
        b"cookie",
        b"cookie2",
        b"forwarded",
    }
)
REQUEST_STOP_PREFIXES = (b"x-forwarded-", b"x-turnout-", b"sec-websocket-")

ANSWER_STOPS = HOP_BY_HOP | {
    b"content-length",  # set anew: the body may have changed
    b"set-cookie",
    b"set-cookie2",
    b"server",
    b"alt-svc",
    b"strict-transport-security",
}
ANSWER_STOP_PREFIXES = (b"access-control-", b"x-turnout-")

CROSSING = frozenset({b"user-agent", b"traceparent", b"tracestate", b"idempotency-key"})
"""What an upstream of another API gets of a client's fields, beside what the codec sets."""
IDS = frozenset({b"x-request-id", b"request-id"})
"""What OpenAI and Anthropic call the id of a request."""
EVENTS = b"text/event-stream"
ANSWER_FORM = frozenset({b"content-type", b"content-encoding", b"etag", b"content-md5", b"digest"})
"""What says something of a body that has been translated."""
VENDOR = (b"anthropic-", b"openai-", b"x-ratelimit-")
"""What only a vendor's own clients know; of these, rate limits are said in the other's words (ratelimits.py)."""


def up(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the client's fields that an upstream of the same API gets. Names are lower case already."""
    named = _named_by_connection(headers)
    return [
        (name, value)
        for name, value in headers
        if name not in REQUEST_STOPS
        and not name.startswith(REQUEST_STOP_PREFIXES)
        and name not in named
        and not (b"_" in name and _disguised(name))
    ]


def _disguised(name: bytes) -> bool:
    """Say whether `name` (`x_api_key`) is one that stops to whoever reads `_` as `-`, as CGI and WSGI do."""
    meant = name.replace(b"_", b"-")
    return meant in REQUEST_STOPS or meant.startswith(REQUEST_STOP_PREFIXES)


def across(headers: Iterable[tuple[bytes, bytes]], *, stream: bool) -> Headers:
    """Return the client's fields that an upstream of another API gets; `headers` have passed `up`."""
    kept = [field for field in headers if field[0] in CROSSING]
    return [*kept, (b"content-type", b"application/json"), (b"accept", EVENTS if stream else b"application/json")]


def down_across(headers: Headers, api: Api, now: float) -> Headers:
    """Return the fields of an upstream of another API that a client of `api` gets; `now` in seconds since 1970.

    The upstream's request id goes by both vendors' names.
    """
    crossing = down(headers)
    kept = [field for field in crossing if not field[0].startswith(VENDOR) and field[0] not in ANSWER_FORM]
    kept += told_to(api, crossing, now)
    ids = {name: value for name, value in kept if name in IDS}
    if len(ids) == 1:
        kept += [(name, value) for value in ids.values() for name in sorted(IDS - ids.keys())]
    return kept


def down(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the upstream's fields that the client gets."""
    named = _named_by_connection(headers)
    return [
        (name, value)
        for name, value in headers
        if name not in ANSWER_STOPS and not name.startswith(ANSWER_STOP_PREFIXES) and name not in named
    ]


def own_credentials(plan: Plan, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return what an `auth: forward` upstream is given: never a key of Turnout's own (rule K4)."""
    sent = [*headers]
    found = [(name, value) for name, value in sent if name in FORWARDABLE and not is_known(plan, value)]
    if not found:  # a page that opens a WebSocket can set no header
        keys = [key for name, value in sent if name == OFFERED for key in offered_keys(value)]
        found = [(b"authorization", b"Bearer " + key) for key in keys if not is_known(plan, key)][:1]
    return found


def credential_across(headers: Headers, api: Language) -> Headers:
    """Return a client's own credential in the one header in which an upstream of `api` reads it.

    Anthropic takes keys as `x-api-key` and the tokens of its own sign-in as Bearer; everybody else takes Bearer.
    """
    found = first(headers, b"authorization")
    scheme, _, token = (found or b"").partition(b" ")
    key = token.strip() if scheme.lower() == b"bearer" else b""
    key = key or first(headers, b"x-api-key") or b""
    if not key:
        return headers
    if api == "messages" and not key.startswith(SIGNED_IN):
        return [(b"x-api-key", key)]
    return [(b"authorization", b"Bearer " + key)]


def first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the first value of `name` (lower case), None without one."""
    for key, value in headers:
        if key == name:
            return value
    return None


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    named = [value for name, value in headers if name == b"connection"]
    if not named or named == [b"keep-alive"]:
        return frozenset()
    return frozenset(token.strip().lower() for value in named for token in value.split(b","))
