"""A server whose clients speak the Responses API, to upstreams of every sort, with two keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import RESPONSES, digest
from tests.support.http import Answer, post, send

if TYPE_CHECKING:
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

Json = dict[str, Any]

ADA, EVE = "tk-ada-0123456789abcdef", "tk-eve-0123456789abcdef"
FILE = """
version: 1
upstreams:
  openai: {{kind: openai, circuit: off, base_url: "{openai}/v1", api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
  native: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [responses, chat], api_key: env:TEST_OPENAI_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  claude: anthropic/claude-sonnet-5
  claude-*: anthropic/claude-*
  gpt: openai/gpt-5.5
  gpt-*: openai/gpt-*
  native: native/gpt-5.5
{models}
keys:
  ada: {{hashes: ["{ada}"]}}
  eve: {{hashes: ["{eve}"]}}
{more}
"""
TRANSLATED = pytest.mark.parametrize("model", ["claude", "gpt"])
"""The models to which responses are translated: towards the Messages API and chat completions."""
EVERY = pytest.mark.parametrize("model", ["claude", "gpt", "native"])
JSON_OR_STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])


def written(openai: Upstream, anthropic: Upstream, *, models: str = "", more: str = "") -> str:
    """Return a proxy.yaml; `models` and `more` are lines on top."""
    return FILE.format(
        openai=openai.url, anthropic=anthropic.url, ada=digest(ADA), eve=digest(EVE), models=models, more=more
    )


def by(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


@dataclass
class House:
    turnout: Turnout
    openai: Upstream
    anthropic: Upstream

    def upstream(self, model: str) -> Upstream:
        return self.anthropic if model.startswith("claude") else self.openai

    def ask(self, model: str, said: Any = "Hi", *, key: str = ADA, stream: bool = False, **fields: Any) -> Answer:
        """Ask for a response to `said`, a text or items."""
        body = {**RESPONSES.body(model, stream=stream), "input": said, **fields}
        return post(self.turnout.url, RESPONSES.path, body, by(key))

    def object(self, ident: str, part: str = "", *, method: str = "GET", key: str = ADA) -> Answer:
        """Ask for a response by its id, or for a `part` of it: what comes after its path."""
        return send(self.turnout.url, method, f"{RESPONSES.path}/{ident}{part}", by(key))

    def sent(self, model: str) -> Any:
        """Return the conversation that the upstream of `model` was sent last, without instructions."""
        body = self.upstream(model).last.json
        return body["messages" if "messages" in body else "input"]


def good(answer: Answer) -> Answer:
    assert (answer.status, answer.whole) == (200, True), answer.body
    return answer


def refused(answer: Answer, status: int, code: str | None) -> Json:
    """Return the error of an answer, after holding its status and code against these."""
    error = RESPONSES.error(answer)
    assert (answer.status, error["code"]) == (status, code)
    return error


def message(text: str, role: str = "user") -> Json:
    return {"role": role, "content": text}
