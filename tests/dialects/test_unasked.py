"""The chunk that nobody asked for is dropped, whatever line ends it has and however it comes; nothing else is."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.chat import Failure
from engine.dialects import OPENAI
from engine.dialects.unasked import Unasked, asking, is_ours, names_it
from tests.dialects.splits import pieces
from tests.support import answers
from tests.support.events import data

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
*SAID, DONE = answers.chat_events(("Hello", " there"))
DROPPED = data({"id": "chatcmpl-1", "choices": [], "usage": USAGE})
KEPT = {
    "null usage": data({"choices": [], "usage": None}),
    "empty usage, a choice": data({"choices": [{"index": 0, "delta": {}}], "usage": USAGE}),
    "nothing but filters": data({"choices": [], "prompt_filter_results": [{"usage": {"a": 1}}]}),
    "no choices at all": data({"usage": USAGE}),
    "a comment": b': "usage": {\n\n',
    "no JSON": b'data: "usage": {\n\n',
}


def through(body: bytes, sizes: list[int]) -> bytes:
    tap = Unasked(OPENAI.tap("chat", None))
    out = b"".join(tap.feed(piece) for piece in pieces(body, sizes)) + tap.finish()
    assert tap.ended
    return out


kept = st.lists(st.sampled_from([*SAID[1:-1], KEPT["null usage"], KEPT["empty usage, a choice"]]), max_size=3)


@given(kept, kept, st.sampled_from([b"\n", b"\r\n", b"\r"]), st.lists(st.integers(1, 300), min_size=1))
@settings(deadline=None)
def test_every_other_byte_stays(before: list[bytes], after: list[bytes], line: bytes, sizes: list[int]) -> None:
    def stream(*middle: bytes) -> bytes:
        return b"".join([*SAID, *before, *middle, *after, DONE]).replace(b"\n", line)

    assert through(stream(DROPPED), sizes) == stream()
    assert through(stream(DROPPED, DROPPED), sizes) == stream()


@pytest.mark.parametrize("name", KEPT)
def test_what_is_something_else_stays(name: str) -> None:
    tap = Unasked(OPENAI.tap("chat", None))
    out = tap.feed(b"".join(SAID[:2])) + tap.change(KEPT[name])
    assert out == b"".join([*SAID[:2], KEPT[name]])


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("{}", {"include_usage": True}),
        ('{"stream_options": null}', {"include_usage": True}),
        ('{"stream_options": {"include_usage": false, "a": 1.50}}', {"include_usage": True, "a": 1.5}),
        ('{"stream_options": {"include_usage": true}}', None),
        ('{"stream_options": {"include_usage" :  true }}', None),
    ],
)
def test_it_is_asked_for_once(written: str, asked: dict[str, Any] | None) -> None:
    fields = msgspec.json.decode(written, type=dict[str, msgspec.Raw])
    told = asking(fields)
    assert (told is fields) is (asked is None)
    assert asked is None or json.loads(msgspec.json.encode(told))["stream_options"] == asked


def test_what_the_file_has_set_counts_as_asked() -> None:
    assert asking({"stream_options": {"include_usage": False}}) == {"stream_options": {"include_usage": True}}
    strange = {"stream_options": 1}
    assert asking(strange) is strange
    assert is_ours(["temperature", "stream_options_too"])
    assert not is_ours(["stream_options"])
    assert not is_ours(["a", "stream_options.include_usage"])


def test_a_refusal_names_it() -> None:
    assert names_it(Failure(reason="bad_request", message="no include_usage here"))
    assert names_it(Failure(reason="bad_request", message="no", body=b'{"loc": ["body", "stream_options"]}'))
    assert not names_it(Failure(reason="bad_request", message="no", body=b"{}"))
