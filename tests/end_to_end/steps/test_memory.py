"""`memory`: what was said before in a session stands in front of what is said now; no key ever meets another's."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.client import connect

from tests.support.answers import chat
from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, Api, digest
from tests.support.http import Answer, post
from tests.support.loop import Call
from tests.support.script import CUT, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

ADA, EVE = "tk-ada-0123456789abcdef", "tk-eve-0123456789abcdef"
FILE = """
version: 1
upstreams:
  openai: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
  echo: {{kind: echo}}
defaults: {{model: {{retries: 0}}}}
models:
  gpt: {{targets: [openai/gpt-5.5], memory: {{messages: 6}}}}
  claude: {{targets: [anthropic/claude-sonnet-5], memory: {{messages: 6}}}}
  few: {{targets: [openai/gpt-5.5], memory: {{tokens: 40}}}}
  parrot: {{targets: [echo/gpt-5.5], memory: {{messages: 50}}}}
  summed: {{targets: [openai/gpt-5.5], memory: {{messages: 4, summary: scribe}}}}
  scribe: anthropic/claude-sonnet-5
  forgetful: openai/gpt-5.5
  dear: {{targets: [openai/gpt-5.5], limits: [two], memory: {{messages: 2, summary: scribe}}}}
  firm:
    targets: [openai/gpt-5.5]
    memory: {{messages: 2, summary: scribe}}
    prompt: {{template: "{folder}/firm.md.j2", place: replace}}
limits: {{two: {{requests: 2 per 1h, by: [key]}}}}
keys:
  ada: {{hashes: ["{ada}"]}}
  eve: {{hashes: ["{eve}"]}}
