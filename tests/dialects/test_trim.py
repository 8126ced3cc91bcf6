"""Fences and stop sequences, wherever the text is split."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.trim import Cut, Fence
from tests.dialects.gpt import cut

FENCED = [
    ('```json\n{"a": 1}\n```', '{"a": 1}'),
    ('```\n{"a": 1}\n```', '{"a": 1}'),
    (' \n```JSON\n\n{"a": 1}\n\n```\n\n', '{"a": 1}'),
    ('```json{"a": 1}```', '{"a": 1}'),
    ('```json\n{"a": "```"}\n```', '{"a": "```"}'),
    ('```json\n{"a": 1}', '{"a": 1}'),
    ('```json\n{"a": 1}\n', '{"a": 1}\n'),
    ('```json\n{"a": 1}\n``', '{"a": 1}\n``'),
    ('{"a": 1}', '{"a": 1}'),
    ('{"a": "```"}', '{"a": "```"}'),
    ("Here:\n```json\n{}\n```", "Here:\n```json\n{}\n```"),
    ('```json\n{"a": 1}\n```\nDone.', '{"a": 1}\n```\nDone.'),
    ("``", "``"),
    ("```json", "```json"),
    ("  ", "  "),
    ("", ""),
]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 99])
@pytest.mark.parametrize(("text", "inside"), FENCED)
def test_a_fence_around_a_text_is_taken_off(text: str, inside: str, size: int) -> None:
    fence = Fence()
    for _ in range(2):  # the next text begins anew
        assert "".join(map(fence.feed, cut(text, size))) + fence.end() == inside


@given(st.text(alphabet="a` \n{", max_size=20), st.integers(1, 20))
def test_a_fence_is_the_same_wherever_the_text_is_split(text: str, size: int) -> None:
    fence, whole = Fence(), Fence()
    assert "".join(map(fence.feed, cut(text, size))) + fence.end() == whole.feed(text) + whole.end()


@given(
    st.text(alphabet="abc", max_size=20),
    st.lists(st.text(alphabet="abc", min_size=1, max_size=4), min_size=1, max_size=3),
    st.integers(1, 9),
)
def test_the_text_ends_before_the_stop_sequence_that_is_complete_first(text: str, stops: list[str], size: int) -> None:
    ends = [found.end() for stop in stops if (found := re.search(re.escape(stop), text))]
    cutter = Cut(tuple(stops))
    got = "".join(map(cutter.feed, cut(text, size))) + cutter.end()
    if not ends:
        assert (got, cutter.hit) == (text, None)
        return
    hit = max((stop for stop in stops if text[: min(ends)].endswith(stop)), key=len)
    assert (got, cutter.hit) == (text[: min(ends) - len(hit)], hit)
    assert cutter.feed("more") == cutter.end() == ""


def test_a_million_pieces_cost_what_one_does() -> None:
    """Text that is looked at again with every piece would take minutes here."""
    blanks = [" " * 5] * 300_000
    fence = Fence()
    assert "".join(map(fence.feed, [*blanks, '```json{"a":', *blanks, "1}", *blanks, "```"])) + fence.end() == (
        '{"a":' + "".join(blanks) + "1}"
    )
    stop = "a" * 1_000_000 + "b"
    cutter = Cut((stop,))
    assert "".join(map(cutter.feed, ["aaaaa"] * 200_001)) == "aaaaa"
    assert cutter.feed("b") == ""
    assert cutter.hit == stop


def test_what_cannot_be_a_stop_sequence_goes_on_at_once() -> None:
    cutter = Cut(("STOP", ""))
    assert cutter.feed("one S") == "one "
    assert cutter.feed("T") == ""
    assert cutter.feed("ART") == "START"
