"""Real clients, headless, through Turnout to a scripted upstream of the same API: whole tool loops.

A client passes only if it shows a seal that is in a file it had to read with a tool of its own.
Installed by `.ci/clients` into `.clients/`; run with `pytest -m clients`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients.desk import Desk, Task
from tests.support.answers import usual
from tests.support.apis import digest
from tests.support.wire.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.script import Reply
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

pytestmark = pytest.mark.clients

ADA = "tk-ada-0123456789abcdef"
FILE = f"""
version: 1
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}/v1", api_key: env:TEST_OPENAI_KEY}}}}
  anthropic: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
models:
  smart-chat: openai/gpt-5.5
  claude-sonnet-4-5: anthropic/claude-sonnet-5
  claude-opus-4-8: anthropic/claude-opus-5
keys:
  ada: {{{{hashes: ["{digest(ADA)}"]}}}}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk", Task(tmp_path / "project"))


@pytest.fixture(scope="module")
def server(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.fixture
def turnout(server: Turnout) -> Iterator[Recorder]:
    """The way to the server on which every stream is recorded and held against the rules of its API."""
    with Recorder(server.url) as recorder:
        yield recorder


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-4-8"])
@pytest.mark.parametrize("auth", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_claude_code(desk: Desk, turnout: Recorder, anthropic: Upstream, model: str, auth: str) -> None:
    done = desk.claude_code(turnout.url, model, ADA, auth)
    assert (done.status, desk.task.answer in done.said) == (0, True), done
    turns = [seen for seen in anthropic.requests if seen.path == "/v1/messages"]
    assert len(turns) >= 2
    assert all(seen.query == "beta=true" for seen in turns)
    assert all(ADA not in str(seen.headers) for seen in turns)


@pytest.mark.slow
def test_claude_code_waits_25_seconds_for_its_first_token(desk: Desk, turnout: Recorder, anthropic: Upstream) -> None:
    """Keep-alives bridge the silence: the client neither gives up nor asks twice."""
    slow = iter([25.0])

    def late(seen: Seen) -> Reply:
        return usual(seen).after(next(slow, 0.0))

    anthropic.answer = late
    done = desk.claude_code(turnout.url, "claude-sonnet-4-5", ADA)
    assert (done.status, desk.task.answer in done.said) == (0, True), done
    assert len([seen for seen in anthropic.requests if seen.path == "/v1/messages"]) == 2


@pytest.mark.parametrize(
    ("provider", "model"), [("openai-compatible", "smart-chat"), ("anthropic", "claude-sonnet-4-5")]
)
def test_cline(desk: Desk, turnout: Recorder, openai: Upstream, anthropic: Upstream, provider: str, model: str) -> None:
    done = desk.cline(turnout.url, model, ADA, provider)
    assert (done.status, desk.task.answer in done.said) == (0, True), done
    assert len((anthropic if provider == "anthropic" else openai).requests) >= 2


@pytest.mark.parametrize(("sdk", "model"), [("openai", "smart-chat"), ("@anthropic-ai/sdk", "claude-sonnet-4-5")])
def test_javascript_sdks(desk: Desk, turnout: Recorder, sdk: str, model: str) -> None:
    done = desk.javascript(turnout.url, model, ADA, sdk, "all")
    assert done.status == 0, done
    assert done.said.splitlines() == [f"loop {how} {desk.task.answer}" for how in ("json", "stream")] + ["done"]