"""
API = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
MODEL = pytest.mark.parametrize("model", ["gpt", "claude"])
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])


@pytest.fixture(scope="module")
def turnout(start: Start, tmp_path_factory: pytest.TempPathFactory, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    folder = tmp_path_factory.mktemp("templates")
    (folder / "firm.md.j2").write_text("Be firm.")
    urls = {"openai": _openai.url, "anthropic": _anthropic.url}
    return start(FILE.format(**urls, folder=folder, ada=digest(ADA), eve=digest(EVE)))


def say(
    turnout: Turnout,
    api: Api,
    model: str,
    text: str,
    session: str,
    *,
    key: str = ADA,
    stream: bool = False,
    **more: Any,
) -> Answer:
    body = {**api.body(model, stream=stream), **api.conversation(text), **more}
    return post(turnout.url, api.path, body, {"x-api-key": key, "x-turnout-session": session})


def texts(body: Any) -> list[str]:
    """Return what an upstream was sent, a text for each turn."""
    found = []
    for turn in body["messages"] if "messages" in body else body["input"]:
        content = turn.get("content") or ""
        found.append(content if isinstance(content, str) else "".join(part.get("text", "") for part in content))
    return found


@API
@MODEL
@STREAM
def test_only_the_new_turn_need_be_sent(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, model: str, stream: bool
) -> None:
    upstream = anthropic if model == "claude" else openai
    session = f"{api.name} {model} {stream}"
    for text in ("One", "Two", "Three"):
        assert say(turnout, api, model, text, session, stream=stream).status == 200
    assert texts(upstream.last.json) == ["One", "Hello there", "Two", "Hello there", "Three"]


def test_what_is_too_much_is_cut_at_what_a_person_said(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    for number in range(6):
        say(turnout, CHAT, "gpt", f"Number {number}", "long")
    assert texts(openai.last.json) == ["Number 3", "Hello there", "Number 4", "Hello there", "Number 5"]
    for number in range(9):
        say(turnout, CHAT, "few", f"Number {number} " + "x" * 30, "long")
    sent = texts(openai.last.json)
    assert len(sent) < 9
    assert sent[0].startswith("Number")


def test_what_is_left_out_is_summed_up_by_another_model(
    turnout: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    """The summary joins the system prompt, and grows with what is left out."""
    for text in ("I am Ada", "Two"):
        say(turnout, CHAT, "summed", text, "sum")
    assert anthropic.requests == []
    anthropic.script(as_json(MESSAGES.answer("She is Ada.")), as_json(MESSAGES.answer("Ada likes tea.")))
    since = len(turnout.log())
    answer = say(turnout, CHAT, "summed", "I like tea", "sum")
    told = json.dumps(anthropic.last.json)
    assert "I am Ada" in told
    assert "Two" not in told
    assert system_of(openai.last.json) == ["What was said earlier in this conversation, in short:\nShe is Ada."]
    assert texts(openai.last.json)[1:] == ["Two", "Hello there", "I like tea"]
    ident = str(answer.header("x-turnout-request"))
    line = json.loads(turnout.wait_for(re.compile(f'.*"kind":"request".*{ident}.*'), since=since).group())
    assert [one["target"] for one in line["attempts"]] == ["anthropic/claude-sonnet-5", "openai/gpt-5.5"]
    say(turnout, CHAT, "summed", "Four", "sum")
    assert "She is Ada." in json.dumps(anthropic.last.json), "the old one is a part of the new one"
    assert "Ada likes tea." in system_of(openai.last.json)[0]


def test_without_a_summary_the_session_goes_on(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    for text in ("One", "Two"):
        say(turnout, CHAT, "summed", text, "mute")
    anthropic.script(as_json({"type": "error", "error": {"type": "api_error", "message": "no"}}, 500))
    assert say(turnout, CHAT, "summed", "Three", "mute").status == 200
    assert system_of(openai.last.json) == []


def system_of(body: Any) -> list[str]:
    return [turn["content"] for turn in body["messages"] if turn["role"] in ("system", "developer")]


def test_a_summary_outlives_a_prompt_that_replaces_the_clients(
    turnout: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    say(turnout, CHAT, "firm", "One", "firm")
    say(turnout, CHAT, "firm", "Two", "firm")
    first, second = system_of(openai.last.json)
    assert first == "Be firm."
    assert second.startswith("What was said earlier")


def test_who_is_over_a_limit_has_nothing_summed_up(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    for text in ("One", "Two"):
        assert say(turnout, CHAT, "dear", text, "over").status == 200
    asked = len(anthropic.requests)
    for _ in range(3):
        assert say(turnout, CHAT, "dear", "Three", "over").status == 429
    assert len(anthropic.requests) == asked


@API
@MODEL
def test_a_client_that_sends_everything_is_told_nothing_twice(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, model: str
) -> None:
    """Coding agents name their session, and send all of it each time."""
    upstream = anthropic if model == "claude" else openai
    place, whole = ("input" if api is RESPONSES else "messages"), []
    for number in range(6):
        whole += [{"role": "user", "content": f"Number {number}"}]
        answer = say(turnout, api, model, "", f"all {api.name} {model}", **{place: whole})
        assert answer.status == 200
        assert texts(upstream.last.json) == [one["content"] for one in whole]
        whole += [{"role": "assistant", "content": api.said(answer.json)}]
    say(turnout, api, model, "New", f"all {api.name} {model}")
    assert texts(upstream.last.json)[-3:] == ["Number 5", "Hello there", "New"], "it may stop doing so"


def test_what_goes_on_from_a_response_is_not_told_twice(
    turnout: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    first = say(turnout, RESPONSES, "claude", "One", "goes on").json["id"]
    say(turnout, RESPONSES, "claude", "Two", "goes on", previous_response_id=first)
    assert texts(anthropic.last.json) == ["One", "Hello there", "Two"]


def test_a_key_of_a_cache_is_no_session(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    """Applications send one for all whom they serve."""
    for text in ("One", "Two"):
        body = {**CHAT.body("gpt"), **CHAT.conversation(text), "prompt_cache_key": "our-app"}
        assert post(turnout.url, CHAT.path, body, {"x-api-key": ADA}).status == 200
    assert texts(openai.last.json) == ["Two"]


def test_a_round_of_tools_is_never_cut(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    """However long it gets: a result without its call is an error at every upstream."""
    tools = [{"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}}]
    openai.script(*(as_json(chat(calls=[Call("read_file", {"path": "a"}, str(one))])) for one in range(5)))
    said = say(turnout, CHAT, "gpt", "Read", "loop", tools=tools)
    for _ in range(5):
        call = said.json["choices"][0]["message"]["tool_calls"][0]["id"]
        result = {"role": "tool", "tool_call_id": call, "content": "AAA"}
        said = say(turnout, CHAT, "gpt", "", "loop", tools=tools, messages=[result])
    sent = openai.last.json["messages"]
    assert [turn["role"] for turn in sent] == ["user", *["assistant", "tool"] * 5]
    say(turnout, CHAT, "gpt", "Next", "loop", tools=tools)
    assert texts(openai.last.json) == ["Next"], "what is over is cut as ever"


def test_sessions_entries_and_apis_are_apart(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    say(turnout, CHAT, "gpt", "One", "apart")
    for model, api, session in (("gpt", CHAT, "other"), ("few", CHAT, "apart"), ("gpt", RESPONSES, "apart")):
        say(turnout, api, model, "Two", session)
        assert texts(openai.last.json) == ["Two"], (model, api.name, session)
    say(turnout, CHAT, "forgetful", "Two", "apart")
    assert texts(openai.last.json) == ["Two"]


def test_without_a_session_nothing_is_remembered(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    for text in ("One", "Two"):
        post(turnout.url, CHAT.path, {**CHAT.body("gpt"), **CHAT.conversation(text)}, {"x-api-key": ADA})
    assert texts(openai.last.json) == ["Two"]


def test_the_system_prompt_is_the_clients_each_time(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    say(turnout, MESSAGES, "claude", "One", "system", system="Be kind.")
    say(turnout, MESSAGES, "claude", "Two", "system", system="Be brief.")
    assert anthropic.last.json["system"] == "Be brief."
    assert texts(anthropic.last.json) == ["One", "Hello there", "Two"]


def test_tools_and_their_results(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    tools = [{"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}}]
    openai.script(as_json(chat(calls=[Call("read_file", {"path": "a"}, "1")])))
    call = say(turnout, CHAT, "gpt", "Read", "tools", tools=tools).json["choices"][0]["message"]["tool_calls"][0]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "AAA"}
    say(turnout, CHAT, "gpt", "", "tools", tools=tools, messages=[result])
    sent = openai.last.json["messages"]
    assert [turn["role"] for turn in sent] == ["user", "assistant", "tool"]
    assert sent[1]["tool_calls"][0]["id"] == call["id"]


def test_a_request_that_says_nothing_takes_no_part(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    say(turnout, CHAT, "gpt", "One", "nothing")
    say(turnout, CHAT, "gpt", "", "nothing", messages=[{"role": "system", "content": "Be kind."}])
    assert texts(openai.last.json) == ["Be kind."]
    say(turnout, CHAT, "gpt", "Two", "nothing")
    assert texts(openai.last.json) == ["One", "Hello there", "Two"]


def test_what_failed_is_not_remembered(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.script(as_json({"error": {"message": "no", "type": "x", "code": "y"}}, 500))
    say(turnout, CHAT, "gpt", "One", "failed")
    before, _ = CHAT.parted()
    openai.script(as_stream([*before, CUT]))
    say(turnout, CHAT, "gpt", "Two", "failed", stream=True)
    say(turnout, CHAT, "gpt", "Three", "failed")
    assert texts(openai.last.json) == ["Three"]


def test_an_edit_of_the_file_loses_nothing(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    say(turnout, CHAT, "gpt", "One", "edit")
    text = turnout.file.read_text()
    turnout.taken(
        lambda: turnout.rewrite(text.replace("gpt: {targets: [openai/gpt-5.5]", "gpt: {targets: [openai/gpt-5.6]"))
    )
    say(turnout, CHAT, "gpt", "Two", "edit")
    assert texts(openai.last.json) == ["One", "Hello there", "Two"]
    turnout.taken(lambda: turnout.rewrite(text))


def test_over_websocket(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    url = turnout.url.replace("http", "ws", 1)
    told = {"x-api-key": ADA, "x-turnout-session": "socket"}
    with connect(f"{url}{CHAT.path}", additional_headers=told) as connection:
        for text in ("One", "Two"):
            connection.send(json.dumps({**CHAT.body("gpt"), **CHAT.conversation(text)}))
            while json.loads(connection.recv(timeout=20)).get("type") != "done":
                pass
    assert texts(openai.last.json) == ["One", "Hello there", "Two"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(st.tuples(st.sampled_from([ADA, EVE, ""]), st.integers(0, 1)), min_size=2, max_size=8))
def test_no_key_ever_meets_anothers_words(turnout: Turnout, turns: list[tuple[str, int]]) -> None:
    """Whoever speaks, in whatever order, under the same session: the parrot says what it was told, and by whom."""
    COUNT.append(0)
    mark = f"run{len(COUNT)}"
    for number, (key, place) in enumerate(turns):
        who = {ADA: "ada", EVE: "eve", "": "nobody"}[key]
        answer = say(
            turnout, CHAT, "parrot", f"{mark} {who} {number}", f"shared {mark} {place}", key=key or "tk-wrong-000"
        )
        if not key:
            assert answer.status == 401
            continue
        said = json.dumps(answer.json)
        others = {"ada": "eve", "eve": "ada"}[who]
        assert f"{mark} {who} {number}" in said
        assert f"{mark} {others}" not in said


COUNT: list[int] = []


def test_two_keys_see_only_their_own(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    for key, text in ((ADA, "Ada's"), (EVE, "Eve's"), (ADA, "again")):
        say(turnout, CHAT, "gpt", text, "same", key=key)
    first, second, third = (texts(seen.json) for seen in requests(openai))
    assert (first, second, third) == (["Ada's"], ["Eve's"], ["Ada's", "Hello there", "again"])


def requests(upstream: Upstream) -> list[Seen]:
    return upstream.requests
