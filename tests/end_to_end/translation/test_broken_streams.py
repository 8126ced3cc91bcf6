"""Translated streams that go wrong: before content another target answers, after it one error in the client's form."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.translation.house import JSON_OR_STREAM, WAYS, House, Way, said, written
from tests.support.answers import chat_chunk, data, event, message_start
from tests.support.apis import CHAT
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
"""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS))


def spare(way: Way) -> str:
    return "spare-gpt" if way.server is CHAT else "spare-claude"


def patient(way: Way) -> str:
    return "patient-gpt" if way.server is CHAT else "patient-claude"


def opening(way: Way) -> list[bytes]:
    """Return what the upstream says before its first content."""
    return way.server.events()[: way.server.lifecycle]


def begun(way: Way, *words: str) -> list[bytes]:
    """Return the events of the upstream's stream up to its last word."""
    events = way.server.events(*words)
    last = max(at for at, one in enumerate(events) if words[-1].encode() in one)
    return events[: last + 1]


def in_band(way: Way, kind: str, message: str) -> bytes:
    """Return an error inside the upstream's stream."""
    if way.server is CHAT:
        return data({"error": {"message": message, "type": kind, "param": None, "code": None}})
    return event("error", error={"type": kind, "message": message})


ENDS: dict[str, list[Step]] = {"cut": [CUT], "reset": [0.05, RESET], "end": []}


@WAYS
@pytest.mark.parametrize("how", ENDS)
def test_a_stream_that_breaks_off_after_content_ends_with_one_error(house: House, way: Way, how: str) -> None:
    house.upstream(way).script(as_stream([*begun(way, "Hello", " there"), *ENDS[how]]))
    answer = house.ask(way, model=spare(way), stream=True)
    assert (answer.status, answer.whole) == (200, True)
    assert way.client.text(answer.body) == "Hello there"
    error = way.client.in_band(answer.body)
    assert error["type"] == ("server_error" if way.client is CHAT else "api_error")
    assert len(house.upstream(way).requests) == 1


IN_BAND = [
    # the upstream's error, what a chat client reads (type, code), what a messages client reads
    ("overloaded_error", "server_error", "overloaded", "overloaded_error"),
    ("rate_limit_error", "requests", "rate_limit_exceeded", "rate_limit_error"),
    ("api_error", "server_error", "upstream_error", "api_error"),
    ("server_error", "server_error", "upstream_error", "api_error"),
    ("invalid_request_error", "invalid_request_error", None, "invalid_request_error"),
]


@WAYS
@pytest.mark.parametrize(("kind", "chat", "code", "messages"), IN_BAND, ids=lambda one: one)
def test_an_error_after_content_is_told_in_the_clients_form(
    house: House, way: Way, kind: str, chat: str, code: str | None, messages: str
) -> None:
    house.upstream(way).script(as_stream([*begun(way, "Hello", " there"), in_band(way, kind, "the reason")]))
    answer = house.ask(way, model=spare(way), stream=True)
    error = way.client.in_band(answer.body)
    assert (error["type"], error["message"]) == (chat if way.client is CHAT else messages, "the reason")
    assert way.client is not CHAT or error["code"] == code
    assert way.client.text(answer.body) == "Hello there"
    assert len(house.upstream(way).requests) == 1


@WAYS
def test_nothing_of_an_upstream_is_read_after_its_error(house: House, way: Way) -> None:
    late = [*begun(way, "Hello"), in_band(way, "api_error", "no more"), *way.server.events("late")]
    house.upstream(way).script(as_stream(late))
    answer = house.ask(way, stream=True)
    assert way.client.in_band(answer.body)["message"] == "no more"
    assert b"late" not in answer.body


