"""Codex on models of other vendors: tools in namespaces, free text, tools within the conversation, its reasoning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.dialects.oracles import request_flaws
from tests.dialects.recorded import RECORDED_RESPONSES
from tests.dialects.rules import broken
from tests.end_to_end.field.calling import calling, offered
from tests.end_to_end.field.house import House, file, good, lost
from tests.end_to_end.translation.turns import output
from tests.profiles.captured import CAPTURED
from tests.support.apis import CHAT, MESSAGES, RESPONSES, payloads
from tests.support.http import Answer, post
from tests.support.script import as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

Json = dict[str, Any]

BODIES: dict[str, Json] = {
    **{one.name: one.json for one in CAPTURED if one.name.startswith("codex")},
    **{f"{one.name} later": one.json for one in RECORDED_RESPONSES if one.name.startswith("codex")},
}
FIRST = [name for name, body in BODIES.items() if "namespace" in str(body)]
SERVED = pytest.mark.parametrize("model", ["claude-sonnet-5", "claude-opus-5-5", "only-chat"])
AGENT = {"user-agent": "codex_exec/0.169.0 (Debian 12.0.0; x86_64) dumb", "originator": "codex_exec"}
JAVASCRIPT = 'text((await tools.exec_command({cmd: "ls"})).output)'

assert len(BODIES) > 5, "the recorded requests of Codex are missing"
assert len(FIRST) > 1, "none of them has namespaces"


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    chat = f'  chat: {{kind: openai, base_url: "{_openai.url}/v1", apis: [chat]}}'
    return start(file(_openai, _anthropic, upstreams=chat, models="  only-chat: chat/gpt-5.5"))


def ask(house: House, body: Json, model: str, **fields: Any) -> Answer:
    return post(house.turnout.url, RESPONSES.path, {**body, "model": model, **fields}, AGENT)


def upstream(house: House, model: str) -> Upstream:
    return house.openai if model == "only-chat" else house.anthropic


def api_of(model: str) -> str:
    return CHAT.name if model == "only-chat" else MESSAGES.name


@SERVED
@pytest.mark.parametrize("name", BODIES)
def test_50_whatever_codex_sends_is_taken(house: House, name: str, model: str) -> None:
    """Namespaces, free-text tools and tools within the input were refused by everybody but OpenAI.

    https://github.com/openai/codex/issues/32318 and https://github.com/router-for-me/CLIProxyAPI/issues/5753
    """
    answer = good(ask(house, BODIES[name], model))
    assert RESPONSES.text(answer.body) == "Hello there"
    assert RESPONSES.terminal in answer.body
    sent = upstream(house, model).last.json
    assert request_flaws(api_of(model), sent) + broken(api_of(model), sent) == []


@SERVED
@pytest.mark.parametrize("name", FIRST)
def test_50_every_tool_of_its_own_is_offered(house: House, name: str, model: str) -> None:
    """Those in namespaces were lost, or their names collided.

    https://github.com/openai/codex/issues/32318
    """
    body = BODIES[name]
    good(ask(house, body, model))
    own = offered(body).values()
    sent = offered(upstream(house, model).last.json)
    assert len(sent) == len(own)
    for tool in own:
        space = tool.get("namespace", "functions")
        assert (tool["name"] if space == "functions" else f"{space}__{tool['name']}") in sent


@SERVED
def test_50_what_every_request_of_it_has_raises_no_alarm(house: House, model: str) -> None:
    """The web search that OpenAI runs, and what Codex says of itself: nobody has asked for that.

    https://github.com/openai/codex/issues/32318
    """
    for body in BODIES.values():
        answer = good(ask(house, body, model))
        assert not {path for path in lost(answer) if "web_search" in path or "client_metadata" in path}
        assert b"client_metadata" not in upstream(house, model).last.body
        assert b'"web_search"' not in upstream(house, model).last.body


SPAWN = {"task_name": "look", "message": "Have a look"}


@SERVED
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
def test_50_a_call_comes_back_by_its_namespace(house: House, model: str, stream: bool) -> None:
    """Codex knows a tool by namespace and name; it was called by a name it did not know.

    https://github.com/openai/codex/issues/32318
    """
    body = next(body for body in BODIES.values() if "additional_tools" in str(body))
    upstream(house, model).script(calling("spawn_agent", SPAWN))
    [call] = [item for item in output(good(ask(house, body, model, stream=stream))) if "call_id" in item]
    assert (call["type"], call["namespace"], call["name"]) == ("function_call", "collaboration", "spawn_agent")

    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "spawned"}
    good(ask(house, body, model, stream=stream, input=[*body["input"], call, result]))
    sent = upstream(house, model).last
    assert request_flaws(api_of(model), sent.json) + broken(api_of(model), sent.json) == []
    assert (b"collaboration__spawn_agent" in sent.body, b"spawned" in sent.body) == (True, True)


@SERVED
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
def test_50_free_text_comes_back_as_free_text(house: House, model: str, stream: bool) -> None:
    """Its `exec` takes JavaScript and its apply_patch a patch; both came back as JSON, or not at all.

    https://github.com/router-for-me/CLIProxyAPI/issues/5753
    """
    body = next(body for body in BODIES.values() if "additional_tools" in str(body))
    upstream(house, model).script(calling("exec", JAVASCRIPT))
    [call] = [item for item in output(good(ask(house, body, model, stream=stream))) if "call_id" in item]
    assert (call["type"], call["namespace"], call["name"]) == ("custom_tool_call", "functions", "exec")
    assert call["input"] == JAVASCRIPT

    result = {"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "a  b"}
    good(ask(house, body, model, stream=stream, input=[*body["input"], call, result]))
    sent = upstream(house, model).last
    assert request_flaws(api_of(model), sent.json) + broken(api_of(model), sent.json) == []
    assert b"a  b" in sent.body


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
@pytest.mark.parametrize("model", ["claude-sonnet-5", "claude-opus-4-5"])
def test_50_the_thoughts_of_claude_come_back_to_it_under_our_seal(house: House, model: str, stream: bool) -> None:
    """Between the steps of a loop Claude wants them back, signed; Codex carries what it takes for OpenAI's.

    https://github.com/openai/codex/issues/32318
    """
    body = next(body for body in BODIES.values() if "additional_tools" in str(body))
    house.anthropic.script(calling("exec", JAVASCRIPT, thinks="Look around.", sealed="EqQBreal=="))
    items = output(good(ask(house, body, model, stream=stream)))
    [reasoning] = [item for item in items if item["type"] == "reasoning"]
    [call] = [item for item in items if "call_id" in item]
    assert reasoning["encrypted_content"].startswith("turnout1.")
    assert items.index(reasoning) < items.index(call)

    result = {"type": "custom_tool_call_output", "call_id": call["call_id"], "output": "a  b"}
    again = ask(house, body, model, stream=stream, input=[*body["input"], *items, result])
    good(again)
    turn = next(one for one in house.anthropic.last.json["messages"] if one["role"] == "assistant")["content"]
    assert turn[0] == {"type": "thinking", "thinking": "Look around.", "signature": "EqQBreal=="}
    assert turn[1]["type"] == "tool_use"

    good(ask(house, body, "only-chat", stream=stream, input=[*body["input"], *items, result]))
    assert b"EqQBreal" not in house.openai.last.body
    good(ask(house, body, "smart-responses", stream=stream, input=[*body["input"], *items, result]))
    assert b"turnout1." not in house.openai.last.body
    assert b"EqQBreal" not in house.openai.last.body


def test_50_the_thoughts_of_openai_are_nothing_to_claude(house: House) -> None:
    """A conversation that Codex began on GPT and goes on with Claude: 400, `invalid signature`.

    https://github.com/openai/codex/issues/32318
    """
    body = next(body for body in BODIES.values() if "'type': 'reasoning'" in str(body))
    good(ask(house, body, "claude-sonnet-5"))
    [sealed] = [item["encrypted_content"] for item in body["input"] if item["type"] == "reasoning"]
    assert sealed.encode() not in house.anthropic.last.body
    assert b'"thinking":"' not in house.anthropic.last.body.replace(b" ", b"")


def test_50_its_websocket_leads_to_any_model(house: House) -> None:
    """Codex tried for ten seconds before it asked by POST; its handshake has no model, and its first request only
    prepares.

    https://github.com/icebear0828/codex-proxy/issues/681 and https://github.com/qxcnm/Codex-Manager/issues/91
    """
    told = {**AGENT, "openai-beta": "responses_websockets=2026-02-06"}
    url = house.turnout.url.replace("http", "ws", 1)
    with connect(f"{url}{RESPONSES.path}", additional_headers=told) as connection:
        first = {**BODIES[FIRST[0]], "type": "response.create", "model": "claude-sonnet-5"}
        connection.send(json.dumps({**first, "generate": False}))
        prepared = last_of(connection)
        assert house.anthropic.requests == []
        connection.send(json.dumps({**first, "previous_response_id": prepared["id"], "input": []}))
        assert last_of(connection)["status"] == "completed"
    assert len(house.anthropic.last.json["messages"]) >= 1


def last_of(connection: ClientConnection) -> Any:
    """Return the response with which its frames end."""
    while (frame := json.loads(connection.recv(timeout=20)))["type"] != "response.completed":
        assert frame["type"] not in ("error", "response.failed"), frame
    return frame["response"]


def test_50_a_stream_without_its_end_is_no_answer(house: House) -> None:
    """Codex takes one for a lost connection, and asks again: the end must say that it failed, in the next number.

    https://github.com/openai/codex/issues/41340
    """
    house.anthropic.script(as_stream(MESSAGES.begun("Hello")))
    stream = ask(house, BODIES[FIRST[0]], "claude-sonnet-5").body
    events = payloads(stream)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert RESPONSES.in_band(stream)["code"] == "server_error"
