"""Responses over WebSocket to an upstream that speaks it too: frames pass, and only what is new goes up."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.responses.house import ADA
from tests.end_to_end.sockets.lines import Line, talking, text_of
from tests.support.apis import RESPONSES, digest
from tests.support.http import post
from tests.support.script import STALL, as_json
from tests.support.vocal import Vocal, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """
version: 1
upstreams:
  vocal:
    {{kind: openai, circuit: off, base_url: "{vocal}/v1", apis: [responses], websocket: true,
     api_key: env:TEST_OPENAI_KEY}}
  other: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  gpt: vocal/gpt-5.5
  safe: {{targets: [vocal/gpt-5.5], fallback: [other/claude-sonnet-5]}}
  claude: other/claude-sonnet-5
keys:
  ada: {{hashes: ["{ada}"]}}
"""
UNSTORED = {"store": False}


@pytest.fixture
def vocal() -> Iterator[Vocal]:
    upstream = Vocal()
    yield upstream
    upstream.stop()


@pytest.fixture
def turnout(start: Start, vocal: Vocal, anthropic: Upstream) -> Turnout:
    return start(FILE.format(vocal=vocal.url, anthropic=anthropic.url, ada=digest(ADA)))


@pytest.fixture
def line(turnout: Turnout) -> Iterator[Line]:
    with talking(turnout) as line:
        yield line


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def test_the_frames_pass(vocal: Vocal, line: Line) -> None:
    """Unknown events too, and each with the bytes it came with, but for the model's name."""
    sent = said("Hello", " there")
    odd = '{"type": "response.odd", "sequence_number": 99,  "deep": {"x": [1e2]}}'
    vocal.script([*sent[:3], odd, *sent[3:]])
    line.create("gpt", "Hi", temperature=0.5, odd={"a": 1})
    heard = []
    while not heard or '"type":"response.completed"' not in heard[-1].replace(" ", ""):
        heard.append(str(line.connection.recv(timeout=20)))
    assert odd in heard
    assert [json.loads(one)["type"] for one in heard] == [
        json.loads(one)["type"] for one in [*sent[:3], odd, *sent[3:]]
    ]
    (frame,) = vocal.frames
    assert frame == {"type": "response.create", "model": "gpt-5.5", "input": "Hi", "temperature": 0.5, "odd": {"a": 1}}
    assert vocal.calls[0].path == "/v1/responses"
    assert vocal.calls[0].headers["authorization"] != f"Bearer {ADA}"


def test_only_what_is_new_goes_up_and_preparing_too(vocal: Vocal, line: Line) -> None:
    first = line.ask("gpt", [user("One")], generate=False, **UNSTORED)
    second = line.ask("gpt", [user("Two")], previous_response_id=first["id"], **UNSTORED)
    line.ask("gpt", [user("Three")], previous_response_id=second["id"], **UNSTORED)
    one, two, three = vocal.frames
    assert one["generate"] is False
    assert (two["previous_response_id"], two["input"]) == (first["id"], [user("Two")])
    assert (three["previous_response_id"], three["input"]) == (second["id"], [user("Three")])
    assert len(vocal.calls) == 1


def test_all_of_it_goes_up_where_the_upstream_has_forgotten(vocal: Vocal, line: Line) -> None:
    """Its connection was closed meanwhile; the client notices nothing."""
    first = line.ask("gpt", [user("One")], **UNSTORED)
    vocal.script([*said("Bye"), None])
    second = line.ask("gpt", [user("Two")], previous_response_id=first["id"], **UNSTORED)
    assert vocal.calls[0].closed.wait(20)
    third = line.ask("gpt", [user("Three")], previous_response_id=second["id"], **UNSTORED)
    assert text_of(third) == "Hello there"
    last = vocal.frames[-1]
    assert "previous_response_id" not in last
    assert [item["content"][0]["text"] for item in last["input"]] == ["One", "Hello there", "Two", "Bye", "Three"]
    assert len(vocal.calls) == 2


def test_a_conversation_moves_to_another_model_and_back(vocal: Vocal, anthropic: Upstream, line: Line) -> None:
    first = line.ask("gpt", [user("One")], **UNSTORED)
    second = line.ask("claude", [user("Two")], previous_response_id=first["id"], **UNSTORED)
    line.ask("gpt", [user("Three")], previous_response_id=second["id"], **UNSTORED)
    assert len(anthropic.last.json["messages"]) == 3
    assert len(vocal.frames[-1]["input"]) == 5


