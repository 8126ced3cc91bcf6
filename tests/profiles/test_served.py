"""Clients at the front door of a real server: who they are taken for, where that leads, and what is done for them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.profiles.captured import CAPTURED, Captured, of
from tests.support.answers import DONE, data, message, message_events
from tests.support.http import Answer, get, post
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """
version: 1
upstreams:
  openai: {{kind: openai, base_url: "{openai}/v1", api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  gpt: openai/gpt-5.5
  claude: anthropic/claude-sonnet-5
  strict: {{targets: [openai/gpt-5.5], translation: strict}}
  shared: openai/gpt-5.5
routes:
  - {{name: not-zoo, when: {{client: zoo}}, deny: {{message: ask with something else}}}}
  - {{name: agents, when: {{client: [qwen-code, opencode], model: shared}}, to: claude}}
  - {{name: strangers, when: {{model: shared, header: {{x-known: "yes"}}, not: {{client: codex}}}}, deny: {{}}}}
  - {{name: files, when: {{path: "/v1/files/**", client: opencode}}, pass: openai}}
keys:
  anonymous: {{routes: [not-zoo, agents, strangers, files]}}
observe: {{log: {{format: {log}}}}}
"""
AGENTS = {
    "qwen-code": {"user-agent": "QwenCode/0.15.10 (linux; x64)"},
    "opencode": {"user-agent": "opencode/1.18.33 ai-sdk/provider-utils/4.0.23 runtime/bun/1.3.14"},
    "codex": {"user-agent": "codex_exec/0.169.0 (Debian 12.0.0; x86_64) dumb"},
    "zoo": {"user-agent": "ZooCode/3.60.0"},
    "cline": {"user-agent": "Cline/3.60.0"},
}
SOMEBODY = {"user-agent": "OpenAI/Python 3.54.0"}
HELLO = {"model": "shared", "messages": [{"role": "user", "content": "Hello"}]}


def written(openai: Upstream, anthropic: Upstream, log: str = "json") -> str:
    return FILE.format(openai=openai.url, anthropic=anthropic.url, log=log)


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic))


def ask(turnout: Turnout, headers: dict[str, str], path: str = "/v1/chat/completions", **fields: Any) -> Answer:
    return post(turnout.url, path, {**HELLO, **fields}, headers)


def replay(turnout: Turnout, request: Captured, model: str, headers: dict[str, str] | None = None) -> Answer:
    """Send a captured request for `model`, by default with its own headers."""
    sent = {name: value for name, value in request.sent.items() if name.lower() in KEPT}
    return post(turnout.url, request.path, {**request.json, "model": model}, headers if headers is not None else sent)


KEPT = {name.decode() for one in CAPTURED for name, _ in one.headers} - {
    "host",
    "connection",
    "accept-encoding",
    "authorization",
    "x-api-key",
}
"""The headers of a request that are its client's own."""


# --- routes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "route"),
    [
        (AGENTS["qwen-code"], "agents"),
        (AGENTS["opencode"], "agents"),
        (AGENTS["codex"], None),
        (SOMEBODY, None),
        ({**SOMEBODY, "x-turnout-client": "opencode"}, "agents"),
        ({**AGENTS["opencode"], "x-turnout-client": "aider"}, None),
    ],
)
def test_a_route_takes_the_clients_it_names(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, headers: dict[str, str], route: str | None
) -> None:
    answer = ask(turnout, headers)
    assert (answer.status, answer.header("x-turnout-route")) == (200, route)
    assert (len(openai.requests), len(anthropic.requests)) == ((0, 1) if route else (1, 0))


def test_a_client_can_be_refused_and_can_say_that_it_is_another(turnout: Turnout, openai: Upstream) -> None:
    refused = ask(turnout, AGENTS["zoo"])
    assert (refused.status, refused.json["error"]["message"]) == (403, "ask with something else")
    assert openai.requests == []
    assert ask(turnout, {**AGENTS["zoo"], "x-turnout-client": "codex"}).status == 200


def test_who_is_not_recognised_is_not_the_one_that_is_let_through(turnout: Turnout) -> None:
    assert ask(turnout, {**SOMEBODY, "x-known": "yes"}).status == 403
    assert ask(turnout, {**AGENTS["codex"], "x-known": "yes"}).status == 200


def test_a_passing_route_knows_clients_by_their_headers(turnout: Turnout, openai: Upstream) -> None:
    assert get(turnout.url, "/v1/files/f-1", AGENTS["opencode"]).status == 200
    assert openai.last.target == "/v1/files/f-1"
    assert get(turnout.url, "/v1/files/f-1", SOMEBODY).status == 404


def test_what_a_client_says_of_itself_to_turnout_stays_here(turnout: Turnout, openai: Upstream) -> None:
    assert ask(turnout, {**SOMEBODY, "x-turnout-client": "aider"}).status == 200
    assert openai.last.header("x-turnout-client") is None
    assert openai.last.header("user-agent") == SOMEBODY["user-agent"]


# --- the log --------------------------------------------------------------------------------------------------------

LOGGED = [one for one in CAPTURED if one.path in ("/v1/chat/completions", "/v1/messages", "/v1/completions")]


@pytest.mark.parametrize("request_", [pytest.param(one, id=one.name) for one in LOGGED if one.form is None])
def test_the_log_names_the_client_of_every_captured_request(turnout: Turnout, request_: Captured) -> None:
    answer = replay(turnout, request_, "gpt")
    assert answer.status == (403 if request_.client == "zoo" else 200), answer.body
    line = rf'^\{{.*"request":"{answer.header("x-turnout-request")}".*\}}$'
    told = json.loads(turnout.wait_for(re.compile(line, re.MULTILINE)).group())
    assert (told["client"], told["path"]) == (request_.client, request_.path)


def test_a_line_for_people_names_it_too(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    server = start(written(openai, anthropic, log="text"))
    for headers, told in ((AGENTS["codex"], ["codex"]), (SOMEBODY, [])):
        answer = ask(server, headers)
        line = server.wait_for(re.compile(rf"POST .*{answer.header('x-turnout-request')}.*")).group()
        assert re.findall(r" client=(\S+)", line) == told


def test_the_start_warns_of_a_route_that_guards_nothing(turnout: Turnout) -> None:
    warned = re.findall(r"client-is-a-claim\]?: route `([a-z-]+)`", turnout.log())
    assert warned == ["not-zoo", "strangers"]


# --- quirks ---------------------------------------------------------------------------------------------------------


def test_claude_code_can_be_translated_strictly(turnout: Turnout, openai: Upstream) -> None:
    answer = replay(turnout, of("claude-code/01"), "strict")
    assert (answer.status, answer.header("x-turnout-loss")) == (200, None)
    assert "context_management" not in openai.last.json
    alike = replay(turnout, of("claude-code/01"), "strict", SOMEBODY)
    assert (alike.status, len(openai.requests)) == (400, 1)
    assert "`context_management`" in alike.json["error"]["message"]


def test_what_else_is_lost_is_still_told(turnout: Turnout) -> None:
    request = of("claude-code/01")
    body = {**request.json, "model": "gpt", "top_k": 5}
    headers = {name: value for name, value in request.sent.items() if name.lower() in KEPT}
    lost = post(turnout.url, request.path, body, headers).header("x-turnout-loss")
    assert lost is not None
    assert lost.startswith("top_k=")


@pytest.mark.parametrize(
    ("headers", "fields"),
    [(AGENTS["cline"], {"reasoning_content"}), (SOMEBODY, {"reasoning_content", "reasoning"})],
)
@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_is_where_the_client_reads_it(
    turnout: Turnout, anthropic: Upstream, headers: dict[str, str], fields: set[str], stream: bool
) -> None:
    shown: Any = "summarized"
    anthropic.script(as_stream(message_events(thinks=shown)) if stream else as_json(message(thinks=shown)))
    answer = ask(turnout, headers, model="claude", stream=stream, reasoning_effort="low")
    if stream:
        said = [json.loads(line[6:]) for line in answer.body.decode().split("\n\n") if line.startswith("data: {")]
        deltas = [choice["delta"] for chunk in said for choice in chunk["choices"]]
    else:
        deltas = [answer.json["choices"][0]["message"]]
    assert {name for delta in deltas for name in delta if name in ("reasoning", "reasoning_content")} == fields


def test_the_session_of_a_client_is_the_cache_key_upstream(turnout: Turnout, openai: Upstream) -> None:
    request = of("opencode/messages")
    assert replay(turnout, request, "gpt").status == 200
    assert openai.last.json["prompt_cache_key"] == "SESSION"
    assert replay(turnout, request, "gpt", SOMEBODY).status == 200
    assert "prompt_cache_key" not in openai.last.json


UNFINISHED = [
    data({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-5.5", "choices": [choice]})
    for choice in (
        {"index": 0, "text": "return a", "logprobs": None, "finish_reason": None},
        {"index": 0, "text": " + b", "logprobs": None, "finish_reason": None},
    )
]


def test_tabby_is_told_a_finish_before_the_end(turnout: Turnout, openai: Upstream) -> None:
    openai.script(as_stream([*UNFINISHED, DONE]))
    answer = replay(turnout, of("tabby/completion"), "gpt")
    *said, last, done, nothing = answer.body.split(b"\n\n")
    assert [json.loads(one[6:])["choices"][0]["text"] for one in said] == ["return a", " + b"]
    assert json.loads(last[6:]) == {
        **json.loads(said[-1][6:]),
        "choices": [{"index": 0, "text": "", "finish_reason": "stop", "logprobs": None}],
    }
    assert (done, nothing) == (b"data: [DONE]", b"")


@pytest.mark.odd_stream("an upstream that never says why it stopped")
def test_others_get_the_very_bytes(turnout: Turnout, openai: Upstream) -> None:
    openai.script(as_stream([*UNFINISHED, DONE]))
    answer = replay(turnout, of("tabby/completion"), "gpt", SOMEBODY)
    assert answer.body == b"".join([*UNFINISHED, DONE]).replace(b'"gpt-5.5"', b'"gpt"')
