"""Patterns are literal but for `*`; conditions say in words why they do not hold."""

from __future__ import annotations

import fnmatch
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.sections.routes import When
from engine.facts import Depth, Facts
from engine.plan.match import conditions, deep_fields, path_matches, pattern
from engine.plan.rules import mismatch

MATCHES = [
    ("gpt-*", "gpt-5.5", ("5.5",)),
    ("gpt-*", "gpt-", ("",)),
    ("gpt-*", "GPT-5", None),
    ("gpt-5.5", "gpt-5.5", ()),
    ("gpt-5.5", "gpt-5x5", None),
    ("claude-x[1m]", "claude-x[1m]", ()),
    ("claude-x[1m]", "claude-x1", None),
    ("claude-?", "claude-x", None),
    ("ollama/*", "ollama/org/model:8b", ("org/model:8b",)),
    ("*", "", ("",)),
    ("*-mini", "gpt-5.5-mini", ("gpt-5.5",)),
    ("a*b*c", "aXbYbZc", ("X", "YbZ")),
    ("ab*ba", "aba", None),
    ("*a*", "banana", ("b", "nana")),
    ("a**b", "axb", ("", "x")),
]


@pytest.mark.parametrize(("text", "name", "captured"), MATCHES)
def test_names(text: str, name: str, captured: tuple[str, ...] | None) -> None:
    assert pattern(text).match(name) == captured


@pytest.mark.parametrize(
    ("text", "captured", "filled"),
    [
        ("openai/gpt-*", ("5.5",), "openai/gpt-5.5"),
        ("o/*", ("a/b",), "o/a/b"),
        ("o/*-*", ("x",), "o/x-x"),
        ("o/*-*", ("x", "y"), "o/x-y"),
        ("o/*", ("x", "y"), "o/x"),
        ("o/m", ("x",), "o/m"),
    ],
)
def test_what_a_star_matched_fills_the_stars_of_a_target(text: str, captured: tuple[str, ...], filled: str) -> None:
    assert pattern(text).fill(captured) == filled


def test_more_literal_characters_are_more_specific() -> None:
    assert [pattern(text).literals for text in ("*", "gpt-*", "gpt-*-mini", "gpt-5")] == [0, 4, 9, 5]


OVERLAPS = [
    ("gpt-*", "*-max", True),
    ("gpt-*", "claude-*", False),
    ("*-mini", "*-max", False),
    ("a*c", "a*b*c", True),
    ("*", "", True),
    ("ab*", "a", False),
    ("a*b", "ab", True),
    ("*x*", "*y*", True),
    ("a*a", "aa", True),
    ("a*a", "a", False),
]


@pytest.mark.parametrize(("one", "two", "together"), OVERLAPS)
def test_whether_two_patterns_can_match_the_same_name(one: str, two: str, together: bool) -> None:
    assert pattern(one).overlaps(pattern(two)) is together
    assert pattern(two).overlaps(pattern(one)) is together


SHORT = st.text("ab*", max_size=6)
NAME = st.text("ab", max_size=8)


@given(SHORT, NAME)
def test_a_match_is_what_a_glob_without_other_signs_matches(text: str, name: str) -> None:
    captured = pattern(text).match(name)
    assert (captured is not None) == fnmatch.fnmatchcase(name, text)
    if captured is not None:
        assert pattern(text).fill(captured) == name or len(captured) == 1


@given(SHORT, SHORT, NAME)
def test_overlaps_and_covers_agree_with_matching(one: str, two: str, name: str) -> None:
    first, second = pattern(one), pattern(two)
    in_first, in_second = first.match(name) is not None, second.match(name) is not None
    if in_first and in_second:
        assert first.overlaps(second)
    if first.covers(second) and in_second:
        assert in_first


@given(SHORT, SHORT)
def test_patterns_that_overlap_have_a_name_in_common(one: str, two: str) -> None:
    found = any(
        pattern(one).match(name) is not None and pattern(two).match(name) is not None for name in names_up_to(one, two)
    )
    assert pattern(one).overlaps(pattern(two)) is found


def names_up_to(one: str, two: str) -> set[str]:
    """Return every name that `one` makes when its stars become parts of `two`: a shared name has that form."""
    parts = {
        "".join(part) for size in range(len(two) + 1) for part in zip(*[two[i:] for i in range(size)], strict=False)
    }
    fillings = {re.sub(r"\*", "", part) for part in parts} | {""}
    made = {""}
    for sign in one:
        made = {before + after for before in made for after in (fillings if sign == "*" else {sign})}
    return made


