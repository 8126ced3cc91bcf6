"""`auth: forward`: a client's own credential goes to that one upstream, and nowhere else (rule K4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, MESSAGES, OVERLOADED, RESPONSES, Api, digest
from tests.support.http import get, post
from tests.support.script import CUT, as_json, as_stream
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA = "tk-ada-0123456789abcdef"
OLD, SHUT = "tk-old-0123456789abcdef", "tk-shut-0123456789abcdef"
THEIRS, ALSO_THEIRS = "sk-ant-oat-client-own-1234", "sk-ant-api-client-own-5678"
FILE = f"""
version: 1
upstreams:
  theirs: {{{{kind: anthropic, base_url: "{{theirs}}", auth: forward}}}}
  ours: {{{{kind: anthropic, base_url: "{{ours}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  own: theirs/claude-sonnet-5
  mixed: {{{{targets: [theirs/claude-sonnet-5], fallback: [ours/claude-haiku-4-5], allow_mixed_auth: true}}}}
  reversed: {{{{targets: [ours/claude-haiku-4-5], fallback: [theirs/claude-sonnet-5], allow_mixed_auth: true}}}}
  carried: {{{{targets: [theirs/claude-sonnet-5, ours/claude-haiku-4-5], on_break: continue, allow_mixed_auth: true}}}}
  plain: ours/claude-sonnet-5
routes:
  - {{{{name: files, when: {{{{path: "/v1/files/*"}}}}, pass: theirs}}}}
keys:
  ada: {{{{hashes: ["{digest(ADA)}"], routes: [files]}}}}
  old: {{{{hashes: ["{digest(OLD)}"], expires: 2020-01-01}}}}
  shut: {{{{hashes: ["{digest(SHUT)}"], enabled: false}}}}
  anonymous: {{{{any_key: true, routes: [files]}}}}
"""
BEARER, X_API_KEY = {"authorization": f"Bearer {THEIRS}"}, {"x-api-key": ALSO_THEIRS}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(theirs=_openai.url, ours=_anthropic.url))


@pytest.fixture
def theirs(openai: Upstream) -> Upstream:
    return openai


@pytest.fixture
def ours(anthropic: Upstream) -> Upstream:
    return anthropic


FORWARDED = {
    "bearer": (BEARER, BEARER),
    "x-api-key": (X_API_KEY, X_API_KEY),
    "both": ({**BEARER, **X_API_KEY}, {**BEARER, **X_API_KEY}),
    "with a Turnout key beside it": ({**BEARER, "x-turnout-key": ADA}, BEARER),
    "with a Turnout key in the other header": ({**BEARER, "x-api-key": ADA}, BEARER),
}


@pytest.mark.parametrize("sent", FORWARDED)
def test_the_clients_credential_reaches_the_upstream(turnout: Turnout, theirs: Upstream, sent: str) -> None:
    headers, arrived = FORWARDED[sent]
    assert post(turnout.url, "/v1/messages", MESSAGES.body("own"), headers).status == 200
    names = ("authorization", "x-api-key", "api-key", "x-turnout-key")
    assert {name: theirs.last.header(name) for name in names if theirs.last.header(name)} == arrived
    assert ADA not in str(theirs.last.headers)


NOTHING_TO_FORWARD = {
    "no credential": {},
    "a Turnout key as bearer": {"authorization": f"Bearer {ADA}"},
    "a Turnout key as x-api-key": {"x-api-key": ADA},
    "a Turnout key of its own": {"x-turnout-key": ADA},
    "a key that has expired, beside one that is good": {"x-api-key": ADA, "authorization": f"Bearer {OLD}"},
    "a key that is shut, beside one that is good": {"x-turnout-key": ADA, "x-api-key": SHUT},
    "a Turnout key twice": {"x-api-key": ADA, "authorization": f"Bearer {ADA}"},
}


@pytest.mark.parametrize("sent", NOTHING_TO_FORWARD)
def test_without_a_credential_to_forward_it_is_401(turnout: Turnout, theirs: Upstream, sent: str) -> None:
    answer = post(turnout.url, "/v1/messages", MESSAGES.body("own"), NOTHING_TO_FORWARD[sent])
    assert (answer.status, theirs.requests) == (401, [])
    assert MESSAGES.error(answer)["type"] == "authentication_error"


def test_it_never_reaches_another_target_of_the_same_request(
    turnout: Turnout, theirs: Upstream, ours: Upstream
) -> None:
    theirs.script(as_json(OVERLOADED, 529))
    answer = post(turnout.url, "/v1/messages", MESSAGES.body("mixed"), {**BEARER, **X_API_KEY})
    assert (answer.status, answer.header("x-turnout-target")) == (200, "ours/claude-haiku-4-5")
    assert THEIRS in str(theirs.last.headers)
    assert THEIRS not in str(ours.last.headers)
    assert ALSO_THEIRS not in str(ours.last.headers)
    assert CREDENTIALS["TEST_ANTHROPIC_KEY"] in str(ours.last.headers)
    assert CREDENTIALS["TEST_ANTHROPIC_KEY"] not in str(theirs.last.headers)


def test_nor_the_other_way_round(turnout: Turnout, theirs: Upstream, ours: Upstream) -> None:
    ours.script(as_json(OVERLOADED, 529))
    answer = post(turnout.url, "/v1/messages", MESSAGES.body("reversed"), BEARER)
    assert (answer.status, answer.header("x-turnout-target")) == (200, "theirs/claude-sonnet-5")
    assert CREDENTIALS["TEST_ANTHROPIC_KEY"] not in str(theirs.last.headers)
    assert THEIRS not in str(ours.last.headers)


def test_nor_who_carries_its_stream_on(turnout: Turnout, theirs: Upstream, ours: Upstream) -> None:
    theirs.script(as_stream([*MESSAGES.begun("Hello"), CUT]))
    ours.script(MESSAGES.stream(" there"))
    answer = post(turnout.url, "/v1/messages", MESSAGES.body("carried", stream=True), {**BEARER, **X_API_KEY})
    assert (answer.status, MESSAGES.text(answer.body)) == (200, "Hello there")
    assert len(ours.requests) == 1
    assert THEIRS not in str(ours.last.headers)
    assert ALSO_THEIRS not in str(ours.last.headers)


@pytest.mark.parametrize("api", [CHAT, RESPONSES], ids=lambda api: api.name)
def test_clients_of_other_apis_forward_theirs_too(turnout: Turnout, theirs: Upstream, api: Api) -> None:
    assert post(turnout.url, api.path, api.body("own"), BEARER).status == 200
    assert theirs.last.header("authorization") == BEARER["authorization"]
    assert post(turnout.url, api.path, api.body("own"), {"authorization": f"Bearer {ADA}"}).status == 401


def test_tokens_are_counted_with_it(turnout: Turnout, theirs: Upstream, ours: Upstream) -> None:
    theirs.script(as_json({"input_tokens": 7}))
    answer = post(turnout.url, "/v1/messages/count_tokens", MESSAGES.body("own"), BEARER)
    assert (answer.status, answer.json) == (200, {"input_tokens": 7})
    assert theirs.last.header("authorization") == BEARER["authorization"]
    assert ours.requests == []


def test_an_ordinary_upstream_gets_none_of_it(turnout: Turnout, ours: Upstream) -> None:
    assert post(turnout.url, "/v1/messages", MESSAGES.body("plain"), {**BEARER, **X_API_KEY}).status == 200
    assert THEIRS not in str(ours.last.headers)
    assert ALSO_THEIRS not in str(ours.last.headers)


def test_an_upstream_that_refuses_it_says_so_to_its_owner(turnout: Turnout, theirs: Upstream) -> None:
    """Here 401 is true: the credential is the client's own, so it must learn of it in the upstream's words."""
    refusal = b'{"type":"error","error":{"type":"authentication_error","message":"OAuth token has expired"}}'
    theirs.script(as_json(refusal, 401))
    answer = post(turnout.url, "/v1/messages", MESSAGES.body("own"), BEARER)
    assert (answer.status, answer.body) == (401, refusal)


@pytest.mark.parametrize("sent", FORWARDED)
def test_a_pass_route_forwards_the_same(turnout: Turnout, theirs: Upstream, sent: str) -> None:
    headers, arrived = FORWARDED[sent]
    assert get(turnout.url, "/v1/files/1", headers).status == 200
    names = ("authorization", "x-api-key", "api-key", "x-turnout-key")
    assert {name: theirs.last.header(name) for name in names if theirs.last.header(name)} == arrived


@pytest.mark.parametrize("sent", NOTHING_TO_FORWARD)
def test_a_pass_route_without_a_credential_to_forward_is_401(turnout: Turnout, theirs: Upstream, sent: str) -> None:
    answer = get(turnout.url, "/v1/files/1", NOTHING_TO_FORWARD[sent])
    assert (answer.status, theirs.requests) == (401, [])


def test_it_is_never_logged(turnout: Turnout) -> None:
    post(turnout.url, "/v1/messages", MESSAGES.body("own"), {**BEARER, **X_API_KEY})
    assert THEIRS not in turnout.log()
    assert ALSO_THEIRS not in turnout.log()
    assert ADA not in turnout.log()
