"""Rule T4 by value: which fields cross, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.serve.headers import down, first, own_credentials, up
from tests.plan.plans import UPSTREAMS, plan
from tests.support.apis import digest

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT = """
accept: */*                              up
accept-language: de                      up
anthropic-beta: a,b                      up
anthropic-version: 2023-06-01            up
content-type: application/json           up
idempotency-key: 7                       up
openai-organization: org-1               up
traceparent: 00-1-2-3                    up
user-agent: claude-cli/2.1               up
x-app: cli                               up
x-never-heard-of: 1                      up
x-stainless-lang: python                 up
x-claude-code-session-id: 1              up
accept-encoding: gzip                    stays
api-key: k                               stays
authorization: Bearer k                  stays
connection: keep-alive, x-mine           stays
content-encoding: gzip                   stays
content-length: 5                        stays
cookie: a=b                              stays
expect: 100-continue                     stays
forwarded: for=1.2.3.4                   stays
host: localhost                          stays
keep-alive: timeout=5                    stays
proxy-authorization: Basic k             stays
proxy-connection: keep-alive             stays
sec-websocket-key: k                     stays
te: trailers                             stays
trailer: x                               stays
transfer-encoding: chunked               stays
upgrade: h2c                             stays
x-api-key: k                             stays
x-forwarded-for: 1.2.3.4                 stays
x-forwarded-proto: https                 stays
x-mine: named by connection              stays
x-turnout-fault: fail                    stays
x-turnout-key: k                         stays
"""

UPSTREAM = """
content-type: text/event-stream          down
cache-control: no-cache                  down
content-encoding: br                     down
date: Sun, 22 Nov 2026 12:00:00 GMT      down
openai-processing-ms: 12                 down
request-id: req_1                        down
x-request-id: req_1                      down
retry-after: 3                           down
vary: Accept                             down
www-authenticate: Bearer                 down
x-ratelimit-remaining-tokens: 5          down
anthropic-ratelimit-tokens-limit: 5      down
x-should-retry: true                     down
access-control-allow-origin: *           stays
access-control-expose-headers: x         stays
alt-svc: h3=":443"                       stays
connection: close, x-hop                 stays
content-length: 7                        stays
keep-alive: timeout=5                    stays
proxy-authenticate: Basic                stays
server: cloudflare                       stays
set-cookie: __cf_bm=1                    stays
strict-transport-security: max-age=1     stays
transfer-encoding: chunked               stays
x-hop: named by connection               stays
x-turnout-target: forged                 stays
"""


def table(text: str) -> tuple[list[tuple[bytes, bytes]], list[str]]:
    """Return every field of a table, and the names of those that cross."""
    rows = [line.rsplit(None, 1) for line in text.strip().splitlines()]
    pairs = [field.strip().partition(": ") for field, _ in rows]
    fields = [(name.encode(), value.encode()) for name, _, value in pairs]
    return fields, [pair[0] for pair, (_, fate) in zip(pairs, rows, strict=True) if fate != "stays"]


@pytest.mark.parametrize(("cross", "text"), [(up, CLIENT), (down, UPSTREAM)], ids=["up", "down"])
def test_the_table(cross: Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]], text: str) -> None:
    fields, wanted = table(text)
    crossed = cross(fields)
    assert [name.decode() for name, _ in crossed] == wanted
    assert [pair for pair in fields if pair in crossed] == crossed  # values and order are as they were


def test_a_field_sent_twice_crosses_twice() -> None:
    twice = [(b"anthropic-beta", b"a"), (b"x", b"1"), (b"anthropic-beta", b"b")]
    assert up(twice) == twice
    assert down(twice) == twice


def test_connection_may_be_split_over_lines() -> None:
    fields = [(b"connection", b"x-one"), (b"Connection".lower(), b"X-Two , x-three"), (b"x-two", b"2"), (b"y", b"3")]
    assert up(fields) == [(b"y", b"3")]


def test_first() -> None:
    fields = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]
    assert (first(fields, b"a"), first(fields, b"b"), first(fields, b"c")) == (b"1", b"2", None)


def test_credentials_that_may_be_forwarded() -> None:
    """The client's own, in the two headers the vendor reads; never a key of ours (rule K4)."""
    ours = "tk-ada-0123456789abcdef"
    known = plan(UPSTREAMS + f'keys: {{ada: {{hashes: ["{digest(ours)}"], enabled: false}}}}')
    fields = [
        (b"authorization", b"Bearer sk-ant-oat01-theirs"),
        (b"x-api-key", ours.encode()),
        (b"api-key", b"theirs"),
        (b"x-turnout-key", b"theirs"),
        (b"cookie", b"theirs"),
    ]
    assert own_credentials(known, fields) == [(b"authorization", b"Bearer sk-ant-oat01-theirs")]
    assert own_credentials(known, [(b"authorization", b"Bearer " + ours.encode())]) == []
    assert own_credentials(known, [(b"x-api-key", b"sk-ant-theirs")]) == [(b"x-api-key", b"sk-ant-theirs")]
