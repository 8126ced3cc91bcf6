"""What an upstream does wrong: its own words pass, what may work elsewhere is tried, and else the client learns why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, CHAT, Api
from tests.support.http import post
from tests.support.script import CUT, RESET, Reply, as_json
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """
version: 1
upstreams:
  openai: {{kind: openai, circuit: off, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
  again-chat: {{targets: [openai/gpt-5.5], retries: 1}}
  again-claude: {{targets: [anthropic/claude-sonnet-5], retries: 1}}
  again-responses: {{targets: [openai/gpt-5.5], retries: 1}}
  spare-chat: {{targets: [openai/gpt-5.5], fallback: [openai/gpt-5.5-mini]}}
  spare-responses: {{targets: [openai/gpt-5.5], fallback: [openai/gpt-5.5-mini]}}
  spare-claude: {{targets: [anthropic/claude-sonnet-5], fallback: [anthropic/claude-haiku-4-5]}}
keys: {{anonymous: {{}}}}
"""
BOTH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.fixture
def upstream(api: Api, openai: Upstream, anthropic: Upstream) -> Upstream:
    return openai if api.kind == "openai" else anthropic


def short(api: Api) -> str:
    """Return how the names of models that are served in an API end."""
    return api.asked.removeprefix("smart-")


UNFIT = {"chat": (502, "server_error"), "messages": (500, "api_error"), "responses": (502, "server_error")}
"""The status and the type of an upstream that failed: 502 is none that clients of the Messages API know."""
OWN_WORDS = b'{"error" : {"message":"role \'system\' is not supported on this model","type":"x" , "n":1.10}}'


@BOTH
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_a_refusal_passes_byte_for_byte(
    turnout: Turnout, upstream: Upstream, api: Api, stream: bool, status: int
) -> None:
    """Clients recover by the wording: Claude Code repairs a request after reading it."""
    upstream.script(as_json(OWN_WORDS, status, ("x-should-retry", "false")))
    answer = post(turnout.url, api.path, api.body(stream=stream))
    assert (answer.status, answer.body) == (status, OWN_WORDS)
    assert answer.header("content-type") == "application/json"
    assert answer.header("x-turnout-attempts") == "1"
    assert len(upstream.requests) == 1


@BOTH
def test_a_rate_limit_passes_with_its_headers(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    body = b'{"error":{"type":"rate_limit_error","message":"slow down"}}'
    upstream.script(as_json(body, 429, ("retry-after", "17"), ("x-ratelimit-remaining-requests", "0")))
    answer = post(turnout.url, api.path, api.body())
    assert (answer.status, answer.body) == (429, body)
    assert answer.header("retry-after") == "17"
    assert answer.header("x-ratelimit-remaining-requests") == "0"


@BOTH
@pytest.mark.parametrize(("status", "tries"), [(500, 2), (503, 2), (529, 2), (429, 2), (400, 1)])
def test_after_tries_of_our_own_the_client_is_told_not_to_try_again(
    turnout: Turnout, upstream: Upstream, api: Api, status: int, tries: int
) -> None:
    failing = as_json({"type": "error", "error": {"type": "some_error", "message": "no"}}, status)
    upstream.answer = lambda _: failing
    answer = post(turnout.url, api.path, api.body(f"again-{short(api)}"))
    assert (answer.status, len(upstream.requests)) == (status, tries)
    assert answer.header("x-turnout-attempts") == str(tries)
    assert answer.header("x-should-retry") == ("false" if tries > 1 else None)


@BOTH
@pytest.mark.parametrize(
    ("status", "error", "falls_back"),
    [
        (429, {"type": "rate_limit_error", "message": "slow down"}, True),
        (429, {"type": "insufficient_quota", "code": "insufficient_quota", "message": "no money"}, True),
        (402, {"type": "billing_error", "message": "no money"}, True),
        (500, {"type": "api_error", "message": "oops"}, True),
        (503, {"type": "api_error", "message": "oops"}, True),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, True),
        (401, {"type": "authentication_error", "message": "bad key"}, True),
        (403, {"type": "permission_error", "message": "bad key"}, True),
        (400, {"type": "invalid_request_error", "message": "bad"}, False),
        (404, {"type": "not_found_error", "message": "no such model"}, False),
        (400, {"type": "invalid_request_error", "code": "context_length_exceeded", "message": "too long"}, False),
    ],
)  # fmt: skip
def test_what_is_tried_elsewhere(
    turnout: Turnout, upstream: Upstream, api: Api, status: int, error: dict[str, str], falls_back: bool
) -> None:
    upstream.script(as_json({"type": "error", "error": error}, status))
    answer = post(turnout.url, api.path, api.body(f"spare-{short(api)}"))
    assert (answer.status, len(upstream.requests)) == ((200, 2) if falls_back else (status, 1))
    if falls_back:
        assert upstream.last.json["model"] in ("gpt-5.5-mini", "claude-haiku-4-5")
        assert answer.json["model"].startswith("spare-")
        assert answer.header("x-turnout-attempts") == "2"


JSON = ("content-type", "application/json")
BROKEN = {
    "cut": Reply(parts=(CUT,), raw=True),
    "reset": Reply(parts=(RESET,), raw=True),
    "garbage": Reply(parts=(b"SSH-2.0-OpenSSH_9.9\r\n\r\n",), raw=True),
    "half a head": Reply(parts=(b"HTTP/1.1 200 OK\r\ncontent-", CUT), raw=True),
    "half a body": Reply(headers=(("content-length", "500"), JSON), parts=(b'{"id":', CUT)),
    "half a chunked body": Reply(headers=(JSON,), parts=(b'{"id":', CUT), framing="chunked"),
    "not JSON": as_json(b"<html>It works!</html>"),
}


@BOTH
@pytest.mark.parametrize("how", BROKEN)
def test_an_answer_that_is_none_is_tried_elsewhere_and_else_the_upstreams_fault(
    turnout: Turnout, upstream: Upstream, api: Api, how: str
) -> None:
    spare = f"spare-{short(api)}"
    upstream.script(BROKEN[how])
    assert post(turnout.url, api.path, api.body(spare)).status == 200
    upstream.answer = lambda _: BROKEN[how]
    answer = post(turnout.url, api.path, api.body(spare))
    error = api.error(answer)
    assert (answer.status, error["type"]) == UNFIT[api.name]
    assert answer.header("x-should-retry") == "false"


@BOTH
@pytest.mark.parametrize("status", [401, 403])
def test_a_credential_of_ours_that_fails_is_not_the_clients_fault(
    turnout: Turnout, upstream: Upstream, api: Api, status: int
) -> None:
    """A client that read 401 would throw its own good key away."""
    ours = CREDENTIALS["TEST_OPENAI_KEY" if api.kind == "openai" else "TEST_ANTHROPIC_KEY"]
    upstream.script(
        as_json({"type": "error", "error": {"type": "authentication_error", "message": f"bad {ours}"}}, status)
    )
    answer = post(turnout.url, api.path, api.body())
    assert (answer.status, answer.header("x-should-retry")) == (UNFIT[api.name][0], "false")
    assert api.kind in api.error(answer)["message"]
    assert ours not in str(answer.body)
    assert ours not in turnout.log()


def test_an_upstream_nobody_listens_at(start: Start) -> None:
    text = """
version: 1
upstreams: {gone: {kind: openai, base_url: "http://127.0.0.1:9/v1", api_key: env:TEST_OPENAI_KEY}}
defaults: {model: {retries: 0}}
models: {smart-chat: gone/m}
keys: {anonymous: {}}
"""
    answer = post(start(text).url, CHAT.path, CHAT.body())
    assert answer.status == 502
    assert "gone" in CHAT.error(answer)["message"]
