"""Code that misbehaves harms its own request, and nobody else's."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.langchain.conftest import HEAD, lay
from tests.langchain.test_loading import UPSTREAM
from tests.support.apis import CHAT, MESSAGES, Api
from tests.support.http import get, post
from tests.support.turnout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.langchain.conftest import Beside
    from tests.support.turnout import Turnout

FILE = """
defaults: {model: {retries: 0}}
upstreams:
  rough: {kind: langchain, object: "my_team.rough:Rough", circuit: off}
  polly: {kind: langchain, object: "my_team.runnables:polly"}
  vectors: {kind: langchain, embeddings: "my_team.rough:Nonsense", circuit: off}
models: {rough: rough/r, polly: polly/p, vectors: vectors/v}
"""
RUN = "; import sys; sys.argv[0] = 'turnout'; from engine.cli import main; sys.exit(main())"
APIS = pytest.mark.parametrize("api", [CHAT, MESSAGES], ids=lambda api: api.name)


@pytest.fixture(scope="module")
def turnout(beside: Beside) -> Turnout:
    return beside(FILE)


def said(api: Api, turnout: Turnout, words: str, **more: object) -> tuple[int, str]:
    answer = post(turnout.url, api.path, {**api.conversation(words), "model": "rough", **more})
    if answer.status != 200 or "stream" not in more:
        return answer.status, api.error(answer)["message"] if answer.status != 200 else ""
    if more["stream"]:
        return 200, api.text(answer.body)
    whole = json.loads(answer.body)
    return 200, whole["content"][0]["text"] if api is MESSAGES else whole["choices"][0]["message"]["content"]


@APIS
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(
    ("word", "raised"), [("exit", "raised RuntimeError"), ("odd", "raised ValueError"), ("mute", "raised MuteError")]
)
def test_what_it_raises_is_a_failure_of_its_own(
    turnout: Turnout, api: Api, stream: bool, word: str, raised: str
) -> None:
    status, message = said(api, turnout, word, stream=stream)
    assert status in (500, 502)
    assert raised in message
    assert said(api, turnout, "hello", stream=stream) == (200, "hello")


@APIS
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_what_is_no_text_is_made_text(turnout: Turnout, api: Api, stream: bool) -> None:
    assert said(api, turnout, "half", stream=stream) == (200, "a\ufffdb \U0001f600")


def test_thoughts_in_anthropics_own_form_are_thoughts(turnout: Turnout) -> None:
    ask = {**MESSAGES.conversation("muse"), "model": "rough", "thinking": {"type": "adaptive"}}
    blocks = json.loads(post(turnout.url, MESSAGES.path, ask).body)["content"]
    assert [block.get("thinking") or block.get("text") for block in blocks] == ["hm", "mused"]


@pytest.mark.parametrize("word", ["few", "nan", "words", "empty"])
def test_vectors_that_are_none_are_a_failure(turnout: Turnout, word: str) -> None:
    answer = post(turnout.url, "/v1/embeddings", {"model": "vectors", "input": word})
    assert answer.status == 502
    assert b"no vector of numbers" in answer.body


def test_vectors_of_whole_numbers_are_vectors(turnout: Turnout) -> None:
    answer = post(turnout.url, "/v1/embeddings", {"model": "vectors", "input": "good", "encoding_format": "float"})
    assert json.loads(answer.body)["data"][0]["embedding"] == [1, 2.5]


def test_code_that_blocks_holds_up_neither_others_nor_an_edit_nor_the_end(beside: Beside) -> None:
    server = beside(FILE, allow="my_team.*], drain: 1s, trusted_proxies: [")
    blocked = [
        threading.Thread(target=said, args=(CHAT, server, "sleep 600"), daemon=True)
        for _ in range(40)  # more than Python's own pool has
    ]
    for one in blocked:
        one.start()
    ask = {**CHAT.conversation("hi"), "model": "polly"}
    assert post(server.url, CHAT.path, ask).status == 200
    since = len(server.log())
    server.file.write_text(server.file.read_text().replace("polly: polly/p", "polly: polly/p, edited: polly/p"))
    server.wait_for(re.compile("reloaded"), since=since)
    assert post(server.url, CHAT.path, {**ask, "model": "edited"}).status == 200
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0


def test_an_import_that_hangs_is_told_and_later_edits_are_taken(beside: Beside) -> None:
    server = beside(FILE, program=("-c", "import engine.serve.reload as it; it.LOADING = 1.0" + RUN))
    good = server.file.read_text()
    since = len(server.log())
    server.file.write_text(good.replace("my_team.runnables:polly", "my_team.endless:model"))
    told = "importing the code of upstream `polly` has not ended within 1 s"
    server.wait_for(re.compile(re.escape(told)), since=since)
    health = json.loads(get(server.url, "/health").body)
    assert health["status"] == "degraded"
    assert health["config"]["last_error"]["line"] == 8
    server.file.write_text(good.replace("polly: polly/p", "polly: polly/p, later: polly/p"))
    server.wait_for(re.compile("reloaded"), since=since)
    ask = {**CHAT.conversation("hi"), "model": "later"}
    assert post(server.url, CHAT.path, ask).status == 200
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0


@pytest.mark.parametrize("verb", [("serve", "--port", "0"), ("check", "--probe")], ids=["serve", "check"])
def test_who_waits_for_an_import_is_told(tmp_path: Path, verb: tuple[str, ...]) -> None:
    (lay(tmp_path) / "proxy.yaml").write_text(HEAD + UPSTREAM.format("object: my_team.endless:model"))
    program = "import engine.serve.loading as it; it.SLOW = 0.1" + RUN
    command = [sys.executable, "-c", program, *verb]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.kill()
    assert line == "still importing the code of upstream `team` ...\n"