BEFORE: dict[str, Any] = {
    "error": lambda way: [*opening(way), in_band(way, "overloaded_error", "Overloaded")],
    "error at once": lambda way: [in_band(way, "overloaded_error", "Overloaded")],
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
    answer = house.ask(way, model=spare(way), stream=True)
    assert said(way, answer) == "from second"
    assert answer.header("x-turnout-attempts") == "2"
    assert [seen.json["model"] for seen in house.upstream(way).requests] == (
        ["gpt-5.5", "gpt-5.5-mini"] if way.server is CHAT else ["claude-sonnet-5", "claude-haiku-4-5"]
    )


@WAYS
@pytest.mark.parametrize("how", BEFORE)
def test_before_content_without_another_target_the_client_gets_a_real_status(house: House, way: Way, how: str) -> None:
    house.upstream(way).script(as_stream(BEFORE[how](way)))
    answer = house.ask(way, stream=True)
    overloaded = "error" in how
    if way.client is CHAT:
        assert (answer.status, way.client.error(answer)["type"]) == (503 if overloaded else 502, "server_error")
    else:
        kind = "overloaded_error" if overloaded else "api_error"
        assert (answer.status, way.client.error(answer)["type"]) == (529 if overloaded else 500, kind)


@WAYS
def test_the_context_that_is_too_long_is_told_in_the_stream_too(house: House, way: Way) -> None:
    words = (
        "This model's maximum context length is 1000 tokens. However, your messages resulted in 1200 tokens."
        if way.server is CHAT
        else "prompt is too long: 1200 tokens > 1000 maximum"
    )
    house.upstream(way).script(
        as_stream([*begun(way, "Hello"), in_band(way, "invalid_request_error", words)]),
        as_stream([in_band(way, "invalid_request_error", words)]),
    )
    late, early = (house.ask(way, stream=True) for _ in range(2))
    assert early.status == 400
    for error in (way.client.in_band(late.body), way.client.error(early)):
        if way.client is CHAT:
            assert (error["code"], error["message"]) == ("context_length_exceeded", words)
        else:
            assert error["message"] == "prompt is too long: 1200 tokens > 1000 maximum"


@WAYS
def test_a_silent_stream_is_kept_alive_in_the_clients_form_and_may_still_change_its_target(
    house: House, way: Way
) -> None:
    gate = threading.Event()
    house.upstream(way).script(as_stream([*opening(way), gate, *way.server.events()[way.server.lifecycle :]]))
    with house.line(way, model=patient(way)) as line:
        answer = line.head()
        pieces = line.chunks(answer)
        first = next(pieces).data
        assert way.client.keepalives(first) == 1
        assert way.client.text(first) == ""
        gate.set()
        got = first + b"".join(piece.data for piece in pieces)
    assert (answer.status, way.client.text(got)) == (200, "Hello there")
    assert got.count(b"event: message_start\n") == (way.client is not CHAT)


@WAYS
def test_a_stream_that_was_opened_and_then_fails_says_so_in_band(house: House, way: Way) -> None:
    gate = threading.Event()
    house.upstream(way).script(as_json({"error": {"message": "oops", "type": "api_error"}}, 500).after(gate))
    with house.line(way, model=patient(way)) as line:
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


@WAYS
@pytest.mark.parametrize("late", [False, True], ids=["before content", "after content"])
def test_a_credential_that_an_error_in_the_stream_quotes_is_blotted_out(house: House, way: Way, late: bool) -> None:
    ours = CREDENTIALS["TEST_OPENAI_KEY" if way.server is CHAT else "TEST_ANTHROPIC_KEY"]
    error = in_band(way, "api_error", f"request with {ours} failed")
    house.upstream(way).script(as_stream([*(begun(way, "Hello") if late else ()), error]))
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
    kind = "server_error" if way.client is CHAT else "timeout_error"
    assert (answer.status, way.client.error(answer)["type"]) == (504, kind)


@WAYS
def test_an_upstream_that_falls_silent_after_content(
    hasty: Turnout, openai: Upstream, anthropic: Upstream, way: Way
) -> None:
    house = House(hasty, openai, anthropic)
    house.upstream(way).script(as_stream([*begun(way, "Hello"), STALL]))
    answer = house.ask(way, stream=True)
    kind = "server_error" if way.client is CHAT else "timeout_error"
    assert way.client.in_band(answer.body)["type"] == kind
    assert house.upstream(way).last.left_within(1)
