"""Real clients on the Responses API, headless, through Turnout: what is asked may be any of the three APIs.

Each works twice on the same task, three rounds of two calls at once: directly at a vendor of its own API, then through
Turnout. It must send as many requests, streamed as before, meet no refusal, and say the very same at its end.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.desk import TITLE, Desk, Task
from tests.clients.mishaps import MANNER, OVERLOADED, PATHS, SLOW_DOWN, TOO_LONG_LATER
from tests.clients.twice import ADA, FILES, ONTO, Client, Work, cannot_tell, streamed
from tests.support.loop import SEAL
from tests.support.script import as_json
from tests.support.vendor import refused, strict

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clients.desk import Done
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

pytestmark = pytest.mark.clients


def codex(model: str) -> Client:
    return lambda desk, url: desk.codex(url, model, ADA)


def work_of_codex(done: Done) -> list[str]:
    """Return what it shows: words, calls and complaints, those of calls made at once in any order; then its answer."""
    shown = done.complained.partition("\nuser\n")[2].rpartition("\ntokens used\n")[0]
    lines = [re.sub(r" in \d+ms", "", line) for line in shown.splitlines()]
    return [*sorted(line for line in lines if not THOUGHT.match(line)), done.said]


def work_of_cline(done: Done) -> list[str]:
    """Return what it prints: every word, call and result."""
    return [line for line in done.said.splitlines() if "[thinking]" not in line]


THOUGHT = re.compile("I am going to make calls|I have got all")
"""Neither asks for what these models think, and OpenAI does not tell it; that of other vendors is shown."""


# whole tool loops ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("onto", ONTO)
@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-6-sol"])
def test_codex(work: Work, model: str, onto: str) -> None:
    """It makes calls of a function at once with gpt-5.5; with gpt-6-sol it writes code, one piece at a time."""
    twice = work("responses", onto, codex(model))
    assert twice.direct.said.strip() == twice.task.answer
    assert streamed(twice.sent) == [True] * (4 if model == "gpt-5.5" else FILES + 1)
    cannot_tell(twice, work_of_codex)


@pytest.mark.parametrize("onto", ONTO)
def test_cline(work: Work, onto: str) -> None:
    """It does not bring back what the model thought, and DeepSeek wants that: Turnout has kept it."""
    twice = work("responses", onto, lambda desk, url: desk.cline(url, "gpt-5.5", ADA, "openai-native"))
    assert twice.task.answer in twice.direct.said
    assert streamed(twice.sent) == [True] * 4
    cannot_tell(twice, work_of_cline)


@pytest.mark.parametrize("model", ["claude-opus-4-8", "claude-opus-5-5", "claude-sonnet-4-5"])
def test_claude_code(work: Work, model: str) -> None:
    twice = work("messages", "responses", lambda desk, url: desk.claude_code(url, model, ADA))
    assert twice.direct.said.strip() == twice.task.answer
    assert streamed(twice.sent) == [True] * 4
    cannot_tell(twice)


@pytest.mark.parametrize("onto", ONTO)
def test_opencode(work: Work, onto: str) -> None:
    """It asks for a title beside its work, and sends reasoning back without the id that it had."""
    twice = work("responses", onto, lambda desk, url: desk.opencode(url, "gpt-5.5", ADA, "openai"))
    assert twice.task.answer in twice.direct.said
    assert streamed(twice.sent) == [True] * 5
    cannot_tell(twice)


@pytest.mark.parametrize(
    ("sdk", "model", "fields"),
    [
        ("openai", "gpt-5.5", {}),
        ("@anthropic-ai/sdk", "claude-opus-4-8", {}),
        ("@anthropic-ai/sdk", "claude-opus-5-5", {"thinking": {"type": "adaptive", "display": "summarized"}}),
    ],
)
def test_javascript_sdks(work: Work, sdk: str, model: str, fields: dict[str, Any]) -> None:
    """Its tool loops, as JSON and as streams."""
    api = "chat" if sdk == "openai" else "messages"
    twice = work(api, "responses", lambda desk, url: desk.javascript(url, model, ADA, sdk, "loops", **fields))
    assert twice.direct.said.count(twice.task.answer) == 2
    assert streamed(twice.sent) == [False] * 4 + [True] * 4
    cannot_tell(twice)


def test_claude_code_at_a_terminal(work: Work) -> None:
    """There it has the conversation given a title, a structured answer, and wants thoughts told as they come."""
    twice = work("messages", "responses", lambda desk, url: desk.claude_code_at_a_terminal(url, "claude-opus-4-8", ADA))
    titled = [seen.json["text"]["format"]["type"] for seen in twice.sent if "text" in seen.json]
    assert titled == ["json_schema"]
    assert len(twice.sent) == 5
    cannot_tell(twice, lambda done: (TITLE in done.said, SEAL.findall(done.said)))


def test_claude_code_counts(tmp_path: Path, between: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    """It shows what fills its context: all that is counted, is counted by the vendor."""
    openai.answer = lambda seen: as_json({"object": "response.input_tokens", "input_tokens": 1234})
    anthropic.answer = lambda seen: as_json({"input_tokens": 1234})
    task = Task(tmp_path / "project", 1)
    task.prompt = "/context"
    direct = Desk(tmp_path / "direct", task).claude_code(anthropic.url, "claude-opus-4-8", ADA)
    counted = len(anthropic.requests)
    across = Desk(tmp_path / "across", task).claude_code(f"{between.url}/onto-responses", "claude-opus-4-8", ADA)
    assert counted > 10
    assert [seen.path for seen in openai.requests] == ["/v1/responses/input_tokens"] * counted
    assert [refused(seen, MANNER) for seen in openai.requests] == [None] * counted
    assert len(anthropic.requests) == counted
    assert (across.status, across.said) == (direct.status, direct.said)


@pytest.mark.parametrize("onto", ONTO)
@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-6-sol"])
def test_codex_over_websocket(
    tmp_path: Path, between: Turnout, openai: Upstream, anthropic: Upstream, model: str, onto: str
) -> None:
    """Its built-in provider: one connection, a first request that only prepares, then only what is new; no POST."""
    since = len(between.log())
    openai.answer = anthropic.answer = strict(MANNER)
    task = Task(tmp_path / "project", FILES)
    done = Desk(tmp_path / "desk", task).codex(f"{between.url}/onto-{onto}", model, ADA, own=False)
    assert done.said.strip() == task.answer, done
    turns = 4 if model == "gpt-5.5" else FILES + 1
    between.wait_for(re.compile("(?s)" + '("method":"WS".*)' * (turns + 1)), since=since)
    told = [json.loads(line) for line in between.log()[since:].splitlines()]
    asked = [(one["method"], one["path"], one["status"]) for one in told]
    assert sorted(asked) == [("GET", "/v1/responses", 101), *[("WS", "/v1/responses", 200)] * (turns + 1)]
    assert [seen.path for seen in (*openai.requests, *anthropic.requests)] == [PATHS[onto]] * turns


# what goes wrong upstream --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("onto", ONTO)
def test_a_conversation_that_became_too_long_is_said_to_be_by_codex(work: Work, onto: str) -> None:
    twice = work("responses", onto, codex("gpt-5.5"), TOO_LONG_LATER)
    assert twice.direct.status == 1
    assert "Codex ran out of room in the model's context window" in twice.direct.complained
    assert len(twice.sent) == 3
    cannot_tell(twice, work_of_codex)


@pytest.mark.parametrize("onto", ONTO)
def test_codex_is_told_to_slow_down_and_waits_as_long_as_told(work: Work, onto: str) -> None:
    twice = work("responses", onto, codex("gpt-5.5"), SLOW_DOWN)
    assert twice.direct.said.strip() == twice.task.answer
    assert len(twice.sent) == 5
    assert twice.sent[3].at - twice.sent[2].at >= 2
    cannot_tell(twice, work_of_codex)


@pytest.mark.parametrize("onto", ONTO)
def test_a_stream_that_fails_midway_is_asked_for_again_by_codex(work: Work, onto: str) -> None:
    twice = work("responses", onto, codex("gpt-5.5"), OVERLOADED)
    assert twice.direct.said.strip() == twice.task.answer
    assert len(twice.sent) == 5
    cannot_tell(twice, work_of_codex)


CLAUDE_CODE = ("messages", "responses", lambda desk, url: desk.claude_code(url, "claude-opus-4-8", ADA))
CLINE = ("responses", "messages", lambda desk, url: desk.cline(url, "gpt-5.5", ADA, "openai-native"))
AGENTS: dict[str, tuple[str, str, Client]] = {"claude-code": CLAUDE_CODE, "cline": CLINE}


@pytest.mark.parametrize("agent", AGENTS)
def test_a_conversation_that_became_too_long_is_compacted(work: Work, agent: str) -> None:
    twice = work(*AGENTS[agent], TOO_LONG_LATER)
    assert twice.task.answer in twice.direct.said
    assert len(twice.sent) > 5
    cannot_tell(twice, work_of_cline)


def test_claude_code_is_told_to_slow_down_and_waits_as_long_as_told(work: Work) -> None:
    twice = work(*CLAUDE_CODE, SLOW_DOWN)
    assert twice.task.answer in twice.direct.said
    assert len(twice.sent) == 5
    assert twice.sent[3].at - twice.sent[2].at >= 2
    cannot_tell(twice)


def test_a_stream_that_fails_midway_is_asked_for_again_by_claude_code(work: Work) -> None:
    """As JSON: what it read of the stream may have been acted on."""
    twice = work(*CLAUDE_CODE, OVERLOADED)
    assert twice.direct.said.strip() == twice.task.answer
    assert streamed(twice.sent) == [True, True, True, False, True]
    cannot_tell(twice)


def test_a_stream_that_fails_midway_ends_cline_with_the_reason(work: Work) -> None:
    twice = work(*CLINE, OVERLOADED)
    assert "Overloaded" in twice.direct.complained
    assert "Overloaded" in twice.across.complained
    cannot_tell(twice, work_of_cline)