def test_lanes_have_connections_of_their_own(vocal: Vocal, line: Line) -> None:
    line.ask("gpt", stream_id="a")
    line.ask("gpt", stream_id="b")
    line.ask("gpt", stream_id="a")
    assert [len(call.frames) for call in vocal.calls] == [2, 1]
    assert not any("stream_id" in frame for frame in vocal.frames)


def test_they_close_with_the_clients(turnout: Turnout, vocal: Vocal) -> None:
    with talking(turnout) as line:
        line.ask("gpt")
        vocal.script([STALL])
        line.create("gpt")
        while len(vocal.frames) < 2:
            pass
    assert vocal.calls[0].closed.wait(20)


@pytest.mark.parametrize("status", [404, 426])
def test_one_that_refuses_is_asked_by_post(start: Start, openai: Upstream, anthropic: Upstream, status: int) -> None:
    """An ordinary server: its upgrade comes to nothing, and the requests go on as they would."""
    server = start(FILE.format(vocal=openai.url, anthropic=anthropic.url, ada=digest(ADA)))
    openai.script(as_json({"error": {"message": "no"}}, status))
    with talking(server) as line:
        prepared = line.ask("gpt", [user("One")], generate=False, **UNSTORED)
        assert prepared["output"] == []
        line.ask("gpt", [user("Two")], previous_response_id=prepared["id"], **UNSTORED)
        line.ask("gpt", "Three")
    assert [seen.method for seen in openai.requests] == ["GET", "POST", "POST"]
    assert [item["content"][0]["text"] for item in openai.requests[1].json["input"]] == ["One", "Two"]


def test_an_error_in_place_of_an_answer_is_one_that_others_may_do_better(
    vocal: Vocal, anthropic: Upstream, turnout: Turnout, line: Line
) -> None:
    busy = {
        "type": "rate_limit_error",
        "code": "rate_limit_exceeded",
        "message": "slow",
        "headers": {"retry-after": "3"},
    }
    frame = json.dumps({"type": "error", "status": 429, "error": busy})
    vocal.script([frame], [frame])
    assert text_of(line.ask("safe")) == "Hello there"
    assert len(anthropic.requests) == 1
    line.create("gpt")
    error = line.refusal()
    assert (error["status"], error["error"]["headers"]["retry-after"]) == (429, "3")


def test_a_handshake_refused_for_a_reason_is_the_answer(vocal: Vocal, anthropic: Upstream, line: Line) -> None:
    vocal.refuses = HTTPStatus.TOO_MANY_REQUESTS
    assert text_of(line.ask("safe")) == "Hello there"
    line.create("gpt")
    assert line.refusal()["status"] == 429


def test_a_connection_that_breaks_midway(vocal: Vocal, line: Line) -> None:
    vocal.script([*said("Hello", " there")[:6], None])
    line.create("gpt")
    assert line.rest()[-1]["type"] == "response.failed"
    assert text_of(line.ask("gpt")) == "Hello there"


def test_one_that_is_used_up_is_replaced(vocal: Vocal, line: Line) -> None:
    """The vendor closes connections after an hour, and says so to the next request."""
    line.ask("gpt")
    old = {"type": "invalid_request_error", "code": "websocket_connection_limit_reached", "message": "60 minutes"}
    vocal.script([json.dumps({"type": "error", "status": 400, "error": old})])
    assert text_of(line.ask("gpt")) == "Hello there"
    assert len(vocal.calls) == 2


def test_cancelling_leaves_the_upstream(vocal: Vocal, line: Line) -> None:
    vocal.script([*said("Hello", " there")[:6], STALL])
    line.create("gpt")
    ident = line.hear()["response"]["id"]
    line.send({"type": "response.cancel", "response_id": ident})
    assert line.rest()[-1]["type"] == "response.incomplete"
    assert vocal.calls[0].closed.wait(20)


def test_garbage_is_no_answer(vocal: Vocal, line: Line) -> None:
    vocal.script(["not json"])
    line.create("gpt")
    assert line.refusal()["status"] == 502


def test_who_comes_by_http_is_asked_by_http(turnout: Turnout, vocal: Vocal) -> None:
    post(turnout.url, RESPONSES.path, RESPONSES.body("gpt"), {"authorization": f"Bearer {ADA}"})
    assert vocal.calls == []


def test_the_target_and_the_usage_are_recorded(turnout: Turnout, line: Line) -> None:
    line.ask("gpt")
    told = turnout.wait_for(re.compile('.*"method":"WS".*')).group()
    assert json.loads(told)["target"] == "vocal/gpt-5.5"
