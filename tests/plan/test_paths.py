"""The canonical path (rule P1), and which base it comes in by."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Problem
from engine.plan.paths import canonical, place

BASES = {"team": "/team", "deep": "/team/deep"}
KNOWN = {"/v1/chat/completions", "/v1/messages"}

CANONICAL = [
    (b"/v1/chat/completions", "/v1/chat/completions"),
    (b"/", "/"),
    (b"/v1/models/", "/v1/models/"),
    (b"//v1///messages", "/v1/messages"),
    (b"/v1/%6Dessages", "/v1/messages"),
    (b"/v1/a%20b", "/v1/a b"),
    (b"/v1/%C3%A9", "/v1/é"),
    (b"/v1/\xc3\xa9", "/v1/é"),
    (b"/v1/100%25", "/v1/100%"),
    (b"/v1/%252e%252e", "/v1/%2e%2e"),
    (b"/v1/a..b/.c/...", "/v1/a..b/.c/..."),
    (b"/.well-known/x", "/.well-known/x"),
    (b"/v1/models/org%2Fname", "/v1/models/org/name"),
    (b"/v1/models/org%2fname%2Fmore", "/v1/models/org/name/more"),
    (b"/models/org%2Fname", "/models/org/name"),
    (b"/team/v1/models/org%2Fname", "/team/v1/models/org/name"),
    (b"/team/models/org%2Fname", "/team/models/org/name"),
]


@pytest.mark.parametrize(("raw", "path"), CANONICAL)
def test_what_is_matched_is_decoded_once(raw: bytes, path: str) -> None:
    assert canonical(raw, BASES) == path


REFUSED = [
    (b"v1/messages", "it does not begin with a slash"),
    (b"*", "it does not begin with a slash"),
    (b"", "it does not begin with a slash"),
    (b"/v1/../admin", "it holds a dot segment"),
    (b"/v1/./messages", "it holds a dot segment"),
    (b"/v1/..", "it holds a dot segment"),
    (b"/v1/%2e%2E/admin", "it holds a dot segment"),
    (b"/v1/..;/admin", "it holds a dot segment"),
    (b"/v1/%2e.%3bx=1/admin", "it holds a dot segment"),
    (b"/v1/.%2e/admin", "it holds a dot segment"),
    (b"/v1/models/..%2f..%2fadmin", "it holds a dot segment"),
    (b"/v1\\admin", "it holds a backslash"),
    (b"/v1/%5Cadmin", "it holds a backslash"),
    (b"/v1/a%00", "it holds a NUL"),
    (b"/v1/a\x00", "it holds a NUL"),
    (b"/v1/%ff", "it is not UTF-8"),
    (b"/v1/%zz", "a `%` in it is not followed by two hexadecimal digits"),
    (b"/v1/a%2", "a `%` in it is not followed by two hexadecimal digits"),
    (b"/v1%2Fmessages", "it holds an encoded slash, which only the id of /v1/models/{id} may"),
    (b"/v1/files/a%2Fb", "it holds an encoded slash, which only the id of /v1/models/{id} may"),
    (b"/other/v1/models/a%2Fb", "it holds an encoded slash, which only the id of /v1/models/{id} may"),
    (b"/v1%2fmodels/a%2Fb", "it holds an encoded slash, which only the id of /v1/models/{id} may"),
    (b"%2F", "it does not begin with a slash"),
    (b"/%2F", "it holds an encoded slash, which only the id of /v1/models/{id} may"),
]


@pytest.mark.parametrize(("raw", "why"), REFUSED)
def test_what_could_mean_two_things_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(Problem) as refused:
        canonical(raw, BASES)
    assert (refused.value.status, refused.value.code) == (400, "invalid_path")
    assert refused.value.message == f"the request path is not valid: {why}"


PLACES = [
    ("/v1/messages", None, "/v1/messages"),
    ("/messages", None, "/v1/messages"),
    ("/chat/completions", None, "/v1/chat/completions"),
    ("/v1/v1/messages", None, "/v1/messages"),
    ("/v1/v1/v1/messages", None, "/v1/messages"),
    ("/models", None, "/v1/models"),
    ("/models/org/name", None, "/v1/models/org/name"),
    ("/v1/models/v1/x", None, "/v1/models/v1/x"),
    ("/images/generations", None, "/images/generations"),
    ("/health", None, "/health"),
    ("/team/v1/messages", "team", "/v1/messages"),
    ("/team/messages", "team", "/v1/messages"),
    ("/team/v1/v1/messages", "team", "/v1/messages"),
    ("/team/deep/v1/messages", "deep", "/v1/messages"),
    ("/team", "team", "/"),
    ("/team/", "team", "/"),
    ("/teams/v1/messages", None, "/teams/v1/messages"),
    ("/v1/team/x", None, "/v1/team/x"),
]


@pytest.mark.parametrize(("path", "base", "placed"), PLACES)
def test_places(path: str, base: str | None, placed: str) -> None:
    assert place(BASES, path, KNOWN) == (base, placed)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_a_canonical_path_is_canonical_when_it_is_encoded_again(segments: list[str]) -> None:
    raw = b"/" + b"/".join(quote(segment, safe="").encode() for segment in segments)
    try:
        path = canonical(raw)
    except Problem:
        bad = ("\\", "\0", "/")
        assert any(sign in text for text in segments for sign in bad) or {".", ".."} & set(segments)
        return
    assert canonical(quote(path, safe="/").encode()) == path
