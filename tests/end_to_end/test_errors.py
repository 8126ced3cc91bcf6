"""Every error of Turnout's own has the status and the shape of the API that was called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, Api, digest
from tests.support.http import Line, post, send

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA, EVE, OLD = ("tk-ada-0123456789abcdef", "tk-eve-0123456789abcdef", "tk-old-0123456789abcdef")

FILE = f"""
version: 1
server: {{{{body_limit: 64KB}}}}
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}}}
  chat: {{{{kind: openai, base_url: "{{openai}}", apis: [chat]}}}}
  anthropic: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
  off: {{{{kind: openai, base_url: "{{openai}}", api_key: env:NOT_SET_ANYWHERE, optional: true}}}}
  also-off: {{{{kind: anthropic, api_key: env:NOT_SET_ANYWHERE, optional: true}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
  only-chat: chat/gpt-5.5
  nowhere-chat: off/gpt-5.5
  nowhere-responses: off/gpt-5.5
  nowhere-claude: also-off/claude-sonnet-5
  secret: openai/gpt-5.5
  denied: openai/gpt-5.5
routes:
  - {{{{name: no-way, when: {{{{model: denied}}}}, deny: {{{{status: 403, message: not approved yet}}}}}}}}
keys:
  ada: {{{{hashes: ["{digest(ADA)}"]}}}}
  eve: {{{{hashes: ["{digest(EVE)}"], models: [smart-chat, smart-claude]}}}}
  old: {{{{hashes: ["{digest(OLD)}"], expires: "2020-01-01"}}}}
"""
KEY = {"authorization": f"Bearer {ADA}"}
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


TYPES = {
    "chat": dict.fromkeys((400, 401, 403, 404, 413, 415), "invalid_request_error"),
    "responses": dict.fromkeys((400, 401, 403, 404, 413, 415), "invalid_request_error"),
    "messages": {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        415: "invalid_request_error",
    },
}
"""How each API calls an error of that status."""

HI = [{"role": "user", "content": "Hi"}]
ROBOT = [*HI, {"role": "robot", "content": "Hi"}]
NO_MODEL: dict[str, Any] = {"messages": HI, "input": HI, "max_tokens": 9}

MISTAKES: dict[str, tuple[int, Any, dict[str, str], str]] = {
    "not JSON": (400, b"{nope", KEY, "JSON"),
    "nested without end": (400, b'{"model":"smart-chat","messages":' + b"[" * 30_000, KEY, ""),
    "nested deeply": (400, b'{"model":"smart-chat","messages":%s%s}' % (b"[" * 9_000, b"]" * 9_000), KEY, ""),
    "an extra field nested deeply": (400, b'{"model":"smart-chat","x":%s%s}' % (b"[" * 9_000, b"]" * 9_000), KEY, ""),
    "not an object": (400, b"[1]", KEY, "object"),
    "empty": (400, b"", {**KEY, "content-type": "application/json"}, ""),
    "not UTF-8": (400, b'{"model":"\xff"}', KEY, ""),
    "no model": (400, NO_MODEL, KEY, "model"),
    "model is a number": (400, {**NO_MODEL, "model": 5}, KEY, "model"),
    "no conversation": (400, {"model": "smart-chat", "max_tokens": 9, "messages": None, "input": 5}, KEY, "{said}"),
    "not in a list": (400, {"model": "smart-chat", "max_tokens": 9, "messages": "Hi", "input": HI[0]}, KEY, "{said}"),
    "a role nobody knows": (400, {**NO_MODEL, "model": "x", "messages": ROBOT, "input": ROBOT}, KEY, "role"),
    "stream is a string": (400, {**NO_MODEL, "model": "smart-chat", "stream": "yes"}, KEY, "stream"),
    "no key": (401, {**NO_MODEL, "model": "smart-chat"}, {}, "key"),
    "a foreign key": (401, {**NO_MODEL, "model": "smart-chat"}, {"x-api-key": "sk-somebody-elses-key-1"}, "key"),
    "an expired key": (401, {**NO_MODEL, "model": "smart-chat"}, {"x-api-key": OLD}, "expired on 2020-01-01"),
    "a model the key may not use": (403, {**NO_MODEL, "model": "secret"}, {"x-api-key": EVE}, "secret"),
    "denied by a route": (403, {**NO_MODEL, "model": "denied"}, KEY, "not approved yet"),
    "a name nobody knows": (404, {**NO_MODEL, "model": "smart-chta"}, KEY, "smart-chat"),
    "too long": (413, {**NO_MODEL, "model": "smart-chat", "x": "y" * 70_000}, KEY, "server.body_limit"),
    "a form": (415, b"model=x", {**KEY, "content-type": "application/x-www-form-urlencoded"}, "application/json"),
    "plain text": (415, NO_MODEL, {**KEY, "content-type": "text/plain"}, "application/json"),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_a_client_gets_wrong(turnout: Turnout, upstream: Upstream, api: Api, mistake: str) -> None:
    status, body, headers, hint = MISTAKES[mistake]
    answer = post(turnout.url, api.path, body, headers)
    error = api.error(answer)
    assert (answer.status, error["type"]) == (status, TYPES[api.name][status])
    said = "input" if api is RESPONSES else "messages"
    assert hint.format(said=said).lower() in error["message"].lower()
    assert upstream.requests == []
    assert ADA not in str(answer.body)


@pytest.mark.parametrize("api", [CHAT, MESSAGES], ids=lambda api: api.name)
def test_no_messages(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    """Of the Responses API an input is not demanded: a stored prompt can stand for it."""
    answer = post(turnout.url, api.path, {"model": api.asked, "max_tokens": 9}, KEY)
    assert (answer.status, upstream.requests) == (400, [])
    assert "messages" in api.error(answer)["message"]


@BOTH
def test_suggestions_hold_only_names_the_key_may_use(turnout: Turnout, api: Api) -> None:
    answer = post(turnout.url, api.path, api.body("secrte"), {"x-api-key": EVE})
    assert answer.status == 404
    assert b"secret" not in answer.body.replace(b"secrte", b"")


@BOTH
def test_an_error_carries_an_id_that_the_log_knows(turnout: Turnout, api: Api) -> None:
    answer = post(turnout.url, api.path, api.body("unheard-of"), KEY)
    request_id = answer.header("x-turnout-request")
    assert request_id
    assert {answer.header("x-request-id"), answer.header("request-id")} == {request_id}
    if api is MESSAGES:
        assert answer.json["request_id"] == request_id


@pytest.mark.parametrize("field", ["model", "role"])
@BOTH
def test_neither_the_answer_nor_the_log_repeats_what_is_long(turnout: Turnout, api: Api, field: str) -> None:
    body = api.body("x" * 40_000) if field == "model" else api.body("secret")
    if field == "role":
        body = body | {name: [{"role": "y" * 20_000, "content": "hi"}] for name in ("messages", "input")}
    answer = post(turnout.url, api.path, body, KEY)
    assert answer.status in (400, 404)
    assert len(answer.body) < 1_000
    line = turnout.wait_for(re.compile(f"^.*{answer.header('x-turnout-request')}.*$", re.MULTILINE)).group()
    assert len(line) < 1_500


def test_openai_codes(turnout: Turnout) -> None:
    codes = {
        mistake: CHAT.error(post(turnout.url, CHAT.path, MISTAKES[mistake][1], MISTAKES[mistake][2]))["code"]
        for mistake in ("a foreign key", "a name nobody knows")
    }
    assert codes == {"a foreign key": "invalid_api_key", "a name nobody knows": "model_not_found"}


@pytest.mark.parametrize(("api", "said"), [(CHAT, "messages"), (RESPONSES, "input")], ids=["chat", "responses"])
def test_openai_param_is_the_path(turnout: Turnout, api: Api, said: str) -> None:
    body = {"model": api.asked, said: ROBOT}
    assert api.error(post(turnout.url, api.path, body, KEY))["param"] == f"{said}[1].role"


@BOTH
def test_host_that_is_not_listed(turnout: Turnout, api: Api) -> None:
    answer = post(turnout.url, api.path, api.body(), {**KEY, "host": "evil.example"})
    assert answer.status == 421
    assert "server.hosts" in api.error(answer)["message"]


@BOTH
def test_a_foreign_origin(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    answer = post(turnout.url, api.path, api.body(), {**KEY, "origin": "https://evil.example"})
    assert (answer.status, upstream.requests) == (403, [])
    api.error(answer)


@BOTH
def test_a_method_the_endpoint_does_not_have(turnout: Turnout, api: Api) -> None:
    answer = send(turnout.url, "GET", api.path, KEY)
    assert (answer.status, answer.header("allow")) == (405, "POST")
    api.error(answer)


def test_a_path_nobody_serves(turnout: Turnout) -> None:
    answer = post(turnout.url, "/v1/nothing/here", {}, KEY)
    assert answer.status == 404
    assert "/v1/nothing/here" in CHAT.error(answer)["message"]
    answer = post(turnout.url, "/v1/nothing/here", {}, {**KEY, "anthropic-version": "2023-06-01"})
    assert answer.status == 404
    MESSAGES.error(answer)


def test_headers_that_are_too_long(turnout: Turnout) -> None:
    with Line(turnout.url) as line:
        line.ask("POST", CHAT.path, {**KEY, "x-long": "y" * 200_000}, CHAT.body())
        answer = line.answer()
    assert answer.status == 431


@pytest.mark.parametrize(
    ("api", "other"), [(one, MESSAGES if one is CHAT else CHAT) for one in APIS], ids=lambda api: api.name
)
def test_a_model_of_the_other_api_is_asked_in_its_own(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, other: Api
) -> None:
    asked, spared = (openai, anthropic) if other is CHAT else (anthropic, openai)
    name = "only-chat" if other is CHAT else other.asked
    answer = post(turnout.url, api.path, api.body(name), KEY)
    assert (answer.status, answer.json["model"], spared.requests) == (200, name, [])
    assert (len(asked.requests), asked.last.target) == (1, other.path)
    assert asked.last.json["model"] == other.upstream_model


def test_what_is_not_translated_is_501_and_says_what_would_answer_it(
    turnout: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    answer = post(turnout.url, "/v1/embeddings", {"model": "smart-claude", "input": "Hi"}, KEY)
    error = CHAT.error(answer)
    assert (answer.status, error["code"], openai.requests, anthropic.requests) == (501, "unsupported_api", [], [])
    assert "no target of `smart-claude` speaks the embeddings API, which is not translated" in error["message"]
    assert "`anthropic/claude-sonnet-5` speaks messages, count_tokens" in error["message"]
    assert "an upstream of kind openai" in error["message"]
    assert answer.header("x-should-retry") == "false"


def test_what_an_upstream_cannot_count_is_estimated_and_says_so(turnout: Turnout, openai: Upstream) -> None:
    body = {"model": "only-chat", "messages": [{"role": "user", "content": "word " * 1000}]}
    answer = post(turnout.url, "/v1/messages/count_tokens", body, KEY)
    assert (answer.status, openai.requests, set(answer.json)) == (200, [], {"input_tokens"})
    assert 1000 <= answer.json["input_tokens"] <= 2000
    assert "estimate" in (answer.header("x-turnout-estimate") or "")
    assert post(turnout.url, MESSAGES.path, MESSAGES.body(), KEY).header("x-turnout-estimate") is None


@BOTH
def test_a_model_whose_upstreams_are_all_off(turnout: Turnout, api: Api) -> None:
    answer = post(turnout.url, api.path, api.body(f"nowhere-{short(api)}"), KEY)
    assert answer.status == 503
    assert "NOT_SET_ANYWHERE" in api.error(answer)["message"]


def test_a_name_cannot_forge_a_line_of_the_log(start: Start) -> None:
    text = "version: 1\nobserve: {log: {format: text}}\nupstreams: {echo: {kind: echo}}\nmodels: {a: echo/a}\n"
    server = start(text + "keys: {anonymous: {}}\n")
    post(server.url, CHAT.path, CHAT.body("x\n00:00:00.000 error forged \x1b[31m\x9b31m"))
    line = server.wait_for(re.compile("^.*forged.*$", re.MULTILINE)).group()
    assert line.count("POST /v1/chat/completions x\\x0a00:00:00.000 error forged \\x1b[31m\\x9b31m 404") == 1
    assert not any(character in server.log() for character in "\x1b\x9b")