PATHS = [
    ("/v1/images/**", "/v1/images/generations", True),
    ("/v1/images/**", "/v1/images/a/b/c", True),
    ("/v1/images/**", "/v1/images", True),
    ("/v1/images/**", "/v1/imagesx", False),
    ("/v1/*", "/v1/files", True),
    ("/v1/*", "/v1/files/1", False),
    ("/v1/*/content", "/v1/files/content", True),
    ("/v1/**/content", "/v1/files/1/content", True),
    ("/v1/file-*", "/v1/file-7", True),
    ("/**", "/", True),
    ("/V1/*", "/v1/files", False),
]


@pytest.mark.parametrize(("text", "path", "matched"), PATHS)
def test_paths(text: str, path: str, matched: bool) -> None:
    assert path_matches(text, path) is matched


ASKED = Facts(
    api="chat",
    path="/v1/chat/completions",
    base="team-a",
    key="ada",
    model="smart",
    stream=True,
    client="codex",
    headers={"x-team": "blue"},
    depth=Depth(tools=True, input_tokens=500, max_tokens=64),
)
BARE = Facts(api=None, method="GET", path="/v1/files")

CONDITIONS: list[tuple[dict[str, object], Facts, str | None]] = [
    ({}, ASKED, None),
    ({"model": "smart"}, ASKED, None),
    ({"model": "fast"}, ASKED, "model is smart, not fast"),
    ({"model": ["fast", "tiny", "small"]}, ASKED, "model is smart, not fast, tiny or small"),
    ({"model": ["fast", "sm*"]}, ASKED, None),
    ({"model": "*-preview"}, ASKED, "smart does not match *-preview"),
    ({"model": ["*-preview", "fast"]}, ASKED, "smart matches none of *-preview and fast"),
    ({"model": "*"}, BARE, "there is no model"),
    ({"key": "anonymous"}, BARE, None),
    ({"key": "anonymous"}, ASKED, "key is ada, not anonymous"),
    ({"client": "codex"}, ASKED, None),
    ({"client": ["aider", "codex"]}, ASKED, None),
    ({"client": "aider"}, ASKED, "client is codex, not aider"),
    ({"client": "codex"}, BARE, "the client is not recognised"),
    ({"not": {"client": "codex"}}, BARE, None),
    ({"api": ["chat", "messages"]}, ASKED, None),
    ({"api": "messages"}, BARE, "there is no api"),
    ({"base": "team-a"}, ASKED, None),
    ({"base": "team-a"}, BARE, "there is no base"),
    ({"method": "get"}, BARE, None),
    ({"method": "get"}, ASKED, "method is POST, not GET"),
    ({"path": "/v1/files/**"}, BARE, None),
    ({"path": ["/v1/files/**", "/v1/x"]}, ASKED, "/v1/chat/completions is not /v1/files/** or /v1/x"),
    ({"header": {"X-Team": "bl*"}}, ASKED, None),
    ({"header": {"x-team": "red"}}, ASKED, "header x-team is blue, not red"),
    ({"header": {"x-lane": "*"}}, ASKED, "there is no header x-lane"),
    ({"stream": True}, ASKED, None),
    ({"stream": False}, ASKED, "a stream is asked for"),
    ({"tools": False}, ASKED, "the request declares tools"),
    ({"images": True}, ASKED, "the request holds no images"),
    ({"thinking": True}, ASKED, "no thinking is asked for"),
    ({"input_tokens": {"min": 500, "max": 500}}, ASKED, None),
    ({"input_tokens": {"min": 501}}, ASKED, "input_tokens is 500, less than 501"),
    ({"input_tokens": {"max": 499}}, ASKED, "input_tokens is 500, more than 499"),
    ({"max_tokens": {"max": 100}}, ASKED, None),
    ({"max_tokens": {"max": 100}}, BARE, "the request sets no max_tokens"),
    ({"model": "smart", "stream": False}, ASKED, "a stream is asked for"),
    ({"not": {"model": "fast"}}, ASKED, None),
    ({"not": {"model": "smart", "stream": False}}, ASKED, None),
    ({"not": {"model": "smart", "stream": True}}, ASKED, "everything under `not` holds"),
]


@pytest.mark.parametrize(("when", "facts", "why"), CONDITIONS)
def test_conditions(when: dict[str, object], facts: Facts, why: str | None) -> None:
    assert mismatch(conditions(msgspec.convert(when, When)))(facts) == why


def test_which_conditions_need_the_whole_body() -> None:
    when = msgspec.convert({"model": "a", "tools": True, "not": {"input_tokens": {"min": 1}, "tools": True}}, When)
    assert deep_fields(when) == ["tools", "input_tokens"]
