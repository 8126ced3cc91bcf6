"""Streams of responses: under the name that was asked for, numbered without a gap, and with an end whatever happens."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import chat_of, message_of
from tests.end_to_end.responses.house import ADA, EVERY, JSON_OR_STREAM, TRANSLATED, House, by, good, written
from tests.support.answers import DONE, chat_chunk
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api, payloads
from tests.support.events import event
from tests.support.http import Line
from tests.support.items import message_item, opened, response_of, response_stream
from tests.support.script import CUT, RESET, STALL, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.script import Step
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

MODELS = """
  patient-native: {targets: [native/gpt-5.5], hold: 200ms}
  patient-claude: {targets: [anthropic/claude-sonnet-5], hold: 200ms}
  patient-gpt: {targets: [openai/gpt-5.5], hold: 200ms}"""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, models=MODELS))


def api_of(model: str) -> Api:
    return {"claude": MESSAGES, "gpt": CHAT, "native": RESPONSES}[model.rpartition("-")[2]]


def upstream(house: House, model: str) -> Upstream:
    return house.upstream(model.rpartition("-")[2])


def numbers(stream: bytes) -> list[int]:
    return [value["sequence_number"] for value in payloads(stream)]


# names ---------------------------------------------------------------------------------------------------------------

ODD: dict[str, Any] = {
    "instructions": 'You are "gpt-5.5"',
    "metadata": {"model": "gpt-5.5"},
    "tools": [{"type": "function", "name": "model", "parameters": {"model": "gpt-5.5"}, "strict": False}],
}


@JSON_OR_STREAM
@pytest.mark.parametrize("size", [None, 1, 13])
def test_every_event_carries_the_name_that_was_asked_for_and_nothing_else_changes(
    house: House, stream: bool, size: int | None
) -> None:
    whole = response_of(message_item('I am "gpt-5.5"'), asked=ODD)
    sent = b"".join(response_stream(whole)) if stream else json.dumps(whole).encode()
    size = size or len(sent)
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    house.openai.script(as_stream(pieces) if stream else as_json(sent))
    got = good(house.ask("native", stream=stream)).body
    before, after = (payloads(one) if stream else [{"response": json.loads(one)}] for one in (sent, got))
    renamed = [value["response"] for value in before if "response" in value]
    assert len(renamed) == (3 if stream else 1)
    for response in renamed:
        response["model"] = "native"
    assert after == before


# ends ----------------------------------------------------------------------------------------------------------------

ENDS: dict[str, list[Step]] = {"cut": [CUT], "reset": [0.05, RESET], "end": [], "half": [b'event: x\ndata: {"ty']}


@EVERY
@pytest.mark.parametrize("how", ENDS)
def test_one_that_breaks_off_fails_in_the_next_number(house: House, model: str, how: str) -> None:
    upto = api_of(model).begun("Hello", " there")
    upstream(house, model).script(as_stream([*upto, *ENDS[how]]))
    answer = house.ask(model, stream=True)
    assert (answer.status, answer.whole) == (200, True)
    assert RESPONSES.text(answer.body) == "Hello there"
    assert numbers(answer.body) == list(range(len(numbers(answer.body))))
    first, *_, last = payloads(answer.body)
    assert RESPONSES.in_band(answer.body)["code"] == "server_error"
    assert (last["response"]["id"], last["response"]["model"]) == (first["response"]["id"], model)
    assert (last["response"]["status"], last["response"]["output"]) == ("failed", [])


@EVERY
def test_one_of_which_nothing_was_told_is_begun_to_be_failed(house: House, model: str) -> None:
    gate = threading.Event()
    upstream(house, model).script(as_json({"error": {"message": "oops", "type": "api_error"}}, 500).after(gate))
    with Line(house.turnout.url) as line:
        line.ask("POST", RESPONSES.path, by(ADA), RESPONSES.body(f"patient-{model}", stream=True))
        answer = line.head()
        pieces = line.chunks(answer)
        first = next(pieces).data
        gate.set()
        got = first + b"".join(piece.data for piece in pieces)
    assert RESPONSES.keepalives(first) >= 1
    assert [value["type"] for value in payloads(got)] == ["response.created", "response.failed"]
    assert numbers(got) == [0, 1]
    assert RESPONSES.in_band(got)["message"]
    assert payloads(got)[0]["response"]["model"] == f"patient-{model}"


@EVERY
def test_keep_alives_come_before_the_content_and_numbers_begin_behind_them(house: House, model: str) -> None:
    gate = threading.Event()
    api = api_of(model)
    events = api.events("Hello", " there")
    upstream(house, model).script(as_stream([*events[: api.lifecycle], gate, *events[api.lifecycle :]]))
    with Line(house.turnout.url) as line:
        line.ask("POST", RESPONSES.path, by(ADA), RESPONSES.body(f"patient-{model}", stream=True))
        answer = line.head()
        pieces = line.chunks(answer)
        first = next(pieces).data
        gate.set()
        got = first + b"".join(piece.data for piece in pieces)
    assert (RESPONSES.keepalives(first), payloads(first)) == (1, [])
    assert RESPONSES.text(got) == "Hello there"
    assert numbers(got) == list(range(len(numbers(got))))


def test_the_upstreams_own_signs_of_life_are_numbered_and_pass(house: House) -> None:
    """openai/openai-node#1964: `keepalive` is an event like any other."""
    events = RESPONSES.events("Hello", " there")
    begun = [*events[:2], event("keepalive", sequence_number=2)]
    later = [json.loads(one.partition(b"data: ")[2]) for one in events[2:]]
    moved = [event(one.pop("type"), **{**one, "sequence_number": one["sequence_number"] + 1}) for one in later]
    house.openai.script(as_stream([*begun, *moved]))
    got = good(house.ask("native", stream=True)).body
    assert numbers(got) == list(range(len(events) + 1))


