"""Legacy completions at models that only hold conversations: Tabby and Continue, for what comes next at the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.translation.house import JSON_OR_STREAM, good, is_stream, lost
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api, payloads
from tests.support.http import Answer, post

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """
version: 1
upstreams:
  chat: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [chat]}}
  responses: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [responses]}}
  messages: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
  native: {{kind: openai, circuit: off, base_url: "{openai}/v1"}}
  vectors: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [embeddings]}}
defaults: {{model: {{retries: 0}}}}
models:
  of-chat: chat/gpt-4o
  of-messages: messages/claude-sonnet-5
  of-responses: responses/gpt-5.5
  native: native/gpt-5.5
  first-native: {{targets: [native/gpt-5.5], fallback: [of-messages]}}
  exact: {{targets: [messages/claude-sonnet-5], translation: exact}}
  strict: {{targets: [messages/claude-sonnet-5], translation: strict}}
  vectors: vectors/embed
keys: {{anonymous: {{}}}}
observe: {{log: {{format: text, usage: true}}}}
"""
PATH = "/v1/completions"
TABBY: dict[str, Any] = {
    "prompt": "def add(a, b):\n    ",
    "suffix": None,
    "max_tokens": 64,
    "temperature": 0.1,
    "stream": True,
    "presence_penalty": 0.0,
}
"""What Tabby sends but for the model (crates/http-api-bindings/src/completion/openai.rs)."""
OF_EACH = pytest.mark.parametrize("api", [CHAT, MESSAGES, RESPONSES], ids=lambda api: api.name)
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


def ask(turnout: Turnout, model: str, prompt: Any = "def add(", **fields: Any) -> Answer:
    return post(turnout.url, PATH, {"model": model, "prompt": prompt, **fields})


def asked(api: Api, openai: Upstream, anthropic: Upstream) -> Upstream:
    return anthropic if api is MESSAGES else openai


def text(answer: Answer) -> str:
    """Return what a completion says, whole or streamed, after holding its form against that of the API."""
    good(answer)
    said = payloads(answer.body) if is_stream(answer) else [answer.json]
    for one in said:
        assert one["object"] == "text_completion"
        assert all(isinstance(choice["text"], str) for choice in one["choices"])
    return "".join(choice["text"] for one in said for choice in one["choices"])


def user_says(api: Api, body: dict[str, Any]) -> str:
    """Return the text of the one user turn that an upstream was asked with."""
    turns = body["input"] if api is RESPONSES else body["messages"]
    (turn,) = [one for one in turns if one.get("role") == "user"]
    content = turn["content"]
    return str(content if isinstance(content, str) else "".join(part["text"] for part in content))


@OF_EACH
@JSON_OR_STREAM
def test_a_prompt_is_what_the_user_says(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool
) -> None:
    answer = ask(turnout, f"of-{api.name}", "def add(a, b):\n    ", stream=stream, max_tokens=40)
    sent = asked(api, openai, anthropic).last
    assert (sent.target, user_says(api, sent.json)) == (api.path, "def add(a, b):\n    ")
    assert text(answer) == "Hello there"
    whole = payloads(answer.body)[-1] if stream else answer.json
    assert (whole["model"], whole["id"].startswith("cmpl-")) == (f"of-{api.name}", True)
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert lost(answer) == {}


def test_where_they_are_spoken_the_bytes_pass(turnout: Turnout, openai: Upstream) -> None:
    answer = post(turnout.url, PATH, b'{"model":"native","prompt":["a", [1,2 ]],"suffix":"c","n":2}')
    assert (answer.status, openai.last.target) == (200, PATH)
    assert openai.last.body == b'{"model":"gpt-5.5","prompt":["a", [1,2 ]],"suffix":"c","n":2}'


def test_an_upstream_of_no_conversations_is_501(turnout: Turnout, openai: Upstream) -> None:
    answer = ask(turnout, "vectors")
    error = CHAT.error(answer)
    assert (answer.status, error["code"], openai.requests) == (501, "unsupported_api", [])
    assert "speaks the completions API, or one that it is translated into: `vectors/embed` speaks" in error["message"]
