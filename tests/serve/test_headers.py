"""Rule T4 by value: which fields cross, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.serve.headers import across, credential_across, down, down_across, first, own_credentials, up
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
    offer = b"realtime, openai-insecure-api-key.%b, openai-insecure-api-key.sk-theirs" % ours.encode()
    offered = [(b"sec-websocket-protocol", offer)]
    assert own_credentials(known, offered) == [(b"authorization", b"Bearer sk-theirs")]
    assert own_credentials(known, [*offered, (b"x-api-key", b"sk-first")]) == [(b"x-api-key", b"sk-first")]


KEY, TOKEN = b"sk-theirs-1234", b"sk-ant-oat01-theirs"


@pytest.mark.parametrize(
    ("api", "sent", "arrives"),
    [
        ("chat", [(b"x-api-key", KEY)], (b"authorization", b"Bearer " + KEY)),
        ("chat", [(b"authorization", b"Bearer " + KEY)], (b"authorization", b"Bearer " + KEY)),
        (
            "chat",
            [(b"x-api-key", b"other"), (b"authorization", b"bearer  " + KEY)],
            (b"authorization", b"Bearer " + KEY),
        ),
        ("messages", [(b"authorization", b"Bearer " + KEY)], (b"x-api-key", KEY)),
        ("messages", [(b"x-api-key", KEY)], (b"x-api-key", KEY)),
        ("messages", [(b"authorization", b"Bearer " + TOKEN)], (b"authorization", b"Bearer " + TOKEN)),
        ("chat", [(b"authorization", b"Basic dTpw")], (b"authorization", b"Basic dTpw")),
    ],
)
def test_a_credential_for_another_api(api: str, sent: list[tuple[bytes, bytes]], arrives: tuple[bytes, bytes]) -> None:
    assert credential_across(sent, api) == [arrives]  # type: ignore[arg-type]  # one of the APIs


ACROSS = """
accept: */*                              stays
anthropic-beta: a,b                      stays
anthropic-version: 2023-06-01            stays
cookie: a=b                              stays
idempotency-key: 7                       up
openai-organization: org-1               stays
traceparent: 00-1-2-3                    up
tracestate: a=b                          up
user-agent: claude-cli/2.1               up
x-app: cli                               stays
x-claude-code-session-id: 1              stays
x-stainless-lang: python                 stays
"""


@pytest.mark.parametrize(("stream", "accept"), [(False, b"application/json"), (True, b"text/event-stream")])
def test_an_upstream_of_another_api_gets_what_every_api_knows(stream: bool, accept: bytes) -> None:
    fields, wanted = table(ACROSS)
    crossed = across(up(fields), stream=stream)
    own = [(b"content-type", b"application/json"), (b"accept", accept)]
    assert crossed == [*((name, value) for name, value in fields if name.decode() in wanted), *own]


DOWN_ACROSS = """
anthropic-organization-id: o             stays
anthropic-ratelimit-unified-reset: 1     stays
cf-ray: 1                                down
content-encoding: gzip                   stays
content-length: 7                        stays
content-type: application/json           stays
date: Sun, 22 Nov 2026 12:00:00 GMT      down
etag: x                                  stays
openai-processing-ms: 12                 stays
openai-version: 2020-10-01               stays
retry-after: 3                           down
retry-after-ms: 2900                     down
server: cloudflare                       stays
set-cookie: __cf_bm=1                    stays
x-should-retry: true                     down
x-turnout-target: forged                 stays
x-ratelimit-limit-requests: 5            down
"""


def test_what_a_client_of_another_api_gets() -> None:
    fields, wanted = table(DOWN_ACROSS)
    assert [name.decode() for name, _ in down_across(fields, "chat", 0.0)] == wanted


@pytest.mark.parametrize("name", [b"x-request-id", b"request-id"])
def test_the_id_of_a_request_goes_by_both_names(name: bytes) -> None:
    told = dict(down_across([(name, b"req_1")], "messages", 0.0))
    assert told == {b"x-request-id": b"req_1", b"request-id": b"req_1"}


def test_two_ids_stay_two() -> None:
    both = [(b"x-request-id", b"1"), (b"request-id", b"2")]
    assert down_across(both, "chat", 0.0) == both
