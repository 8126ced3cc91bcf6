"""Same API on both sides: what the client sends arrives byte for byte; only the model's name changes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, MESSAGES
from tests.support.http import post, send
from tests.support.passing import PASSING, fields, of

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ENDPOINTS = {
    "chat": ("/v1/chat/completions", b'"messages":[{"role":"user","content":"Hi"}]'),
    "completions": ("/v1/completions", b'"prompt":"def add(a, b):","suffix":"# end"'),
    "embeddings": ("/v1/embeddings", b'"input":["a","b"]'),
    "messages": ("/v1/messages", b'"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]'),
    "count_tokens": ("/v1/messages/count_tokens", b'"messages":[{"role":"user","content":"Hi"}]'),
    "responses": ("/v1/responses", b'"input":[{"role":"user","content":"Hi"}]'),
    "input_tokens": ("/v1/responses/input_tokens", b'"input":"Hi"'),
}
STREAMS = ("chat", "completions", "messages", "responses")

ODD = (
    b'"extra_field": {"nested" : [1.10, 1e3,-0.0 ,\t"\\u00e9\\ud83d\\ude00 \\/ \xc3\xa9", null],\n "model":"keep me"}'
    b',"cache_control":{"type":"ephemeral","ttl":"1h"},"big":123456789012345678901234567890'
)
"""Fields no API has, with spellings that a decode and encode would not bring back."""

SIGNED = (
    b'[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}]},'
    b'{"role":"assistant","content":[{"type":"thinking","thinking":"hm \\u2028","signature":"Er\\/8B+=="},'
    b'{"type":"redacted_thinking","data":"EmwK=="},{"type":"tool_use","id":"toolu_1","name":"read","input":{ }}]},'
    b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"}]},'
    b'{"role":"user","content":[{"type":"block_of_2027","novel":{"a":1.0}}]}]'
)


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(PASSING.format(openai=_openai.url, anthropic=_anthropic.url))


def asked_of(name: str) -> tuple[bytes, bytes]:
    """Return the name that is asked for, and the upstream's."""
    return (
        (b"smart-claude", b"claude-sonnet-5") if name in ("messages", "count_tokens") else (b"smart-chat", b"gpt-5.5")
    )


@pytest.mark.parametrize(("name", "stream"), [(name, False) for name in ENDPOINTS] + [(name, True) for name in STREAMS])
def test_the_upstream_gets_the_clients_bytes_but_for_the_model(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, name: str, stream: bool
) -> None:
    path, needed = ENDPOINTS[name]
    asked, model = asked_of(name)
    sent = b'{ "model" :"%s",%s%s,%s}' % (asked, b'"stream":true,' if stream else b"", needed, ODD)

    answer = post(turnout.url, path, sent)

    seen = of(name, openai, anthropic).last
    assert (answer.status, seen.method, seen.target) == (200, "POST", path)
    assert fields(seen.body) == fields(sent.replace(asked, model))
    assert seen.header("content-length") == str(len(seen.body))


def test_signatures_cache_control_and_unknown_blocks_survive(turnout: Turnout, anthropic: Upstream) -> None:
    post(turnout.url, "/v1/messages", b'{"model":"smart-claude","max_tokens":9,"messages":%s}' % SIGNED)
    assert dict(fields(anthropic.last.body))["messages"] == SIGNED


def test_a_second_model_field_cannot_smuggle_another_name(turnout: Turnout, openai: Upstream) -> None:
    sent = b'{"model":"gpt-secret","messages":[{"role":"user","content":"Hi"}],"model":"gpt-5.5"}'
    answer = post(turnout.url, CHAT.path, sent)
    if answer.status == 200:
        assert b"gpt-secret" not in openai.last.body
        assert openai.last.json["model"] == answer.json["model"] == "gpt-5.5"
    else:
        assert (answer.status, openai.requests) == (400, [])


@pytest.mark.parametrize("suffixed", ["smart-claude[1m]", " smart-claude "])
def test_a_context_suffix_and_blanks_are_no_part_of_the_name(
    turnout: Turnout, anthropic: Upstream, suffixed: str
) -> None:
    assert post(turnout.url, "/v1/messages", MESSAGES.body(suffixed)).status == 200
    assert anthropic.last.json["model"] == "claude-sonnet-5"


def test_query_and_gzip(turnout: Turnout, anthropic: Upstream) -> None:
    sent = json.dumps(MESSAGES.body(big="x" * 5000)).encode()
    answer = post(turnout.url, "/v1/messages?beta=true", gzip.compress(sent), {"content-encoding": "gzip"})
    assert (answer.status, anthropic.last.target) == (200, "/v1/messages?beta=true")
    assert anthropic.last.header("content-encoding") is None
    assert anthropic.last.json == {**json.loads(sent), "model": "claude-sonnet-5"}


DATA = Path(__file__).parents[1] / "data"
CAPTURED = sorted(file for folder in ("requests", "responses-requests") for file in (DATA / folder).glob("*/*.json"))
EVERY_NAME = """
version: 1
upstreams:
  openai:
    kind: openai
    base_url: "{openai}/v1"
    apis: [responses, chat, completions, embeddings]
    api_key: env:TEST_OPENAI_KEY
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
models: {{"*": {{targets: ["{first}/*", "{second}/*"]}}}}
keys: {{anonymous: {{}}}}
"""


@pytest.fixture(scope="module")
def openai_first(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(EVERY_NAME.format(openai=_openai.url, anthropic=_anthropic.url, first="openai", second="anthropic"))


@pytest.fixture(scope="module")
def anthropic_first(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(EVERY_NAME.format(openai=_openai.url, anthropic=_anthropic.url, first="anthropic", second="openai"))


@pytest.mark.parametrize("file", CAPTURED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_real_clients_sent_arrives_whole(
    openai_first: Turnout, anthropic_first: Turnout, openai: Upstream, anthropic: Upstream, file: Path
) -> None:
    captured = json.loads(file.read_bytes())
    own = {name.lower(): value for name, value in dict(captured["headers"]).items()}
    headers = {name: value for name, value in own.items() if name not in ("host", "content-length")}
    sent = json.dumps(captured["body"], ensure_ascii=False, indent=1).encode()
    turnout, upstream = (anthropic_first, anthropic) if "/messages" in captured["target"] else (openai_first, openai)

    answer = send(turnout.url, captured["method"], captured["target"], headers, sent)

    assert (answer.status, len(openai.requests) + len(anthropic.requests)) == (200, 1)
    assert upstream.last.target == captured["target"]
    assert fields(upstream.last.body) == fields(sent)
    passing = set(headers) - {"authorization", "x-api-key", "connection", "accept-encoding"}
    assert {name: upstream.last.header(name) for name in passing} == {name: headers[name] for name in passing}
    assert answer.header("x-turnout-loss") is None


def test_what_is_not_translated_passes_to_the_first_that_speaks_it(
    anthropic_first: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    path, needed = ENDPOINTS["embeddings"]
    sent = b'{"model":"any/name",%s,%s}' % (needed, ODD)
    answer = post(anthropic_first.url, path, sent)
    assert (answer.status, answer.header("x-turnout-attempts"), anthropic.requests) == (200, "1", [])
    assert (openai.last.target, fields(openai.last.body)) == (path, fields(sent))


def test_there_are_captured_requests() -> None:
    assert {file.parent.name for file in CAPTURED} >= {"claude-code", "cline", "codex", "openai-js", "openai-python"}
