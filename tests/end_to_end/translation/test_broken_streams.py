"""Translated streams that go wrong: before content another target answers, after it one error in the client's form."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.translation.house import (
    BROKEN,
    JSON_OR_STREAM,
    OVERLOADED,
    TOO_SLOW,
    WAYS,
    House,
    Way,
    kind,
    said,
    written,
)
from tests.support.answers import chat_chunk, event, message_start
from tests.support.apis import CHAT, MESSAGES, RESPONSES
from tests.support.items import response_events
from tests.support.loop import Call
from tests.support.script import CUT, RESET, STALL, Reply, as_json, as_stream
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.script import Step
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MODELS = """
  spare-claude: {targets: [anthropic/claude-sonnet-5, anthropic/claude-haiku-4-5]}
  spare-gpt: {targets: [openai/gpt-5.5, openai/gpt-5.5-mini]}
  patient-claude: {targets: [anthropic/claude-sonnet-5], hold: 200ms}
  patient-gpt: {targets: [openai/gpt-5.5], hold: 200ms}
  spare-resp: {targets: [responses/gpt-5.5, responses/gpt-5.5-mini]}
  patient-resp: {targets: [responses/gpt-5.5], hold: 200ms}
"""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS))


def opening(way: Way) -> list[bytes]:
    """Return what the upstream says before its first content."""
    return way.server.events()[: way.server.lifecycle]


ENDS: dict[str, list[Step]] = {"cut": [CUT], "reset": [0.05, RESET], "end": []}


@WAYS
@pytest.mark.parametrize("how", ENDS)
def test_a_stream_that_breaks_off_after_content_ends_with_one_error(house: House, way: Way, how: str) -> None:
    house.upstream(way).script(as_stream([*way.server.begun("Hello", " there"), *ENDS[how]]))
    answer = house.ask(way, model=way.named("spare"), stream=True)
    assert (answer.status, answer.whole) == (200, True)
    assert way.client.text(answer.body) == "Hello there"
    assert kind(way.client.in_band(answer.body)) == BROKEN[way.client.name][1]
    assert len(house.upstream(way).requests) == 1


IN_BAND = [
    # the upstream's error, what a client of chat reads (type, code), one of messages, one of responses
    ("overloaded_error", "server_error", "overloaded", "overloaded_error", "server_error"),
    ("rate_limit_error", "requests", "rate_limit_exceeded", "rate_limit_error", "rate_limit_exceeded"),
    ("api_error", "server_error", "upstream_error", "api_error", "server_error"),
    ("server_error", "server_error", "upstream_error", "api_error", "server_error"),
    ("invalid_request_error", "invalid_request_error", None, "invalid_request_error", "invalid_prompt"),
]


@WAYS
@pytest.mark.parametrize("row", IN_BAND, ids=lambda row: row[0])
def test_an_error_after_content_is_told_in_the_clients_form(house: House, way: Way, row: tuple[Any, ...]) -> None:
    said, chat, code, messages, responses = row
    upto = way.server.begun("Hello", " there")
    house.upstream(way).script(as_stream([*upto, way.server.fails(upto, said, "the reason")]))
    answer = house.ask(way, model=way.named("spare"), stream=True)
    error = way.client.in_band(answer.body)
    assert error["message"] == "the reason"
    assert kind(error) == {"chat": chat, "messages": messages, "responses": responses}[way.client.name]
    assert way.client is not CHAT or error["code"] == code
    assert way.client.text(answer.body) == "Hello there"
    assert len(house.upstream(way).requests) == 1


@WAYS
def test_nothing_of_an_upstream_is_read_after_its_error(house: House, way: Way) -> None:
    upto = way.server.begun("Hello")
    late = [*upto, way.server.fails(upto, "api_error", "no more"), *way.server.events("late")]
    house.upstream(way).script(as_stream(late))
    answer = house.ask(way, stream=True)
    assert way.client.in_band(answer.body)["message"] == "no more"
    assert b"late" not in answer.body


BEFORE: dict[str, Any] = {
    "error": lambda way: [*opening(way), way.server.fails(opening(way), "overloaded_error", "Overloaded")],
    "error at once": lambda way: [way.server.fails([], "overloaded_error", "Overloaded")],
    "cut": lambda way: [*opening(way), CUT],
    "end": opening,
    "nothing": lambda _: [],
    "garbage": lambda _: [b"data: {]\n\n"],
}


@WAYS
@pytest.mark.parametrize("how", BEFORE)
def test_before_content_the_next_target_answers_and_nothing_of_the_first_is_seen(
    house: House, way: Way, how: str
) -> None:
    house.upstream(way).script(as_stream(BEFORE[how](way)), way.server.stream("from", " second"))
    answer = house.ask(way, model=way.named("spare"), stream=True)
    assert said(way, answer) == "from second"
    assert answer.header("x-turnout-attempts") == "2"
    asked = [seen.json["model"] for seen in house.upstream(way).requests]
    assert asked == [way.model, "claude-haiku-4-5" if way.server is MESSAGES else "gpt-5.5-mini"]


@WAYS
@pytest.mark.parametrize("how", BEFORE)
def test_before_content_without_another_target_the_client_gets_a_real_status(house: House, way: Way, how: str) -> None:
    house.upstream(way).script(as_stream(BEFORE[how](way)))
    answer = house.ask(way, stream=True)
    expected = OVERLOADED if "error" in how else BROKEN
    assert (answer.status, way.client.error(answer)["type"]) == expected[way.client.name]


@WAYS
def test_the_context_that_is_too_long_is_told_in_the_stream_too(house: House, way: Way) -> None:
    told = "prompt is too long: 1200 tokens > 1000 maximum"
    words = "This model's maximum context length is 1000 tokens. However, your messages resulted in 1200 tokens."
    words = told if way.server is MESSAGES else words
    upto = way.server.begun("Hello")
    house.upstream(way).script(
        as_stream([*upto, way.server.fails(upto, "invalid_request_error", words)]),
        as_stream([way.server.fails([], "invalid_request_error", words)]),
    )
    late, early = (house.ask(way, stream=True) for _ in range(2))
    assert early.status == 400
    for error in (way.client.in_band(late.body), way.client.error(early)):
        if way.client is MESSAGES:
            assert error["message"] == told
        else:
            assert (error["code"], error["message"]) == ("context_length_exceeded", words)


@WAYS
def test_a_silent_stream_is_kept_alive_in_the_clients_form_and_may_still_change_its_target(
    house: House, way: Way
) -> None:
    gate = threading.Event()
    house.upstream(way).script(as_stream([*opening(way), gate, *way.server.events()[way.server.lifecycle :]]))
    with house.line(way, model=way.named("patient")) as line:
        answer = line.head()
        pieces = line.chunks(answer)
        first = next(pieces).data
        assert way.client.keepalives(first) == 1
        assert way.client.text(first) == ""
        gate.set()
        got = first + b"".join(piece.data for piece in pieces)
    assert (answer.status, way.client.text(got)) == (200, "Hello there")
    assert way.client is CHAT or got.count(way.client.opening + b"\n") == 1


@WAYS
def test_a_stream_that_was_opened_and_then_fails_says_so_in_band(house: House, way: Way) -> None:
    gate = threading.Event()
    house.upstream(way).script(as_json({"error": {"message": "oops", "type": "api_error"}}, 500).after(gate))
    with house.line(way, model=way.named("patient")) as line:
        answer = line.head()
        gate.set()
        got = b"".join(piece.data for piece in line.chunks(answer))
    assert (answer.status, answer.whole) == (200, True)
    assert way.client.in_band(got)["message"] == "oops"


@WAYS
def test_a_call_that_is_cut_in_its_arguments_is_an_error_and_no_call(house: House, way: Way) -> None:
    if way.server is CHAT:
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "read", "arguments": '{"pa'}}
        events = [chat_chunk({"role": "assistant", "content": ""}), chat_chunk({"tool_calls": [call]})]
    elif way.server is RESPONSES:
        events = response_events(calls=[Call("read", {"path": "/a/long/one"})])[:4]
    else:
        block = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}
        half = {"type": "input_json_delta", "partial_json": '{"pa'}
        events = [
            message_start(),
            event("content_block_start", index=0, content_block=block),
            event("content_block_delta", index=0, delta=half),
        ]
    house.upstream(way).script(
        Reply(parts=(*events, CUT), headers=(("content-type", "text/event-stream"),), framing="chunked")
    )
    answer = house.ask(way, stream=True)
    way.client.in_band(answer.body)
    assert b'"finish_reason":"tool_calls"' not in answer.body
    assert b'"stop_reason":"tool_use"' not in answer.body
    assert b"function_call_arguments.done" not in answer.body


@WAYS
@pytest.mark.parametrize("late", [False, True], ids=["before content", "after content"])
def test_a_credential_that_an_error_in_the_stream_quotes_is_blotted_out(house: House, way: Way, late: bool) -> None:
    ours = CREDENTIALS[way.credential]
    upto = way.server.begun("Hello") if late else []
    house.upstream(way).script(as_stream([*upto, way.server.fails(upto, "api_error", f"request with {ours} failed")]))
    answer = house.ask(way, stream=True)
    told = way.client.in_band(answer.body) if late else way.client.error(answer)
    assert told["message"] == "request with *** failed"
    assert ours not in str(answer.headers) + house.turnout.log()


@pytest.fixture(scope="module")
def hasty(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    """A server whose upstreams may be silent for 300 ms."""
    text = written(_openai, _anthropic)
    for key in ("TEST_OPENAI_KEY", "TEST_ANTHROPIC_KEY"):
        text = text.replace(f"env:{key}", f"env:{key}, timeouts: {{first_byte: 300ms, idle: 300ms}}")
    return start(text)


@WAYS
@JSON_OR_STREAM
def test_an_upstream_that_says_nothing_in_time(
    hasty: Turnout, openai: Upstream, anthropic: Upstream, way: Way, stream: bool
) -> None:
    house = House(hasty, openai, anthropic)
    house.upstream(way).script(Reply(before=(STALL,)))
    answer = house.ask(way, stream=stream)
    assert (answer.status, way.client.error(answer)["type"]) == TOO_SLOW[way.client.name]


@WAYS
def test_an_upstream_that_falls_silent_after_content(
    hasty: Turnout, openai: Upstream, anthropic: Upstream, way: Way
) -> None:
    house = House(hasty, openai, anthropic)
    house.upstream(way).script(as_stream([*way.server.begun("Hello"), STALL]))
    answer = house.ask(way, stream=True)
    assert kind(way.client.in_band(answer.body)) == TOO_SLOW[way.client.name][1]
    assert house.upstream(way).last.left_within(10)
