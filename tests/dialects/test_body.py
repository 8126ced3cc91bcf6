"""Bodies opened at the top level: what is refused, in which words, and what survives byte for byte."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.chat import Failed, Problem
from engine.dialects import ANTHROPIC, DIALECTS, ENDPOINTS, OPENAI
from engine.dialects.body import TOO_EARLY, renamed
from tests.dialects.recorded import RECORDED, Recorded

if TYPE_CHECKING:
    from engine.chat import Api
    from engine.dialects.base import Dialect

each_recorded = pytest.mark.parametrize("one", RECORDED, ids=lambda one: one.name)


def test_every_endpoint_has_one_owner() -> None:
    assert {path: (dialect.name, endpoint.api) for path, (dialect, endpoint) in ENDPOINTS.items()} == {
        "/v1/chat/completions": ("openai", "chat"),
        "/v1/completions": ("openai", "completions"),
        "/v1/embeddings": ("openai", "embeddings"),
        "/v1/messages": ("anthropic", "messages"),
        "/v1/messages/count_tokens": ("anthropic", "count_tokens"),
        "/v1/responses": ("openai", "responses"),
        "/v1/responses/input_tokens": ("openai", "input_tokens"),
    }
    assert sum(len(dialect.endpoints) for dialect in DIALECTS) == len(ENDPOINTS)


@each_recorded
def test_what_real_clients_send_passes(one: Recorded) -> None:
    peek = one.dialect.peek(one.api, one.body)
    assert peek.model == one.json["model"]
    assert peek.stream is bool(one.json.get("stream"))


@each_recorded
def test_only_the_model_changes(one: Recorded) -> None:
    peek = one.dialect.peek(one.api, one.body)
    sent = json.loads(peek.renamed("vendor/other"))
    assert sent == {**one.json, "model": "vendor/other"}
    assert list(sent) == list(one.json)
    for name, value in peek.fields.items():
        assert name == "model" or bytes(value) in peek.renamed("x")


REFUSED: list[tuple[Dialect, Api, bytes, str, str | None]] = [
    (
        OPENAI,
        "chat",
        b"",
        f"the body is not valid JSON: {TOO_EARLY}",
        None,
    ),
    (
        OPENAI,
        "chat",
        b'{"model": "m"',
        f"the body is not valid JSON: {TOO_EARLY}",
        None,
    ),
    (OPENAI, "chat", b'{"model": NaN}', "the body is not valid JSON: invalid character (byte 10)", None),
    (OPENAI, "chat", b'{"a": Infinity}', "the body is not valid JSON: invalid character (byte 6)", None),
    (OPENAI, "chat", b"[]", "the body must be a JSON object", None),
    (OPENAI, "chat", b'"model"', "the body must be a JSON object", None),
    (OPENAI, "chat", b'{"user": "\xff"}', "the body is not valid UTF-8 (byte 10)", None),
    (OPENAI, "chat", b'{"messages": []}', "`model` is missing", "model"),
    (OPENAI, "chat", b'{"model": "m"}', "`messages` is missing", "messages"),
    (OPENAI, "chat", b'{"model": 4, "messages": []}', "`model` must be a string, not an integer", "model"),
    (OPENAI, "chat", b'{"model": "", "messages": []}', "`model` must not be empty", "model"),
    (OPENAI, "chat", b'{"model": null, "messages": []}', "`model` must be a string, not null", "model"),
    (OPENAI, "chat", b'{"model": "m", "messages": "hi"}', "`messages` must be a list, not a string", "messages"),
    (
        OPENAI,
        "chat",
        b'{"model": "m", "messages": ["hi"]}',
        "`messages[0]` must be an object, not a string",
        "messages[0]",
    ),
    (OPENAI, "chat", b'{"model": "m", "messages": [{}]}', "`messages[0].role` is missing", "messages[0].role"),
    (
        OPENAI,
        "chat",
        b'{"model": "m", "messages": [{"role": "user"}, {"role": "bot"}]}',
        "`messages[1].role` has an unknown value 'bot'; it must be one of developer, system, user, assistant, tool, "
        "function",
        "messages[1].role",
    ),
    (
        OPENAI,
        "chat",
        b'{"model": "m", "messages": [], "stream": "yes"}',
        "`stream` must be true or false or null, not a string",
        "stream",
    ),
    (
        OPENAI,
        "chat",
        b'{"model": "m", "messages": [], "stream_options": {"include_usage": 1}}',
        "`stream_options.include_usage` must be true or false or null, not an integer",
        "stream_options.include_usage",
    ),
    (OPENAI, "completions", b'{"model": "m"}', "`prompt` is missing", "prompt"),
    (
        OPENAI,
        "completions",
        b'{"model": "m", "prompt": {}}',
        "`prompt` must be a string or a list or null, not an object",
        "prompt",
    ),
    (OPENAI, "embeddings", b'{"model": "m"}', "`input` is missing", "input"),
    (
        OPENAI,
        "embeddings",
        b'{"model": "m", "input": [1, {}]}',
        "`input[1]` must be an integer or a string or a list, not an object",
        "input[1]",
    ),
    (
        ANTHROPIC,
        "messages",
        b'{"model": "m", "messages": [{"role": "tool"}]}',
        "`messages[0].role` has an unknown value 'tool'; it must be one of user, assistant, system",
        "messages[0].role",
    ),
    (
        ANTHROPIC,
        "count_tokens",
        b'{"model": "m", "messages": {}}',
        "`messages` must be a list, not an object",
        "messages",
    ),
]


@pytest.mark.parametrize(("dialect", "api", "body", "message", "param"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_wrong_shape_is_refused(dialect: Dialect, api: Api, body: bytes, message: str, param: str | None) -> None:
    with pytest.raises(Problem) as caught:
        dialect.peek(api, body)
    problem = caught.value
    assert (problem.status, problem.code) == (400, "invalid_request")
    assert (problem.message, problem.param) == (message, param)


@pytest.mark.parametrize("where", ["messages", "anything"])
def test_deep_nesting_is_refused(where: str) -> None:
    deep = b'{"model": "m", "messages": [], "' + where.encode() + b'": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(Problem, match="nested too deeply") as caught:
        OPENAI.peek("chat", deep)
    assert caught.value.status == 400


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_what_peek_lets_pass_can_be_measured_or_is_refused(dialect: Dialect) -> None:
    for levels in (100, 400, 900):
        deep = b'{"model": "m", "messages": [{"role": "user", "content": ' + b"[" * levels + b"]" * levels + b"}]}"
        problem = refusal(dialect, dialect.endpoints[0].api, deep)
        assert problem is None or (problem.status == 400 and levels > 100)


def refusal(dialect: Dialect, api: Api, body: bytes) -> Problem | None:
    """Return why `body` is refused, None where it is opened and measured."""
    try:
        dialect.peek(api, body)
        assert dialect.depth(api, body).input_tokens >= 0
    except Problem as problem:
        return problem
    return None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["m", "user", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "model", "messages", "stream"]), inner)
    ),
)
fields = st.dictionaries(
    st.sampled_from(["model", "messages", "prompt", "input", "stream", "tools", "system", "max_tokens"]), anything
)


@given(fields, st.sampled_from(sorted(ENDPOINTS)))
@settings(deadline=None)
def test_any_json_is_opened_or_refused(body: dict[str, Any], path: str) -> None:
    dialect, endpoint = ENDPOINTS[path]
    sent = json.dumps(body).encode()
    problem = refusal(dialect, endpoint.api, sent)
    if problem is None:
        peek = dialect.peek(endpoint.api, sent)
        assert (peek.model, peek.stream) == (body["model"], bool(body.get("stream")))
    else:
        assert (problem.status, problem.code) == (400, "invalid_request")
        assert problem.message


@given(st.binary())
@settings(deadline=None)
def test_any_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(Problem):
        OPENAI.peek("chat", body)


def test_unknown_fields_are_no_error() -> None:
    body = b'{"model": "m", "messages": [{"role": "user", "mood": 1, "content": [{"type": "smell"}]}], "top_k": {}}'
    assert OPENAI.peek("chat", body).model == "m"


def test_of_a_key_given_twice_the_last_counts_and_alone_goes_on() -> None:
    peek = OPENAI.peek("chat", b'{"model": "cheap", "messages": [], "model": "dear"}')
    assert peek.model == "dear"
    assert json.loads(peek.renamed("dear"), object_pairs_hook=list) == [("model", "dear"), ("messages", [])]


def test_a_large_body_is_opened_in_no_time() -> None:
    one = max(RECORDED, key=lambda one: len(one.body))
    body = one.body
    assert len(body) > 60_000
    best = min(timed(lambda: one.dialect.peek(one.api, body)) for _ in range(200))
    assert best < 500e-6, "20 µs are meant; this leaves room for a busy machine"


def timed(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


# answers

ANSWERS = [
    (
        "as it came",
        b'{ "id": "1",\n "model" : "up",  "x": [1.50, "\\u00e9"] }',
        b'{ "id": "1",\n "model" : "new",  "x": [1.50, "\\u00e9"] }',
    ),
    (
        "a name inside a tool's input",
        b'{"content":[{"input":{"model":"up"}}],"model":"up"}',
        b'{"content":[{"input":{"model":"up"}}],"model":"new"}',
    ),
    (
        "another name inside",
        b'{"content":[{"input":{"model":"a"}}],"model":"up"}',
        b'{"content":[{"input":{"model":"a"}}],"model":"new"}',
    ),
    ("a name inside only", b'{"content":[{"input":{"model":"up"}}]}', b'{"content":[{"input":{"model":"up"}}]}'),
    (
        "a name in a text",
        b'{"text":"\\"model\\":\\"up\\"","model":"up"}',
        b'{"text":"\\"model\\":\\"up\\"","model":"new"}',
    ),
    ("no text at all", b'{"model":null}', b'{"model":"new"}'),
]


@pytest.mark.parametrize(("body", "expected"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS])
def test_an_answer_is_renamed_at_its_top_level(body: bytes, expected: bytes) -> None:
    assert OPENAI.renamed("chat", body, "new") == expected
    assert ANTHROPIC.renamed("messages", body, "new") == expected


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["up", "model", '"model":"up"', "é"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["model", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["model", "id", "content"]), values), st.sampled_from([None, 1]))
@settings(deadline=None)
def test_renaming_changes_the_top_level_model_and_nothing_else(answer: dict[str, Any], indent: int | None) -> None:
    body = json.dumps(answer, indent=indent).encode()
    expected = {**answer, "model": "new"} if "model" in answer else answer
    assert json.loads(renamed(body, "new")) == expected


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'{"model":"up"', b"[1]", b"[" * 100_000])
def test_a_malformed_answer_is_a_failure(body: bytes) -> None:
    with pytest.raises(Failed) as caught:
        OPENAI.renamed("chat", body, "new")
    assert caught.value.failure.reason == "disconnect"
    assert "malformed" in caught.value.failure.message
