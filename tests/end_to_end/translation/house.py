"""The two ways through a translation, and a server that has both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import blocks, turn
from tests.support.apis import CHAT, MESSAGES, Api
from tests.support.http import Answer, Line, post

if TYPE_CHECKING:
    from tests.support.http import Headers
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """
version: 1
upstreams:
  openai: {{kind: openai, base_url: "{openai}/v1", api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  gpt-*: openai/gpt-*
  claude-*: anthropic/claude-*
{models}
keys:
  anonymous: {{}}
{more}
"""


def written(openai: Upstream, anthropic: Upstream, *, models: str = "", more: str = "") -> str:
    """Return a proxy.yaml with both upstreams; `models` and `more` are lines on top."""
    return FILE.format(openai=openai.url, anthropic=anthropic.url, models=models, more=more)


@dataclass(frozen=True)
class Way:
    """A client of one API and a model that is served in the other."""

    client: Api
    server: Api
    model: str
    """As the upstream knows it."""

    @property
    def name(self) -> str:
        return f"{self.client.name} to {self.server.name}"


TO_CLAUDE = Way(CHAT, MESSAGES, "claude-sonnet-5")
TO_GPT = Way(MESSAGES, CHAT, "gpt-5.5")
WAYS = pytest.mark.parametrize("way", [TO_CLAUDE, TO_GPT], ids=lambda way: way.name)
JSON_OR_STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])


@dataclass
class House:
    turnout: Turnout
    openai: Upstream
    anthropic: Upstream

    def upstream(self, way: Way) -> Upstream:
        return self.openai if way.server is CHAT else self.anthropic

    def ask(self, way: Way, headers: Headers = (), *, model: str = "", stream: bool = False, **fields: Any) -> Answer:
        """Ask for `model` (or the one of the way); `fields` add to a small request, or replace what it has."""
        body = {**way.client.body(model or way.model, stream=stream), **fields}
        return post(self.turnout.url, way.client.path, body, headers)

    def line(self, way: Way, *, model: str = "", stream: bool = True, **fields: Any) -> Line:
        """Ask on a connection of its own, and leave the answer to be read."""
        line = Line(self.turnout.url)
        line.ask("POST", way.client.path, body={**way.client.body(model or way.model, stream=stream), **fields})
        return line


def good(answer: Answer) -> Answer:
    assert (answer.status, answer.whole) == (200, True), answer.body
    return answer


def said(way: Way, answer: Answer) -> str:
    """Return the text of an answer, streamed or not."""
    good(answer)
    if str(answer.header("content-type")).startswith("text/event-stream"):
        return way.client.text(answer.body)
    if way.client is CHAT:
        return str(answer.json["choices"][0]["message"]["content"])
    return "".join(block.get("text", "") for block in answer.json["content"])


def called(way: Way, answer: Answer) -> list[tuple[str, Any]]:
    """Return the calls of a streamed answer: name and arguments."""
    good(answer)
    if way.client is CHAT:
        made: list[tuple[str, Any]] = turn(answer.body)["calls"]
        return made
    return [(block["name"], block["input"]) for block in blocks(answer.body) if block["type"] == "tool_use"]


def lost(answer: Answer) -> dict[str, str]:
    """Return what the header names as dropped, with the reasons."""
    told = answer.header("x-turnout-loss")
    pairs = [one.partition("=") for one in told.split(", ") if not one.startswith("+")] if told else []
    return {path: reason for path, _, reason in pairs}