@pytest.mark.parametrize("end", ["error", "response.failed"])
def test_the_upstreams_own_error_is_the_last_word(house: House, end: str) -> None:
    upto = RESPONSES.begun("Hello")
    flat = event("error", code="server_error", message="the reason", param=None, sequence_number=len(upto))
    last = flat if end == "error" else RESPONSES.fails(upto, "server_error", "the reason")
    house.openai.script(as_stream([*upto, last, STALL]))
    got = house.ask("native", stream=True).body
    assert got.endswith(last.replace(b'"gpt-5.5"', b'"native"'))
    assert numbers(got) == list(range(len(upto) + 1))


CUT_SHORT: dict[str, tuple[str, str, dict[str, Any]]] = {
    "max_output_tokens": ("length", "max_tokens", {}),
    "content_filter": ("content_filter", "refusal", {"stop_details": {"type": "refusal", "category": "cyber"}}),
}


@TRANSLATED
@JSON_OR_STREAM
@pytest.mark.parametrize("reason", CUT_SHORT)
def test_one_that_is_cut_short_says_why(house: House, model: str, stream: bool, reason: str) -> None:
    finish, stop, more = CUT_SHORT[reason]
    if model == "claude":
        message = {**message_of({"type": "text", "text": "Hello"}, stop=stop), **more}
        events = [one.replace(b'"end_turn"', json.dumps(stop).encode()) for one in MESSAGES.events("Hello")]
        house.anthropic.script(as_stream(events) if stream else as_json(message))
    else:
        chunks = [chat_chunk({"role": "assistant", "content": "Hello"}), chat_chunk({}, finish), DONE]
        house.openai.script(as_stream(chunks) if stream else as_json(chat_of({"content": "Hello"}, finish)))
    body = good(house.ask(model, stream=stream)).body
    response = payloads(body)[-1]["response"] if stream else json.loads(body)
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert not stream or payloads(body)[-1]["type"] == "response.incomplete"
    assert response["error"] is None


def test_lifecycle_alone_is_no_answer(house: House) -> None:
    begun = [event(kind, **fields, sequence_number=at) for at, (kind, fields) in enumerate(opened(response_of()))]
    house.openai.script(as_stream(begun))
    answer = house.ask("native", stream=True)
    assert (answer.status, RESPONSES.error(answer)["type"]) == (502, "server_error")
