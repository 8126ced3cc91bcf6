"""What the code of an upstream raises becomes a status; a client that leaves has it ended."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, MESSAGES
from tests.support.http import Line, post

if TYPE_CHECKING:
    from pathlib import Path

    from tests.langchain.conftest import Beside
    from tests.support.turnout import Turnout

FILE = """
observe: {{log: {{format: text}}}}
defaults: {{model: {{retries: 0}}}}
upstreams:
  worker:
    kind: langchain
    object: my_team.models:Worker
    circuit: off
    options: {{notes: "{notes}", metadata: {{team: [env:TEAM_SECRET]}}}}
  hasty: {{kind: langchain, object: "my_team.models:Worker", circuit: off, timeouts: {{first: 300ms, idle: 300ms}}}}
  fragile: {{kind: langchain, object: "my_team.models:Worker", circuit: {{failures: 2, cooldown: 1m}}}}
  spare: {{kind: echo}}
models:
  fragile: fragile/w
  worker: worker/w
  hasty: hasty/w
  carried: {{targets: [worker/w, spare/e], on_break: continue}}
"""
STATUSES = {
    # what is raised: (status for a client of chat, status for one of messages, a word of the message)
    "rate_limit": (429, 429, "slow down"),
    "rate_limit_named": (429, 429, "slow down"),
    "rate_limit_botocore": (429, 429, "ThrottlingException"),
    "auth": (502, 500, "refused Turnout's own credential"),
    "context": (400, 400, "too much"),
    "context_named": (400, 400, "prompt is too long: 5 tokens > 4 maximum"),
    "overloaded": (503, 529, "busy"),
    "http": (502, 500, "500"),
    "timeout": (504, 504, "timed out"),
    "builtin_timeout": (504, 504, "TimeoutError"),
    "connect": (502, 500, "Connection error"),
    "wrapped": (429, 429, "slow down"),
    "not_done": (400, 400, "no such thing"),
    "group": (429, 429, "slow down"),
    "bug": (502, 500, "raised ZeroDivisionError"),
}


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes") / "notes.txt"


@pytest.fixture(scope="module")
def turnout(beside: Beside, notes: Path) -> Turnout:
    return beside(FILE.format(notes=notes), env={"TEAM_SECRET": "hoarse-and-loud"})


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("raised", STATUSES)
def test_what_is_raised_becomes_a_status(turnout: Turnout, raised: str, stream: bool) -> None:
    chat, messages, word = STATUSES[raised]
    for api, status in ((CHAT, chat), (MESSAGES, messages)):
        body = {**api.conversation(f"fail {raised}"), "model": "worker", "stream": stream}
        answer = post(turnout.url, api.path, body)
        assert answer.status == status, answer.body
        assert word in api.error(answer)["message"]
        assert b"hoarse-and-loud" not in answer.body


def test_how_long_to_wait_passes(turnout: Turnout) -> None:
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("fail rate_limit"), "model": "worker"})
    assert answer.header("retry-after") == "7"


def test_what_is_a_bug_is_in_the_log_only(turnout: Turnout) -> None:
    since = len(turnout.log())
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("fail bug"), "model": "worker"})
    assert b"the secret of the team" not in answer.body
    turnout.wait_for(re.compile(r"ZeroDivisionError: the secret of the team \(.*my_team/models\.py:\d+\)"), since=since)
    assert "hoarse-and-loud" not in turnout.log()


def test_a_stream_that_breaks_ends_with_an_error(turnout: Turnout) -> None:
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("break now"), "model": "worker", "stream": True})
    assert CHAT.text(answer.body) == "So far "
    assert "busy" in CHAT.in_band(answer.body)["message"]


def test_or_is_carried_on_by_another_target(turnout: Turnout) -> None:
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("break now"), "model": "carried", "stream": True})
    assert CHAT.text(answer.body).startswith("So far ")
    assert answer.body.count(b"[DONE]") == 1


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_silence_is_a_timeout(turnout: Turnout, stream: bool) -> None:
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("silence"), "model": "hasty", "stream": stream})
    assert answer.status == 504, answer.body


def test_code_that_keeps_failing_is_left_alone(turnout: Turnout) -> None:
    ask = {**CHAT.conversation("fail overloaded"), "model": "fragile"}
    assert [post(turnout.url, CHAT.path, ask).status for _ in range(2)] == [503, 503]
    answer = post(turnout.url, CHAT.path, ask)
    assert "cools down" in CHAT.error(answer)["message"]


def test_a_client_that_leaves_ends_the_models_stream(turnout: Turnout, notes: Path) -> None:
    notes.unlink(missing_ok=True)
    with Line(turnout.url) as line:
        line.ask("POST", CHAT.path, body={**CHAT.conversation("wait"), "model": "worker", "stream": True})
        got = line.head()
        heard = b""
        for chunk in line.chunks(got):
            heard += chunk.data
            if b"Wait" in heard:
                break
    assert until(lambda: notes.exists() and notes.read_text() == "closed")


def test_a_client_that_leaves_before_the_answer_ends_it_too(turnout: Turnout, notes: Path) -> None:
    notes.unlink(missing_ok=True)
    with Line(turnout.url) as line:
        line.ask("POST", CHAT.path, body={**CHAT.conversation("wait"), "model": "worker"})
        time.sleep(0.2)
    assert until(lambda: notes.exists() and notes.read_text() == "closed")


def test_a_client_that_takes_nothing_holds_the_model_back(turnout: Turnout, notes: Path) -> None:
    notes.unlink(missing_ok=True)
    with Line(turnout.url) as line:
        line.ask("POST", CHAT.path, body={**CHAT.conversation("flood 100000"), "model": "worker", "stream": True})
        line.head()
        assert until(notes.exists)
        seen = ""
        while not (now := notes.read_text()) or now != seen:  # until it has stopped
            seen = now
            time.sleep(0.5)
    assert int(seen) < 99_999


def test_a_client_that_leaves_in_full_flow_ends_it(turnout: Turnout, notes: Path) -> None:
    notes.unlink(missing_ok=True)
    since = len(turnout.log())
    with Line(turnout.url) as line:
        line.ask("POST", CHAT.path, body={**CHAT.conversation("flood 100000"), "model": "worker", "stream": True})
        line.head()
    turnout.wait_for(re.compile(r" 499 "), since=since)


def until(holds: object) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if holds():  # type: ignore[operator]  # a condition
            return True
        time.sleep(0.02)
    return False
