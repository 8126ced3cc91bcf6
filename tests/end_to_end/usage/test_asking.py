"""Streams of chat completions tell their usage only where they are asked: we ask, and the client does not see it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.usage.house import CHAT_USAGE, CHUNK, USAGE, WORDS, chat, record
from tests.support import answers
from tests.support.events import data
from tests.support.http import Answer, post
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

PATH = "/v1/chat/completions"
BODY = {"model": "to-chat", "stream": True, "messages": [{"role": "user", "content": "Hi"}], "x_unknown": {"b": 1.50}}
HEAD = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-5.5"}


def ask(turnout: Turnout, path: str = PATH, **fields: Any) -> Answer:
    answer = post(turnout.url, path, json.dumps({**BODY, **fields}).encode())
    assert answer.status == 200, answer.body
    return answer


def as_asked(stream: list[bytes]) -> bytes:
    """Return the bytes that the client is to get: the name it asked for, every other byte as the upstream sent it."""
    return b"".join(stream).replace(b'"gpt-5.5"', b'"to-chat"')


def test_what_is_asked_and_nothing_else(turnout: Turnout, openai: Upstream) -> None:
    raw = b'{"model":"to-chat","stream":true,"x":1.50,"messages":[{"role":"user","content":"H\\u00e9"}]}'
    assert post(turnout.url, PATH, raw).status == 200
    sent = openai.last.body
    assert sent == raw.replace(b"to-chat", b"gpt-5.5")[:-1] + b',"stream_options":{"include_usage":true}}'


def test_the_client_does_not_see_the_chunk(turnout: Turnout, openai: Upstream) -> None:
    *events, done = answers.chat_events(WORDS)
    events = [one.replace(b'"choices"', b'"usage": null, "choices"') for one in events]
    openai.script(as_stream([*events, CHUNK, done]))
    got = ask(turnout)
    assert got.body == as_asked([*events, done])
    assert record(turnout, got)["usage"] == {**USAGE, "estimated": False}


@pytest.mark.parametrize("line", [b"\r\n", pytest.param(b"\r", marks=pytest.mark.odd_stream)])
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_however_the_bytes_come(turnout: Turnout, openai: Upstream, line: bytes, size: int) -> None:
    *events, done = answers.chat_events(WORDS)
    body = b"".join([*events, CHUNK, done]).replace(b"\n", line)
    openai.script(as_stream([body[at : at + size] for at in range(0, len(body), size)]))
    got = ask(turnout)
    assert b"usage" not in got.body
    assert got.body.rstrip(b"\r\n") == as_asked([*events, done]).replace(b"\n", line).rstrip(b"\r\n")
    assert record(turnout, got)["usage"] == {**USAGE, "estimated": False}


def test_a_client_that_asks_gets_it(turnout: Turnout, openai: Upstream) -> None:
    got = ask(turnout, stream_options={"include_usage": True})
    *events, done = answers.chat_events(WORDS)
    assert got.body == as_asked([*events, CHUNK, done])
    assert openai.last.json["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (None, {"include_usage": True}),
        ({"include_usage": False}, {"include_usage": True}),
        ({"include_usage": None}, {"include_usage": True}),
        ({"include_obfuscation": False}, {"include_obfuscation": False, "include_usage": True}),
    ],
)
def test_other_options_stay(turnout: Turnout, openai: Upstream, options: Any, sent: Any) -> None:
    assert b"usage" not in ask(turnout, stream_options=options).body
    assert openai.last.json["stream_options"] == sent


@pytest.mark.odd_stream
def test_usage_on_the_last_chunk_stays_where_it_is(turnout: Turnout, openai: Upstream) -> None:
    """A chunk with a choice is not ours to drop."""
    *events, _, done = answers.chat_events(WORDS)
    last = answers.chat_chunk({}, "stop", usage=CHAT_USAGE)
    openai.script(as_stream([*events, last, done]))
    got = ask(turnout)
    assert got.body == as_asked([*events, last, done])
    assert record(turnout, got)["usage"] == {**USAGE, "estimated": False}


@pytest.mark.odd_stream
def test_a_chunk_without_choices_that_is_no_usage_stays(turnout: Turnout, openai: Upstream) -> None:
    """Azure begins its streams with what its filters say."""
    *events, done = answers.chat_events(WORDS)
    first = data({"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": []})
    openai.script(as_stream([first, *events, CHUNK, done]))
    assert b"prompt_filter_results" in ask(turnout).body


def test_legacy_completions_too(turnout: Turnout, openai: Upstream) -> None:
    events = [data({**HEAD, "choices": [{"index": 0, "text": word, "finish_reason": None}]}) for word in WORDS]
    events.append(data({**HEAD, "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}))
    usage = data({**HEAD, "choices": [], "usage": CHAT_USAGE})
    openai.script(as_stream([*events, usage, answers.DONE]))
    got = post(turnout.url, "/v1/completions", {"model": "to-chat", "stream": True, "prompt": "Hi"})
    assert got.body == as_asked([*events, answers.DONE])
    assert openai.last.json["stream_options"] == {"include_usage": True}
    assert record(turnout, got)["usage"] == {**USAGE, "estimated": False}


def test_whole_answers_are_not_asked(turnout: Turnout, openai: Upstream) -> None:
    ask(turnout, stream=False)
    assert "stream_options" not in openai.last.json


def test_families_that_refuse_it_are_not_asked(turnout: Turnout, openai: Upstream) -> None:
    openai.script(chat(stream=True, told=False))
    got = ask(turnout, model="to-mistral")
    assert "stream_options" not in openai.last.json
    assert record(turnout, got)["usage"]["estimated"] is True


REFUSALS = {
    "mistral": (
        422,
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs forbidden"}]},
    ),
    "openai": (400, {"error": {"message": "Unknown parameter: 'stream_options'.", "type": "invalid_request_error"}}),
    "in words": (400, {"error": {"message": "include_usage is not supported here", "type": "invalid_request_error"}}),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_who_refuses_it_is_asked_without_it_from_then_on(turnout: Turnout, openai: Upstream, how: str) -> None:
    status, error = REFUSALS[how]
    model = f"refuses-{how.replace(' ', '-')}"
    *events, done = answers.chat_events(WORDS)
    openai.script(as_json(error, status), as_stream([*events, done]), as_stream([*events, done]))
    got = ask(turnout, model=model)
    assert got.body == b"".join([*events, done])
    told = record(turnout, got)
    assert ["stream_options" in seen.json for seen in openai.requests] == [True, False]
    assert told["corrected"] == ["stream_options"]
    assert told["usage"]["estimated"] is True
    ask(turnout, model=model)
    assert len(openai.requests) == 3
    assert "stream_options" not in openai.last.json


def test_a_client_that_asks_where_it_is_refused_is_told_so(turnout: Turnout, openai: Upstream) -> None:
    status, error = REFUSALS["openai"]
    openai.script(as_json(error, status))
    body = {**BODY, "stream_options": {"include_usage": True}}
    answer = post(turnout.url, PATH, body)
    assert (answer.status, answer.json) == (400, error)
    assert len(openai.requests) == 1


def test_the_file_has_the_last_word(turnout: Turnout, openai: Upstream) -> None:
    for model in ("unset", "set-off"):
        openai.script(chat(stream=True, told=False))
        ask(turnout, model=model)
        assert openai.last.json.get("stream_options") in (None, {"include_usage": False})


def test_the_log_for_people(turnout: Turnout) -> None:
    """Short: what went in, cached or not, what came out, what it costs."""
    since = len(turnout.log())
    turnout.taken(lambda: turnout.rewrite(turnout.file.read_text().replace("format: json", "format: text")))
    try:
        ask(turnout)
        line = turnout.wait_for(re.compile(r"POST /v1/chat/completions to-chat .*"), since=since).group()
        assert " tokens=160+30 cost=$0.0006 " in line
    finally:
        turnout.taken(lambda: turnout.rewrite(turnout.file.read_text().replace("format: text", "format: json")))
