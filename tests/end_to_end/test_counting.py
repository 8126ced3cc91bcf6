"""Counting tokens: the upstream's own number where it can count, else our estimate, and marked as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.http import Answer, post
from tests.support.script import as_json

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """
version: 1
upstreams:
  openai: {{kind: openai, base_url: "{openai}", api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
models: {{"claude-*": "anthropic/claude-*", "local-*": "anthropic/local-*", gpt: openai/gpt-5.5}}
keys: {{anonymous: {{}}}}
"""
PATH = "/v1/messages/count_tokens"
ABSENT = {"error": {"type": "not_found_error", "message": "no such route"}, "type": "error"}
NO_MODEL = {"error": {"type": "not_found_error", "message": "model: claude-9"}, "type": "error"}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


def count(turnout: Turnout, model: str, text: str = "word " * 400) -> Answer:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return post(turnout.url, PATH, body)


def test_an_upstream_that_can_count_does(turnout: Turnout, anthropic: Upstream) -> None:
    anthropic.script(as_json({"input_tokens": 4711}))
    answer = count(turnout, "claude-sonnet-5")
    assert (answer.json, answer.header("x-turnout-estimate")) == ({"input_tokens": 4711}, None)


def test_an_upstream_of_the_other_api_is_not_asked(turnout: Turnout, openai: Upstream) -> None:
    answer = count(turnout, "gpt")
    assert answer.status == 200
    assert answer.json == {"input_tokens": 575}
    assert (answer.header("x-turnout-estimate") or "").startswith("estimate;")
    assert openai.requests == []


def test_a_server_without_the_endpoint_is_asked_once(turnout: Turnout, anthropic: Upstream) -> None:
    anthropic.script(as_json(ABSENT, 404))
    for _ in range(3):
        answer = count(turnout, "local-llama")
        assert (answer.status, answer.json) == (200, {"input_tokens": 575})
        assert answer.header("x-turnout-estimate")
    assert len(anthropic.requests) == 1


def test_a_missing_model_is_no_missing_endpoint(turnout: Turnout, anthropic: Upstream) -> None:
    anthropic.script(as_json(NO_MODEL, 404))
    answer = count(turnout, "claude-9")
    assert answer.status == 404
    assert answer.json == NO_MODEL
