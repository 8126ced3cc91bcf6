"""A finish_reason before [DONE], where the upstream gave none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects import OPENAI
from engine.dialects.finishing import FinishingTap
from engine.dialects.sse import frame
from tests.dialects.splits import pieces
from tests.dialects.test_tap import DONE, chunk, encoded, legacy

END_CHAT = chunk({}, "stop")
END_LEGACY = legacy("", "stop")
HI = [chunk({"role": "assistant"}), chunk({"content": "Hi"})]


def told(stream: list[bytes], api: Any = "chat", sizes: tuple[int, ...] = (10**6,), rename: str | None = None) -> bytes:
    tap = FinishingTap(OPENAI.tap(api, rename), api)
    out = [tap.feed(piece) for piece in pieces(b"".join(stream), sizes)]
    return b"".join([*out, tap.finish()])


def read(stream: bytes) -> list[Any]:
    data = [event.removeprefix(b"data: ") for event in stream.replace(b"\r\n", b"\n").split(b"\n\n") if event]
    return [one if one == b"[DONE]" else json.loads(one) for one in data]


@pytest.mark.parametrize("sizes", [(10**6,), (1,), (7,), (3, 40)])
@pytest.mark.parametrize(
    ("api", "chunks", "end"), [("chat", HI, END_CHAT), ("completions", [legacy("Hi")], END_LEGACY)]
)
def test_it_is_said_where_it_was_not(api: str, chunks: list[bytes], end: bytes, sizes: tuple[int, ...]) -> None:
    *said, last, done = read(told([*chunks, DONE], api, sizes))
    assert (said, done) == (read(b"".join(chunks)), b"[DONE]")
    assert last == json.loads(end.removeprefix(b"data: "))


@pytest.mark.parametrize(
    "stream",
    [
        [*HI, END_CHAT, DONE],
        [*HI, chunk({}, "length"), chunk(None, usage={"total_tokens": 3}), DONE],
        [chunk({"content": "Hi"}, "stop"), DONE],
        [*HI, frame(b'{"choices": [{"index": 0, "delta": {}, "finish_reason" : "stop"}]}'), DONE],
        HI,
        [*HI, END_CHAT],
        [DONE],
        [frame(encoded({"error": {"message": "no"}})), DONE],
    ],
)
def test_a_stream_that_says_it_or_was_cut_off_stays_as_it_is(stream: list[bytes]) -> None:
    plain = OPENAI.tap("chat", None)
    whole = plain.feed(b"".join(stream)) + plain.finish()
    assert told(stream) == whole


def test_words_of_the_model_are_no_finish() -> None:
    text = 'it said "finish_reason": "stop" and [DONE]'
    *_, last, done = read(told([*HI, chunk({"content": text}), DONE]))
    assert (last["choices"][0]["finish_reason"], done) == ("stop", b"[DONE]")


def test_a_null_is_no_finish_however_it_is_written() -> None:
    odd = frame(b'{"id":"c","choices":[{"index":0,"delta":{"content":"x"},"finish_reason" :  null}]}')
    *_, last, _ = read(told([odd, DONE]))
    assert last == {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def test_the_usage_is_not_said_twice_and_the_name_is_the_one_asked_for() -> None:
    *_, usage, last, _ = read(told([*HI, chunk(None, usage={"total_tokens": 3}), DONE], rename="asked"))
    assert usage["usage"] == {"total_tokens": 3}
    assert ("usage" in last, last["model"]) == (False, "asked")


def test_lines_may_end_in_crlf() -> None:
    stream = [event.replace(b"\n", b"\r\n") for event in (*HI, DONE)]
    for sizes in ((10**6,), (1,)):
        *_, last, done = read(told(stream, sizes=sizes))
        assert (last["choices"][0]["finish_reason"], done) == ("stop", b"[DONE]")


def test_it_is_otherwise_the_tap_that_it_wraps() -> None:
    tap = FinishingTap(OPENAI.tap("chat", None), "chat")
    assert (tap.committed, tap.ended, tap.over, tap.told, tap.failure) == (False, False, False, True, None)
    assert tap.feed(HI[0]) == b""
    assert tap.feed(HI[1]) == HI[0] + HI[1]
    assert (tap.committed, tap.ended) == (True, False)
    assert tap.feed(frame(encoded({"error": {"message": "no", "type": "server_error"}}))) != b""
    assert tap.failure is not None
    assert tap.finish() == b""


CHUNKS = st.sampled_from([HI[1], chunk({"content": "[DONE]"}), chunk({}, "stop"), chunk(None, usage={}), b": x\n\n"])


@given(st.lists(CHUNKS, max_size=5), st.lists(st.integers(1, 90), min_size=1, max_size=4))
def test_no_split_changes_what_is_said(chunks: list[bytes], sizes: list[int]) -> None:
    stream = [HI[1], *chunks, DONE]
    assert told(stream, sizes=tuple(sizes)) == told(stream)
    finishes = [one for one in read(told(stream).replace(b": x\n\n", b"")) if one != b"[DONE]" and one["choices"]]
    assert any(one["choices"][0]["finish_reason"] for one in finishes)
