"""Stored responses and reasoning that several processes share: found by all of them, by nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import CHAT, RESPONSES, digest
from tests.support.http import Answer, get, post, send
from tests.support.script import as_json
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

pytestmark = pytest.mark.services

ADA, EVE = ({"x-api-key": f"tk-{name}-0123456789abcdef"} for name in ("ada", "eve"))


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def pair(start: Start, valkey: Valkey, _openai: Upstream, _anthropic: Upstream) -> tuple[Turnout, Turnout]:
    file = f"""\
version: 1
state: {{kind: redis, url: "{valkey.url}"}}
upstreams:
  openai: {{kind: openai, base_url: "{_openai.url}", apis: [chat], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{_anthropic.url}", api_key: env:TEST_ANTHROPIC_KEY}}
models:
  smart: openai/gpt-5.5
  claude: anthropic/claude-sonnet-4-5
  elephant: {{targets: [openai/gpt-5.5], memory: {{messages: 20}}}}
keys:
  ada: {{hashes: ["{digest(ADA["x-api-key"])}"]}}
  eve: {{hashes: ["{digest(EVE["x-api-key"])}"]}}
"""
    return start(file), start(file)


def ask(turnout: Turnout, who: dict[str, str], **more: Any) -> Answer:
    return post(turnout.url, RESPONSES.path, {"model": "smart", **more}, who)


def test_any_process_goes_on_from_what_another_answered(pair: tuple[Turnout, Turnout], openai: Upstream) -> None:
    one, two = pair
    first = ask(one, ADA, input="My name is Ada.").json["id"]
    second = ask(two, ADA, input="What is it?", previous_response_id=first)
    assert second.status == 200
    said = [message["content"] for message in openai.last.json["messages"]]
    assert (said[0], said[-1]) == ("My name is Ada.", "What is it?")
    third = ask(one, ADA, input="Sure?", previous_response_id=second.json["id"])
    assert third.status == 200
    assert len(openai.last.json["messages"]) == 5
    assert get(two.url, f"/v1/responses/{first}", ADA).json["id"] == first


def test_nobody_else_finds_it(pair: tuple[Turnout, Turnout], openai: Upstream) -> None:
    ident = ask(pair[0], ADA, input="A secret.").json["id"]
    before = len(openai.requests)
    for server in pair:
        assert get(server.url, f"/v1/responses/{ident}", EVE).status == 404
        refused = ask(server, EVE, input="Tell me.", previous_response_id=ident)
        assert refused.status == 404
        RESPONSES.error(refused)
    assert len(openai.requests) == before


def test_what_one_process_deletes_is_gone_for_all(pair: tuple[Turnout, Turnout]) -> None:
    one, two = pair
    ident = ask(one, ADA, input="Forget this.").json["id"]
    assert get(two.url, f"/v1/responses/{ident}", ADA).status == 200
    assert send(two.url, "DELETE", f"/v1/responses/{ident}", ADA).status == 200
    assert get(one.url, f"/v1/responses/{ident}", ADA).status == 404


def test_reasoning_comes_back_by_way_of_another_process(pair: tuple[Turnout, Turnout], anthropic: Upstream) -> None:
    one, two = pair
    thinking = {"type": "thinking", "thinking": "Let me look.", "signature": "c2lnbmF0dXJl"}
    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "x"}}
    answer = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [thinking, call],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 5},
    }
    anthropic.script(as_json(answer))
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    asked = {"model": "claude", "tools": tools, "reasoning_effort": "high", "max_completion_tokens": 9000}
    opening = {"role": "user", "content": "Look."}
    first = post(one.url, CHAT.path, {**asked, "messages": [opening]}, ADA).json["choices"][0]["message"]
    calls = {"role": "assistant", "content": None, "tool_calls": first["tool_calls"]}
    result = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "seen"}
    assert post(two.url, CHAT.path, {**asked, "messages": [opening, calls, result]}, ADA).status == 200
    assert anthropic.last.json["messages"][1]["content"][0] == thinking
    assert post(two.url, CHAT.path, {**asked, "messages": [opening, calls, result]}, EVE).status == 200
    assert all(block["type"] != "thinking" for block in anthropic.last.json["messages"][1]["content"])


def test_a_session_is_remembered_by_all(pair: tuple[Turnout, Turnout], openai: Upstream) -> None:
    one, two = pair
    for server, who, text in ((one, ADA, "One"), (two, ADA, "Two"), (one, EVE, "Mine"), (one, ADA, "Three")):
        body = {"model": "elephant", "messages": [{"role": "user", "content": text}]}
        assert post(server.url, CHAT.path, body, {**who, "x-turnout-session": "s"}).status == 200
    said = [[turn["content"] for turn in seen.json["messages"]] for seen in openai.requests[-4:]]
    assert said[1] == ["One", "Hello there", "Two"]
    assert said[2] == ["Mine"]
    assert said[3] == ["One", "Hello there", "Two", "Hello there", "Three"]
