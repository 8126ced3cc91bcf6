"""What a relay reads off the events of the Realtime API, by value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.chat import Problem, Usage
from engine.dialects.realtime import Said as Told
from engine.dialects.realtime import asked_model, error, heard, said, with_model

USED = {"input_tokens": 40, "output_tokens": 20, "input_token_details": {"cached_tokens": 16, "audio_tokens": 30}}


def event(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields}).encode()


@pytest.mark.parametrize(
    "data",
    [
        event("input_audio_buffer.append", audio="AAAA"),
        event("session.update", session={"instructions": "x"}),
        event("session.update", session=None),
        event("session.update"),
        event("conversation.item.create", session={"model": "x"}),
        b'{ "type" : "response.create" , "a": 1.0 }',
        b"{}",
    ],
)
def test_other_events_pass_byte_for_byte(data: bytes) -> None:
    assert heard(data, "real") == data
    assert said(data, "asked") == Told(data)


def test_the_model_of_a_session_is_replaced_and_nothing_else() -> None:
    data = b'{"type":"session.update","event_id":"e","session":{"a":1.50,"model":"asked","b":{"model":"whisper"}}}'
    assert heard(data, "real") == data.replace(b'"asked"', b'"real"')
    for kind in (b"session.created", b"session.updated"):
        told = data.replace(b"session.update", kind)
        assert said(told, "shown") == Told(told.replace(b'"asked"', b'"shown"'))


def test_a_name_that_is_escaped_is_a_name() -> None:
    data = b'{"t\\u0079pe":"session\\u002eupdate","session":{"mod\\u0065l":"dear"}}'
    assert json.loads(heard(data, "real"))["session"] == {"model": "real"}
    twice = b'{"type":"x","type":"session.update","session":{"model":"a","model":"dear"},"session":{"model":"dear"}}'
    assert b"dear" not in heard(twice, "real")


@pytest.mark.parametrize(
    "data", [b"", b"no", b"[]", b'{"type":1}', b'{"type":"a"', b'{"type":"a","b":NaN}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_event(data: bytes) -> None:
    with pytest.raises(Problem) as told:
        heard(data, "real")
    assert (told.value.status, told.value.code) == (400, "invalid_json")
    assert said(data, "asked") == Told(data)


def test_responses_begin_and_end() -> None:
    assert said(event("response.created", response={"id": "r"}), "m").begins
    done = said(event("response.done", response={"id": "r", "usage": USED}), "m")
    assert (done.ends, done.usage) == (True, Usage(input=24, cache_read=16, output=20))
    assert said(event("error", error={"message": "x"}), "m").error


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        (None, None),
        ({}, None),
        ({"input_tokens": 5}, Usage(input=5)),
        ({"output_tokens": 7, "input_tokens": None}, Usage(output=7)),
        ({"input_tokens": 5, "input_token_details": {"cached_tokens": 9}}, Usage(cache_read=5)),
        ({"input_tokens": -5, "output_tokens": 10**30}, Usage(output=10**11)),
        ({"input_tokens": "5", "output_tokens": [1]}, Usage()),
        ("much", None),
        ({"input_tokens": 5, "input_token_details": []}, None),
    ],
)
def test_usage_as_far_as_it_is_one(usage: object, found: Usage | None) -> None:
    assert said(event("response.done", response={"usage": usage}), "m").usage == found


def test_what_a_response_that_is_cut_off_wrote_is_guessed_from_its_pieces() -> None:
    for kind in ("response.output_audio.delta", "response.audio.delta"):
        assert said(event(kind, delta="A" * 31_998), "m").wrote == 10
    for kind in ("response.output_text.delta", "response.function_call_arguments.delta"):
        assert said(event(kind, delta="a" * 38), "m").wrote == 10
    assert said(event("conversation.item.input_audio_transcription.delta", delta="a" * 38), "m").wrote == 0


def test_a_done_without_a_response_ends_one() -> None:
    assert said(event("response.done"), "m") == Told(event("response.done"), ends=True)


def test_an_error_has_the_fields_of_one() -> None:
    told = json.loads(error(Problem(429, "quota", "spent"), "event_1", "req_1"))
    assert told == {
        "type": "error",
        "event_id": "event_1",
        "error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "spent", "param": None},
    }


@pytest.mark.parametrize(
    ("query", "model", "renamed"),
    [
        (b"model=a", "a", b"model=x%2Fy"),
        (b"a=%20&model=b%2Fc+d&e", "b/c d", b"a=%20&model=x%2Fy&e"),
        (b"m%6fdel=a&MODEL=b", "a", b"model=x%2Fy&MODEL=b"),
        (b"model=a&model=b", "a", b"model=x%2Fy&model=x%2Fy"),
        (b"model=", "", b"model=x%2Fy"),
        (b"intent=transcription", None, b"intent=transcription"),
        (b"", None, b""),
    ],
)
def test_the_query_is_carried_but_for_the_model(query: bytes, model: str | None, renamed: bytes) -> None:
    assert asked_model(query) == model
    assert with_model(query, "x/y") == renamed
