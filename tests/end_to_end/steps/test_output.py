"""`output`: answers satisfy a schema of the file, are held until they do, and asked for again where they do not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from tests.support.answers import chat
from tests.support.apis import APIS, CHAT, MESSAGES, Api, digest
from tests.support.http import Answer, get, post
from tests.support.loop import Call
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA = "tk-ada-0123456789abcdef"
FILE = """
version: 1
upstreams:
  openai: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
prices: {{"*": {{input: 1, output: 1}}}}
limits: {{many: {{requests: 100 per 1m, tokens: 1000000 per 1m, concurrency: 4, by: [key]}}}}
models:
  gpt: {{targets: [openai/gpt-5.5], output: "{folder}/sum.json"}}
  deep: {{targets: [openai/gpt-5.5], output: {{schema: {{type: array, items: {{$ref: "#"}}}}, retries: 1}}}}
  claude: {{targets: [anthropic/claude-sonnet-5], output: {{schema: "{folder}/sum.json", retries: 1}}}}
keys:
  ada: {{hashes: ["{ada}"], limits: [many]}}
"""
SCHEMA = {
    "type": "object",
    "properties": {"sum": {"type": "integer", "minimum": 0}},
    "required": ["sum"],
    "additionalProperties": False,
}
GOOD, BAD, PROSE = '{"sum": 3}', '{"sum": -1}', "It is three."
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
API = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
MODEL = pytest.mark.parametrize("model", ["gpt", "claude"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    (folder / "sum.json").write_text(json.dumps(SCHEMA))
    return folder


@pytest.fixture(scope="module")
def turnout(start: Start, folder: Path, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url, folder=folder, ada=digest(ADA)))


def upstream_api(api: Api, model: str) -> Api:
    """Return the API in which the upstream of `model` is asked by a client of `api`."""
    if model == "claude":
        return MESSAGES
    return CHAT if api is MESSAGES else api


def script(upstream: Upstream, spoken: Api, *texts: str, stream: bool = False) -> None:
    for text in texts:
        upstream.script(as_stream(spoken.events(text)) if stream else as_json(spoken.answer(text)))


def ask(turnout: Turnout, api: Api, model: str, *, stream: bool = False, **fields: Any) -> Answer:
    return post(turnout.url, api.path, {**api.body(model, stream=stream), **fields}, {"x-api-key": ADA})


@API
@MODEL
@STREAM
def test_one_that_is_good_goes_out_as_it_came(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, model: str, stream: bool
) -> None:
    upstream = anthropic if model == "claude" else openai
    script(upstream, upstream_api(api, model), GOOD, stream=stream)
    answer = ask(turnout, api, model, stream=stream)
    assert (answer.status, answer.whole) == (200, True)
    assert (api.text(answer.body) if stream else api.said(answer.json)) == GOOD
    assert "sum" in json.dumps(upstream.last.json), "the schema is asked for natively, or told"


@API
@MODEL
@STREAM
def test_one_that_is_not_is_asked_for_again(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, model: str, stream: bool
) -> None:
    """The client sees only the good one; what was wrong is told to the model."""
    upstream = anthropic if model == "claude" else openai
    script(upstream, upstream_api(api, model), BAD, GOOD, stream=stream)
    answer = ask(turnout, api, model, stream=stream)
    assert answer.status == 200
    assert (api.text(answer.body) if stream else api.said(answer.json)) == GOOD
    assert BAD.encode() not in answer.body
    first, second = upstream.requests
    told = json.dumps(second.json)
    assert "$.sum: -1 is less than the minimum of 0" in told
    assert json.dumps(BAD)[1:-1] in told
    assert len(told) > len(json.dumps(first.json))


@STREAM
def test_after_enough_tries_it_is_an_error(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, stream: bool
) -> None:
    script(anthropic, MESSAGES, PROSE, BAD, stream=stream)
    answer = ask(turnout, MESSAGES, "claude", stream=stream)
    assert answer.status == 500, "the Messages API has no 502"
    error = MESSAGES.error(answer)
    assert "no answer satisfied `output`" in error["message"]
    assert "in 2 tries; the last one: $.sum: -1 is less than" in error["message"]
    assert answer.header("x-should-retry") == "false"
    assert len(anthropic.requests) == 2


@API
@STREAM
def test_an_upstream_that_takes_no_schema_is_told_it(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool
) -> None:
    """It refuses the request once; what it answers then is held against the schema as ever."""
    spoken = upstream_api(api, "gpt")
    openai.script(as_json({"error": {"message": "no json_schema here", "type": "invalid_request_error"}}, 400))
    script(openai, spoken, PROSE, GOOD, stream=stream)
    answer = ask(turnout, api, "gpt", stream=stream)
    assert answer.status == 200
    assert (api.text(answer.body) if stream else api.said(answer.json)) == GOOD
    told = openai.requests[1].json
    assert "satisfies this JSON Schema" in json.dumps(told)
    assert not {"response_format", "output_config"} & told.keys()
    assert "format" not in (told.get("text") or {})


def test_one_that_refuses_anything_is_heard(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    for _ in range(2):
        openai.script(as_json({"error": {"message": "no", "type": "invalid_request_error"}}, 400))
    assert ask(turnout, CHAT, "gpt").status == 400
    assert len(openai.requests) == 2


def test_one_that_is_nested_too_deeply_to_be_looked_at_is_none(
    turnout: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    script(openai, CHAT, "[" * 500 + "]" * 500, "[[]]")
    answer = ask(turnout, CHAT, "deep")
    assert (answer.status, CHAT.said(answer.json)) == (200, "[[]]")
    assert "nested too deeply" in json.dumps(openai.last.json)


def test_a_call_of_a_tool_is_no_answer_yet(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.script(as_json(chat(calls=[Call("read_file", {"path": "a"}, "1")])))
    tools = [{"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}}]
    answer = ask(turnout, CHAT, "gpt", tools=tools)
    assert answer.json["choices"][0]["finish_reason"] == "tool_calls"
    assert len(openai.requests) == 1


def test_an_error_of_the_upstream_is_told_as_ever(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.script(as_json({"error": {"message": "slow down", "type": "x", "code": "rate_limit_exceeded"}}, 429))
    answer = ask(turnout, CHAT, "gpt", stream=True)
    assert answer.status == 429


def test_all_tries_are_counted_and_told(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    since = len(turnout.log())
    script(openai, CHAT, BAD, PROSE, GOOD)
    answer = ask(turnout, CHAT, "gpt")
    assert answer.header("x-turnout-attempts") == "3"
    ident = str(answer.header("x-turnout-request"))
    told = json.loads(turnout.wait_for(re.compile(f'.*"kind":"request".*{ident}.*'), since=since).group())
    used = [CHAT.answer(text)["usage"]["completion_tokens"] for text in (BAD, PROSE, GOOD)]
    assert told["usage"]["output"] == sum(used)
    assert answer.json["usage"]["completion_tokens"] == sum(used)
    assert told["cost"] > 0
    assert len(told["attempts"]) == 3


def test_over_websocket(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    script(anthropic, MESSAGES, BAD, GOOD, stream=True)
    url = turnout.url.replace("http", "ws", 1)
    with connect(f"{url}{MESSAGES.path}", additional_headers={"x-api-key": ADA}) as connection:
        connection.send(json.dumps(MESSAGES.body("claude", stream=True)))
        frames = []
        while not frames or frames[-1]["type"] != "done":
            frames.append(json.loads(connection.recv(timeout=20)))
    said = "".join(frame["delta"].get("text", "") for frame in frames if frame["type"] == "content_block_delta")
    assert said == GOOD


def test_leases_go_back(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    for _ in range(6):
        script(openai, CHAT, BAD, GOOD)
        assert ask(turnout, CHAT, "gpt").status == 200
    assert get(turnout.url, "/status").json["store"]["leases"] == 0


def test_an_edit_of_the_schema_is_an_edit_of_the_file(
    turnout: Turnout, folder: Path, openai: Upstream, anthropic: Upstream
) -> None:
    file = folder / "sum.json"
    turnout.taken(lambda: file.write_text(json.dumps({"type": "string"})))
    script(openai, CHAT, '"three"')
    assert CHAT.said(ask(turnout, CHAT, "gpt").json) == '"three"'
    told = turnout.taken(lambda: file.write_text('{"type": '), "(?s)was changed but not taken.*")
    assert "bad-schema" in told
    turnout.taken(lambda: file.write_text(json.dumps(SCHEMA)))


@STREAM
def test_a_completion_has_no_form_and_is_not_held(turnout: Turnout, openai: Upstream, stream: bool) -> None:
    body = {"model": "gpt", "prompt": "One and two is", "stream": stream}
    answer = post(turnout.url, "/v1/completions", body, {"x-api-key": ADA})
    assert (answer.status, len(openai.requests)) == (200, 1)
    assert "response_format" not in openai.last.json
    assert b"Hello" in answer.body
