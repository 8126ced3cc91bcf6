"""A client works twice on the same task: directly at the strictest vendor of its own API, then through Turnout.

What Turnout asks is one API only, which may be another vendor's. The client must not be able to tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.clients.desk import Desk, Done, Task
from tests.clients.mishaps import MANNER, NONE, PATHS, Mishap
from tests.support.apis import digest
from tests.support.vendor import refused
from tests.support.wire.recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

ADA = "tk-ada-0123456789abcdef"
ONTO = {
    "messages": {
        "gpt-5": "claude-sonnet-4-5",
        "gpt-5.5": "claude-opus-4-8",
        "gpt-6": "claude-opus-5-5",
        "gpt-6-sol": "claude-opus-5-5",
        "deepseek-reasoner": "claude-opus-5-5",
    },
    "chat": {
        "claude-opus-4-8": "gpt-5.5",
        "claude-opus-5-5": "deepseek-reasoner",
        "claude-sonnet-4-5": "gpt-5.5",
        "claude-haiku-4-5": "deepseek-reasoner",
        "gpt-5.5": "deepseek-reasoner",
        "gpt-6-sol": "gpt-5.5",
    },
    "responses": {
        "claude-opus-4-8": "gpt-5.5",
        "claude-opus-5-5": "gpt-6",
        "claude-sonnet-4-5": "gpt-5.5",
        "gpt-5.5": "gpt-5.5",
        "gpt-6-sol": "gpt-6-sol",
        "deepseek-reasoner": "gpt-5.5",
    },
}
"""API that is asked -> name that a client knows -> the model that answers. Each API has a base URL of its own."""
FILES = 6
THOUGHTS = ("thinking", "redacted_thinking", "reasoning")


def file(openai: str, anthropic: str) -> str:
    """Return the file of a Turnout between the vendors at these URLs."""
    routes = [
        f"  - {{name: {api}-{name}, when: {{base: {api}, model: {name}}}, to: {api}/{model}}}"
        for api, models in ONTO.items()
        for name, model in models.items()
    ]
    return f"""
version: 1
upstreams:
  messages: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
  chat: {{kind: openai, base_url: "{openai}/v1", apis: [chat], api_key: env:TEST_OPENAI_KEY}}
  responses: {{kind: openai, base_url: "{openai}/v1", apis: [responses], api_key: env:TEST_OPENAI_KEY}}
bases:
  messages: {{prefix: /onto-messages}}
  chat: {{prefix: /onto-chat}}
  responses: {{prefix: /onto-responses}}
defaults: {{model: {{retries: 0}}}}
routes:
{chr(10).join(routes)}
keys:
  ada: {{hashes: ["{digest(ADA)}"]}}
"""


@dataclass(frozen=True)
class Twice:
    """A client that has worked on a task directly, and then through Turnout."""

    task: Task
    direct: Done
    across: Done
    asked: list[Seen]
    """What the vendor was sent directly."""
    sent: list[Seen]
    """What a vendor was sent by Turnout."""
    conversations: tuple[Any, Any]
    """The longest one that the client sent, directly and to Turnout."""


Client = Callable[[Desk, str], Done]
"""Runs a client at a desk against a base URL."""
Work = Callable[..., Twice]


class Both:
    """Has clients work twice; nothing that a vendor could refuse may be sent to any."""

    def __init__(self, folder: Path, server: Turnout, openai: Upstream, anthropic: Upstream) -> None:
        self.folder, self.server = folder, server
        self.vendors = {"chat": openai, "responses": openai, "messages": anthropic}

    def __call__(self, api: str, onto: str, client: Client, mishap: Mishap = NONE) -> Twice:
        """Have a client of `api` work; Turnout may ask in the API `onto` only."""
        task = Task(self.folder / "project", FILES)
        self._begin(mishap)
        direct = client(Desk(self.folder / "direct", task), self.vendors[api].url)
        asked = self._turns(api)
        self._begin(mishap)
        with Recorder(self.server.url) as recorder:
            across = client(Desk(self.folder / "across", task), f"{recorder.url}/onto-{onto}")
        sent = self._turns(onto)
        seen = [one for vendor in set(self.vendors.values()) for one in vendor.requests]
        assert len(sent) == len(seen), "tokens are counted, and models listed, by Turnout itself"
        assert [refused(one, MANNER) for one in (*asked, *sent)] == [None] * len(asked + sent), across
        heard = [json.loads(body) for target, body in recorder.asked if _api(target.partition("?")[0]) == api]
        return Twice(task, direct, across, asked, sent, (_longest([one.json for one in asked]), _longest(heard)))

    def _begin(self, mishap: Mishap) -> None:
        for vendor in self.vendors.values():
            vendor.clear()
            vendor.answer = mishap.answer()

    def _turns(self, api: str) -> list[Seen]:
        """Return what a model was asked; counts of tokens and lists of models cost nothing."""
        return [seen for seen in self.vendors[api].requests if seen.path == PATHS[api]]


def _api(path: str) -> str | None:
    return next((api for api, end in PATHS.items() if path.endswith(end)), None)


def _longest(bodies: list[Any]) -> Any:
    return max((body["input"] if "input" in body else body["messages"] for body in bodies), key=len)


def streamed(requests: list[Seen]) -> list[bool]:
    """Say of every request whether it asked for a stream."""
    return [bool(seen.json.get("stream")) for seen in requests]


def shape(conversation: Any) -> list[tuple[str, list[str]]]:
    """Return what a conversation consists of, but for thoughts: the vendors' models do not think alike."""
    told = [(one.get("role", ""), [kind for kind in _kinds(one) if kind not in THOUGHTS]) for one in conversation]
    return [one for one in told if one != ("", [])]


def _kinds(message: dict[str, Any]) -> list[str]:
    """Return the kinds of what is in a message, or that of an item which is none."""
    if "role" not in message:
        return [message["type"]]
    content = message.get("content")
    blocks = [block["type"] for block in content] if isinstance(content, list) else ["text"] * bool(content)
    return blocks + [call["type"] for call in message.get("tool_calls") or ()]


def cannot_tell(twice: Twice, said: Callable[[Done], Any] = lambda done: done.said) -> None:
    """Hold the two runs of a client against each other; `said` is what is compared of what it says."""
    assert (twice.across.status, said(twice.across)) == (twice.direct.status, said(twice.direct)), twice.across
    assert streamed(twice.sent) == streamed(twice.asked)
    assert shape(twice.conversations[1]) == shape(twice.conversations[0])
