"""`tools`: what Turnout offers a model and runs itself, round for round, whatever API anybody speaks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from tests.end_to_end.steps.tools.conftest import ADA
from tests.support.answers import chat, chat_events, message, message_events
from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import Answer, get, post
from tests.support.items import response, response_events
from tests.support.loop import Call
from tests.support.script import CUT, Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
API = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
MODEL = pytest.mark.parametrize("model", ["gpt", "claude"])


def spoken(api: Api, model: str) -> Api:
    """Return the API in which the upstream of `model` is asked by a client of `api`."""
    if "claude" in model:
        return MESSAGES
    return CHAT if api is MESSAGES else api


def calls(api: Api, *made: Call, stream: bool = False) -> Reply:
    """Return an answer of `api` that makes calls."""
    if api is CHAT:
        return as_stream(chat_events(calls=made, usage=True)) if stream else as_json(chat(calls=made))
    if api is MESSAGES:
        return as_stream(message_events(calls=made)) if stream else as_json(message(calls=made))
    return as_stream(response_events(calls=made)) if stream else as_json(response(calls=made))


def says(api: Api, text: str, *, stream: bool = False) -> Reply:
    return as_stream(api.events(text)) if stream else as_json(api.answer(text))


def ask(turnout: Turnout, api: Api, model: str, *, stream: bool = False, **fields: Any) -> Answer:
    return post(turnout.url, api.path, {**api.body(model, stream=stream), **fields}, {"x-api-key": ADA})


def text_of(api: Api, answer: Answer, *, stream: bool) -> str:
    return api.text(answer.body) if stream else api.said(answer.json)


def results(upstream: Upstream, place: int = -1) -> str:
    """Return what the last request tells of results, as text."""
    sent = upstream.requests[place].json
    turns = sent.get("messages") or sent["input"]
    return json.dumps(turns)


def test_what_is_offered_stands_beside_the_clients_own(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    anthropic.script(says(MESSAGES, "Hi"))
    own = {"name": "add", "description": "the client's", "input_schema": {"type": "object"}}
    ask(turnout, MESSAGES, "claude", tools=[own])
    told = {tool["name"]: tool for tool in anthropic.last.json["tools"]}
    assert told["add"]["description"] == "the client's"
    assert told["add_2"]["input_schema"]["properties"] == {"a": {"type": "integer"}, "b": {"type": "integer"}}
    assert {"echo", "pid", "far_echo", "far_fail", "shout"} <= told.keys()
    assert "far_pid" not in told, "`only` picks"


@API
@MODEL
@STREAM
def test_a_call_is_run_and_the_client_sees_nothing_of_it(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, model: str, stream: bool
) -> None:
    upstream, its = (anthropic if model == "claude" else openai), spoken(api, model)
    upstream.script(
        calls(its, Call("add", {"a": 2, "b": 40}, "1"), stream=stream),
        calls(its, Call("echo", {"text": "hey"}, "2"), Call("far_echo", {"text": "ho"}, "3"), stream=stream),
        says(its, "done", stream=stream),
    )
    answer = ask(turnout, api, model, stream=stream)
    assert (answer.status, answer.whole) == (200, True)
    assert text_of(api, answer, stream=stream) == "done"
    for word in (b'"add"', b"far_echo", b"again:", b'"tool_calls"', b'"tool_use"', b'"function_call"'):
        assert word not in answer.body
    first, second, third = (json.dumps(one.json) for one in upstream.requests)
    assert "42" not in first
    assert '"42"' in second
    assert "again: hey" in third
    assert "again: ho" in third
    assert answer.header("x-turnout-attempts") == "3"


@API
@STREAM
def test_a_call_of_the_clients_tool_ends_the_rounds(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool
) -> None:
    its = spoken(api, "gpt")
    openai.script(
        calls(its, Call("add", {"a": 1, "b": 1}, "1"), stream=stream),
        calls(its, Call("read_file", {"path": "x"}, "2"), stream=stream),
    )
    function = {"name": "read_file", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}
    tool = {
        CHAT: {"type": "function", "function": function},
        RESPONSES: {"type": "function", **function, "strict": False},
        MESSAGES: {"name": "read_file", "input_schema": function["parameters"]},
    }[api]
    answer = ask(turnout, api, "gpt", stream=stream, tools=[tool])
    assert answer.status == 200
    assert b"read_file" in answer.body
    assert b'"add"' not in answer.body.replace(json.dumps(tool).encode(), b"")
    assert len(openai.requests) == 2


def test_ours_are_run_first_where_a_model_calls_both(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.script(
        calls(CHAT, Call("add", {"a": 1, "b": 1}, "1"), Call("read_file", {"path": "x"}, "2")), says(CHAT, "ok")
    )
    tools = [{"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}}]
    answer = ask(turnout, CHAT, "gpt", tools=tools)
    assert CHAT.said(answer.json) == "ok"
    _, _, one, two = openai.last.json["messages"]
    assert one["content"] == "2"
    assert "Call it again, by itself" in two["content"]


@API
@STREAM
def test_a_model_that_never_stops_calling_is_stopped(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool
) -> None:
    its = spoken(api, "gpt")
    openai.script(*(calls(its, Call("add", {"a": 1, "b": n}, str(n)), stream=stream) for n in range(9)))
    answer = ask(turnout, api, "gpt", stream=stream)
    assert answer.status >= 500
    assert "the model still called tools after 3 rounds" in api.error(answer)["message"]
    assert answer.header("x-should-retry") == "false"
    assert len(openai.requests) == 4


@API
def test_a_stream_that_is_open_already_ends_in_an_error(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    its, made = spoken(api, "patient"), Call("sleep", {"seconds": 1.5}, "1")
    openai.script(*(calls(its, made, stream=True) for _ in range(2)))
    answer = ask(turnout, api, "patient", stream=True)
    assert (answer.status, answer.whole) == (200, True)
    assert api.keepalives(answer.body) > 0
    assert b"the model still called tools after 1 rounds" in answer.body
    assert b"sleep" not in answer.body


@API
def test_a_stream_that_was_open_already_goes_on_with_the_answer(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    its, made = spoken(api, "patient"), Call("sleep", {"seconds": 1.4}, "1")
    openai.script(calls(its, made, stream=True), says(its, "rested", stream=True))
    answer = ask(turnout, api, "patient", stream=True)
    assert (answer.status, answer.whole) == (200, True)
    assert api.keepalives(answer.body) > 0
    assert api.text(answer.body) == "rested"


@API
def test_of_a_call_that_breaks_off_the_client_sees_nothing(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    its = spoken(api, "gpt")
    whole = list(calls(its, Call("add", {"a": 1, "b": 1}, "1"), stream=True).parts)
    openai.script(Reply(200, (("content-type", "text/event-stream"),), (*whole[:3], CUT), framing="chunked"))
    answer = ask(turnout, api, "gpt", stream=True)
    assert answer.status >= 500
    assert b'"add"' not in answer.body
    assert "openai" in api.error(answer)["message"] or "broke" in api.error(answer)["message"]


@MODEL
def test_failures_are_told_to_the_model_and_not_to_the_client(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, model: str
) -> None:
    api, upstream = (MESSAGES, anthropic) if model == "claude" else (CHAT, openai)
    made = [
        Call("explode", {}, "1"),
        Call("fail", {}, "2"),
        Call("far_fail", {}, "3"),
        Call("add", {"a": "seven"}, "4"),
    ]
    upstream.script(calls(api, *made), says(api, "sorry"))
    answer = ask(turnout, api, model)
    assert (answer.status, api.said(answer.json)) == (200, "sorry")
    told = results(upstream)
    assert "it went off" in told
    assert told.count("no luck") == 2
    if model == "claude":
        assert [one.get("is_error") for one in upstream.last.json["messages"][-1]["content"]] == [True] * 4
    else:
        assert all(one["content"].startswith("Error: ") for one in upstream.last.json["messages"][-4:])


def test_calls_of_one_turn_run_at_once(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.script(calls(CHAT, Call("meet", {"who": "a"}, "1"), Call("meet", {"who": "b"}, "2")), says(CHAT, "ok"))
    assert ask(turnout, CHAT, "gpt").status == 200
    told = results(openai)
    assert "a met the other" in told
    assert "b met the other" in told


def test_a_call_that_takes_too_long_is_ended(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.script(calls(CHAT, Call("sleep", {"seconds": 61.0}, "1")), says(CHAT, "ok"))
    assert ask(turnout, CHAT, "hasty").status == 200
    assert "did not answer within 0.1 s" in results(openai)


def test_a_result_is_cut(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.script(calls(CHAT, Call("big", {"length": 5000}, "1")), says(CHAT, "ok"))
    assert ask(turnout, CHAT, "gpt").status == 200
    told = openai.last.json["messages"][-1]["content"]
    assert told == "x" * 1024 + "\n[cut: the first 1024 of 5000 bytes]"


def test_a_secret_is_given_to_its_server_and_shown_to_nobody(
    turnout: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    openai.script(calls(CHAT, Call("environment", {"name": "SECRET"}, "1")), says(CHAT, "ok"))
    ask(turnout, CHAT, "gpt")
    assert "SECRET is ***" in results(openai)
    openai.script(calls(CHAT, Call("environment", {"name": "TEST_OPENAI_KEY"}, "1")), says(CHAT, "ok"))
    ask(turnout, CHAT, "gpt")
    assert "TEST_OPENAI_KEY is None" in results(openai), "a server has an environment of its own"


@API
@MODEL
@STREAM
def test_calls_are_announced_as_text(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, model: str, stream: bool
) -> None:
    upstream, its = (anthropic if model == "claude" else openai), spoken(api, model)
    upstream.script(
        calls(its, Call("add", {"a": 2, "b": 40}, "1"), Call("explode", {}, "2"), stream=stream),
        says(its, "done", stream=stream),
    )
    answer = ask(turnout, api, f"loud-{model}", stream=stream)
    said = text_of(api, answer, stream=stream)
    assert said.endswith("\n\ndone")
    assert '[add({"a":2,"b":40}) said: 42]' in said.replace(": 2", ":2").replace(", ", ",").replace(": 40", ":40")
    assert "[explode() failed: ValueError: it went off]" in said


@API
@STREAM
def test_the_usage_of_all_rounds_is_told_and_counted(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool
) -> None:
    its = spoken(api, "claude")
    fields = {"stream_options": {"include_usage": True}} if stream and api is CHAT else {}
    anthropic.script(
        calls(its, Call("add", {"a": 2, "b": 40}, "1"), stream=stream),
        calls(its, Call("add", {"a": 2, "b": 41}, "2"), stream=stream),
        says(its, "done", stream=stream),
    )
    since = len(turnout.log())
    answer = ask(turnout, api, "claude", stream=stream, **fields)
    ident = str(answer.header("x-turnout-request"))
    told = json.loads(turnout.wait_for(re.compile(f'.*"kind":"request".*{ident}.*'), since=since).group())
    assert told["usage"]["output"] == 21
    assert len(told["attempts"]) == 3
    shown = re.findall(rb'"(?:completion_tokens|output_tokens)": ?(\d+)', answer.body)
    assert max(int(one) for one in shown) == 21


def test_limits_count_one_request(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    for _ in range(2):
        openai.script(calls(CHAT, Call("add", {"a": 1, "b": 1}, "1")), says(CHAT, "ok"))
        assert ask(turnout, CHAT, "counted").status == 200
    assert ask(turnout, CHAT, "counted").status == 429
    assert get(turnout.url, "/status").json["store"]["leases"] == 0


def test_the_answer_may_have_to_satisfy_a_schema_too(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.script(calls(CHAT, Call("add", {"a": 1, "b": 1}, "1")), says(CHAT, "two"), says(CHAT, '{"sum": 2}'))
    assert CHAT.said(ask(turnout, CHAT, "shaped").json) == '{"sum": 2}'
    assert len(openai.requests) == 3


def test_over_websocket(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    anthropic.script(
        calls(MESSAGES, Call("add", {"a": 2, "b": 40}, "1"), stream=True), says(MESSAGES, "done", stream=True)
    )
    url = turnout.url.replace("http", "ws", 1)
    with connect(f"{url}{MESSAGES.path}", additional_headers={"x-api-key": ADA}) as connection:
        connection.send(json.dumps(MESSAGES.body("claude", stream=True)))
        frames = []
        while not frames or frames[-1]["type"] != "done":
            frames.append(json.loads(connection.recv(timeout=20)))
    said = "".join(frame["delta"].get("text", "") for frame in frames if frame["type"] == "content_block_delta")
    assert said == "done"
    assert '"42"' in results(anthropic)


def test_a_source_that_is_required_and_away_refuses(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    answer = ask(turnout, CHAT, "lame")
    assert answer.status == 503
    assert "the tools of `mcp at-all` cannot be used" in CHAT.error(answer)["message"]
    assert not openai.requests


def test_one_that_is_not_required_is_left_out(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.script(says(CHAT, "ok"))
    assert ask(turnout, CHAT, "limping").status == 200
    assert [tool["function"]["name"] for tool in openai.last.json["tools"]] == ["add"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("leave", "the code called for the end of the process: SystemExit(3)"),
        ("leave_at_once", "SystemExit: 4"),
        ("half", "a\ufffdb"),
        ("give_up", "TimeoutError: the database sleeps"),
        ("mumble", "ValueError: \ufffd"),
    ],
)
def test_one_that_misbehaves_is_a_failed_call_and_no_more(
    turnout: Turnout, openai: Upstream, name: str, told: str
) -> None:
    openai.script(calls(CHAT, Call(name, {}, "call_1")), says(CHAT, "Sorry"))
    answer = ask(turnout, CHAT, "rough")
    assert (answer.status, text_of(CHAT, answer, stream=False)) == (200, "Sorry")
    sent = openai.last.json["messages"][-1]
    assert told in sent["content"]


def test_what_was_run_is_in_the_record_and_in_the_metrics(turnout: Turnout, openai: Upstream) -> None:
    since = len(turnout.log())
    calls_of = (Call("add", {"a": 1, "b": 1}, "1"), Call("explode", {}, "2"), Call("add", {"a": 2, "b": 2}, "3"))
    openai.script(calls(CHAT, *calls_of), says(CHAT, "ok"))
    ident = str(ask(turnout, CHAT, "gpt").header("x-turnout-request"))
    told = json.loads(turnout.wait_for(re.compile(f'.*"kind":"request".*{ident}.*'), since=since).group())
    assert sorted((run["tool"], run["failed"]) for run in told["tools"]) == [
        ("add", False),
        ("add", False),
        ("explode", True),
    ]
    assert all(run["seconds"] >= 0 for run in told["tools"])
    counted = get(turnout.url, "/metrics").body.decode()
    assert re.search(r'turnout_tool_calls_total\{model="gpt",result="ok"\} [1-9]', counted)
    assert re.search(r'turnout_tool_calls_total\{model="gpt",result="failed"\} [1-9]', counted)
