"""Server-sent events: the cut between two of them, whatever the line ends and wherever the bytes are split."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dialects.sse import Splitter, frame, parse
from tests.dialects.splits import pieces

CUTS = [
    ("LF", b"data: a\n\ndata: b\n\n", [b"data: a\n\n", b"data: b\n\n"]),
    ("CRLF", b"data: a\r\n\r\ndata: b\r\n\r\n", [b"data: a\r\n\r\n", b"data: b\r\n\r\n"]),
    ("CR", b"data: a\r\rdata: b\r\r", [b"data: a\r\r", b"data: b\r\r"]),
    ("mixed", b"data: a\r\n\ndata: b\n\r\n", [b"data: a\r\n\n", b"data: b\n\r\n"]),
    ("a CRLF is one line end", b"event: x\r\ndata: a\r\n\r\n", [b"event: x\r\ndata: a\r\n\r\n"]),
    ("unfinished", b"data: a\n\ndata: b\n", [b"data: a\n\n"]),
    ("comment", b": hi\n\ndata: a\n\n", [b": hi\n\n", b"data: a\n\n"]),
]


@pytest.mark.parametrize(("stream", "events"), [cut[1:] for cut in CUTS], ids=[cut[0] for cut in CUTS])
def test_events_end_at_an_empty_line(stream: bytes, events: list[bytes]) -> None:
    splitter = Splitter()
    assert splitter.feed(stream) == events
    assert b"".join(events) + splitter.rest == stream


MEANINGS = [
    (b"data: a\n\n", b"", b"a"),
    (b"data:a\n\n", b"", b"a"),
    (b"data:  a\n\n", b"", b" a"),
    (b"data: a\r\n\r\n", b"", b"a"),
    (b"data: a\ndata: b\n\n", b"", b"a\nb"),
    (b"event: ping\ndata: {}\n\n", b"ping", b"{}"),
    (b"event:ping\rdata:{}\r\r", b"ping", b"{}"),
    (b"\xef\xbb\xbfdata: a\n\n", b"", b"a"),
    (b": a comment\n\n", b"", None),
    (b"\n\n", b"", None),
    (b"id: 7\nretry: 10\n\n", b"", None),
    (b"data\n\n", b"", b""),
    (b": why\ndata: a\n\n", b"", b"a"),
]


@pytest.mark.parametrize(("event", "name", "data"), MEANINGS)
def test_what_an_event_says(event: bytes, name: bytes, data: bytes | None) -> None:
    assert parse(event) == (name, data)


def test_a_frame_is_read_back() -> None:
    assert parse(frame(b"{}", b"message_stop")) == (b"message_stop", b"{}")
    assert frame(b"[DONE]") == b"data: [DONE]\n\n"


def test_thirty_megabytes_may_come_in_pieces() -> None:
    """What has come is not copied with every piece: that would take an hour here."""
    for end in (b"\n\n", b"\r\n\r\n"):
        splitter = Splitter()
        assert splitter.feed(b"data: " + end[:-2]) == []
        for piece in [b"x" * 30] * 1_000_000:
            assert not splitter.feed(piece)
        assert splitter.size == 30_000_006 + len(end) - 2
        assert [len(event) for event in splitter.feed(end)] == [30_000_006 + 2 * len(end) - 2]
        assert not splitter.busy


def test_a_million_lines_are_one_text() -> None:
    assert parse(b"data: a\n" * 3_000_000 + b"\n") == (b"", b"\n".join([b"a"] * 3_000_000))


streams = st.lists(st.sampled_from([b"data: a", b": c", b"\n", b"\r", b"\r\n", b"x", b"\xef\xbb\xbf"])).map(b"".join)


@given(streams, st.lists(st.integers(1, 9), min_size=1, max_size=5))
@settings(deadline=None)
def test_any_split_gives_the_same_events(stream: bytes, sizes: list[int]) -> None:
    whole = Splitter()
    expected = whole.feed(stream)
    splitter = Splitter()
    events: list[bytes] = []
    for piece in pieces(stream, sizes):
        for event in splitter.feed(piece):
            if event == b"\n":
                events[-1] += event  # the second half of a CRLF
            else:
                events.append(event)
    assert events == expected
    assert splitter.rest == whole.rest
