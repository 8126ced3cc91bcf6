"""The header fields that cross Turnout, both ways (rule T4), and those it adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, CHAT, MESSAGES, Api
from tests.support.http import post
from tests.support.passing import PASSING, of
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(PASSING.format(openai=_openai.url, anthropic=_anthropic.url))


HEADERS_THAT_PASS = {
    "accept": "text/event-stream",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
    "anthropic-version": "2023-06-01",
    "anthropic-dangerous-direct-browser-access": "true",
    "content-type": "application/json; charset=utf-8",
    "idempotency-key": "once",
    "openai-organization": "org-1",
    "session-id": "s-1",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "user-agent": "claude-cli/2.1.330 (external, cli)",
    "x-app": "cli",
    "x-claude-code-session-id": "c-1",
    "x-header-of-2027": 'novel; value="kept", 1',
    "x-stainless-retry-count": "0",
}
HEADERS_THAT_STOP = {
    "api-key": "client-secret-3",
    "authorization": "Bearer client-secret-1",
    "connection": "keep-alive, x-hop",
    "cookie": "session=1",
    "forwarded": "for=10.0.0.1",
    "keep-alive": "timeout=5",
    "proxy-authorization": "Basic client-secret-4",
    "te": "trailers",
    "x-api-key": "client-secret-2",
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-proto": "https",
    "x-hop": "named by connection",
    "x-turnout-anything": "1",
    "x-turnout-session": "s-2",
}


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_request_headers(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> None:
    sent = {**HEADERS_THAT_PASS, **HEADERS_THAT_STOP, "accept-encoding": "gzip, br, zstd"}
    assert post(turnout.url, api.path, api.body(), sent).status == 200

    seen = of(api.name, openai, anthropic).last
    assert {name: seen.header(name) for name in HEADERS_THAT_PASS} == HEADERS_THAT_PASS
    ours = CREDENTIALS["TEST_OPENAI_KEY" if api.kind == "openai" else "TEST_ANTHROPIC_KEY"]
    credential = {"authorization": f"Bearer {ours}"} if api.kind == "openai" else {"x-api-key": ours}
    assert {name: seen.header(name) for name in HEADERS_THAT_STOP if seen.header(name)} == credential
    assert seen.header("accept-encoding") == "identity"
    assert seen.header("host") == of(api.name, openai, anthropic).url.removeprefix("http://")
    assert len({name for name, _ in seen.headers}) == len(seen.headers), "a header went up twice"
    assert "client-secret" not in str(seen.headers)


def test_a_header_that_comes_twice_goes_up_twice(turnout: Turnout, anthropic: Upstream) -> None:
    betas = [("anthropic-beta", "one"), ("anthropic-beta", "two")]
    assert post(turnout.url, MESSAGES.path, MESSAGES.body(), betas).status == 200
    assert [pair for pair in anthropic.last.headers if pair[0] == "anthropic-beta"] == betas


ANSWER_HEADERS_THAT_PASS = {
    "anthropic-ratelimit-requests-remaining": "49",
    "openai-processing-ms": "12",
    "x-header-of-2027": "kept",
    "x-ratelimit-remaining-tokens": "1000",
    "request-id": "req_upstream",
    "x-request-id": "upstream-1",
}
ANSWER_HEADERS_THAT_STOP = {
    "access-control-allow-origin": "https://upstream.example",
    "alt-svc": 'h3=":443"',
    "connection": "x-hop",
    "set-cookie": "__cf_bm=1",
    "server": "cloudflare",
    "strict-transport-security": "max-age=1",
    "x-hop": "named by connection",
    "x-turnout-target": "forged",
    "x-turnout-forged": "forged",
}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_answer_headers(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool) -> None:
    reply = api.stream() if stream else api.whole()
    headers = [*ANSWER_HEADERS_THAT_PASS.items(), *ANSWER_HEADERS_THAT_STOP.items()]
    of(api.name, openai, anthropic).script(reply.with_headers(*headers))

    answer = post(turnout.url, api.path, api.body(stream=stream))

    assert {name: answer.header(name) for name in ANSWER_HEADERS_THAT_PASS} == ANSWER_HEADERS_THAT_PASS
    assert answer.header("content-type") == dict(reply.headers)["content-type"]
    values = {value for _, value in answer.headers}
    assert not values & set(ANSWER_HEADERS_THAT_STOP.values())
    assert answer.header("x-turnout-target") == f"{api.kind}/{api.upstream_model}"
    assert (answer.header("content-length") is None) == stream


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_answers_say_how_they_came_about(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool
) -> None:
    reply = api.stream() if stream else api.whole()
    of(api.name, openai, anthropic).script(reply, reply)
    first, second = (post(turnout.url, api.path, api.body(stream=stream)) for _ in range(2))
    for answer in (first, second):
        assert answer.header("x-turnout-target") == f"{api.kind}/{api.upstream_model}"
        assert answer.header("x-turnout-attempts") == "1"
        assert answer.header("x-request-id") == answer.header("request-id") == answer.header("x-turnout-request")
    assert first.header("x-turnout-request") != second.header("x-turnout-request")
    assert first.header("x-turnout-generation") == second.header("x-turnout-generation")
    assert first.header("x-turnout-generation")


@pytest.mark.parametrize("name", ["x-request-id", "request-id"])
def test_the_upstreams_own_request_id_stays(turnout: Turnout, openai: Upstream, name: str) -> None:
    openai.script(CHAT.whole().with_headers((name, "upstream-1")))
    answer = post(turnout.url, CHAT.path, CHAT.body())
    assert answer.header(name) == "upstream-1"
    assert answer.header("x-turnout-request") != "upstream-1"


def test_the_route_that_decided_is_named(turnout: Turnout, openai: Upstream) -> None:
    answer = post(turnout.url, CHAT.path, CHAT.body("by-route"))
    assert answer.header("x-turnout-route") == "rerouted"
    assert answer.header("x-turnout-target") == "openai/gpt-5.5"
    assert openai.last.json["model"] == "gpt-5.5"


QUIET = """
version: 1
server: {{answer_model: upstream}}
observe: {{headers: false}}
upstreams: {{openai: {{kind: openai, base_url: "{openai}", api_key: env:TEST_OPENAI_KEY}}}}
models: {{smart-chat: openai/gpt-5.5}}
keys: {{anonymous: {{}}}}
"""


def test_without_headers_of_ours_and_with_the_upstreams_own_names(start: Start, openai: Upstream) -> None:
    quiet = start(QUIET.format(openai=openai.url))
    openai.script(CHAT.whole(), CHAT.stream())
    whole, stream = (post(quiet.url, CHAT.path, CHAT.body(stream=one)) for one in (False, True))
    assert (whole.body, stream.body) == (CHAT.whole().body, CHAT.stream().body)
    for answer in (whole, stream, post(quiet.url, CHAT.path, b"{nope")):
        assert not [name for name, _ in answer.headers if name.startswith("x-turnout-")]
        assert answer.header("x-request-id")
