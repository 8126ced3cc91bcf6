"""The six ways through a translation, and a server that has them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import Answer, Line, post

if TYPE_CHECKING:
    from tests.support.http import Headers
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """
version: 1
upstreams:
  openai: {{kind: openai, circuit: off, base_url: "{openai}/v1", api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
  responses: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [responses], api_key: env:TEST_OPENAI_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  gpt-*: openai/gpt-*
  claude-*: anthropic/claude-*
  resp-*: responses/*
{models}
keys:
  anonymous: {{}}
{more}
"""
WORDS = {"chat": "gpt", "messages": "claude", "responses": "resp"}
"""API of an upstream -> how the names of models end that only it serves."""


def written(openai: Upstream, anthropic: Upstream, *, models: str = "", more: str = "") -> str:
    """Return a proxy.yaml with an upstream of each API; `models` and `more` are lines on top."""
    return FILE.format(openai=openai.url, anthropic=anthropic.url, models=models, more=more)


@dataclass(frozen=True)
class Way:
    """A client of one API and a model that is served in another."""

    client: Api
    server: Api
    model: str
    """As the upstream knows it."""

    @property
    def name(self) -> str:
        return f"{self.client.name} to {self.server.name}"

    @property
    def asked(self) -> str:
        """The name that leads to the model."""
        return f"resp-{self.model}" if self.server is RESPONSES else self.model

    @property
    def upstream(self) -> str:
        """The name of the upstream."""
        return "responses" if self.server is RESPONSES else self.server.kind

    @property
    def credential(self) -> str:
        """The variable that holds what Turnout sends to the upstream."""
        return "TEST_ANTHROPIC_KEY" if self.server is MESSAGES else "TEST_OPENAI_KEY"

    def named(self, kind: str) -> str:
        """Return the name of an entry of a `kind` that leads to this upstream."""
        return f"{kind}-{WORDS[self.server.name]}"


TO_CLAUDE = Way(CHAT, MESSAGES, "claude-sonnet-5")
TO_GPT = Way(MESSAGES, CHAT, "gpt-5.5")
CHAT_TO_RESPONSES = Way(CHAT, RESPONSES, "gpt-5.5")
MESSAGES_TO_RESPONSES = Way(MESSAGES, RESPONSES, "gpt-5.5")
RESPONSES_TO_CHAT = Way(RESPONSES, CHAT, "gpt-5.5")
RESPONSES_TO_CLAUDE = Way(RESPONSES, MESSAGES, "claude-sonnet-5")
EVERY = (TO_CLAUDE, TO_GPT, CHAT_TO_RESPONSES, MESSAGES_TO_RESPONSES, RESPONSES_TO_CHAT, RESPONSES_TO_CLAUDE)
WAYS = pytest.mark.parametrize("way", EVERY, ids=lambda way: way.name)
JSON_OR_STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])


@dataclass
class House:
    turnout: Turnout
    openai: Upstream
    anthropic: Upstream

    def upstream(self, way: Way) -> Upstream:
        return self.anthropic if way.server is MESSAGES else self.openai

    def ask(self, way: Way, headers: Headers = (), *, model: str = "", stream: bool = False, **fields: Any) -> Answer:
        """Ask for `model` (or the one of the way); `fields` add to a small request, or replace what it has."""
        body = {**way.client.body(model or way.asked, stream=stream), **fields}
        return post(self.turnout.url, way.client.path, body, headers)

    def line(self, way: Way, *, model: str = "", stream: bool = True, **fields: Any) -> Line:
        """Ask on a connection of its own, and leave the answer to be read."""
        line = Line(self.turnout.url)
        line.ask("POST", way.client.path, body={**way.client.body(model or way.asked, stream=stream), **fields})
        return line


def good(answer: Answer) -> Answer:
    assert (answer.status, answer.whole) == (200, True), answer.body
    return answer


def is_stream(answer: Answer) -> bool:
    return str(answer.header("content-type")).startswith("text/event-stream")


def said(way: Way, answer: Answer) -> str:
    """Return the text of an answer, streamed or not."""
    good(answer)
    return way.client.text(answer.body) if is_stream(answer) else way.client.said(answer.json)


BROKEN = {"chat": (502, "server_error"), "messages": (500, "api_error"), "responses": (502, "server_error")}
"""API of a client -> how it is told that an upstream has failed: status, and type."""
OVERLOADED = {"chat": (503, "server_error"), "messages": (529, "overloaded_error"), "responses": (503, "server_error")}
TOO_SLOW = {"chat": (504, "server_error"), "messages": (504, "timeout_error"), "responses": (504, "server_error")}


def kind(error: dict[str, Any]) -> str:
    """Return the word by which programs know an error; the one that ends a response has no type."""
    return str(error.get("type") or error["code"])


def lost(answer: Answer) -> dict[str, str]:
    """Return what the header names as dropped, with the reasons."""
    told = answer.header("x-turnout-loss")
    pairs = [one.partition("=") for one in told.split(", ") if not one.startswith("+")] if told else []
    return {path: reason for path, _, reason in pairs}
