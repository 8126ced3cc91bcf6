"""LangGraph: a graph with a tool loop, one that leaves its calls to the client, one without a model."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.langchain.conftest import HEAD, lay
from tests.langchain.packages import env
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import post
from tests.support.turnout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.langchain.conftest import Beside
    from tests.support.turnout import Turnout

pytestmark = pytest.mark.langchain

ECHO = 'version: 1\nupstreams: {e: {kind: echo}}\nmodels: {"*": e/*}\nkeys: {anonymous: {any_key: true}}\n'
NAMES = ("support", "caller", "greeter", "reciter", "inquirer")
FILE = (
    "upstreams:\n"
    + "".join(f"  {name}: {{kind: langchain, object: my_team.graphs:{name}}}\n" for name in NAMES)
    + "models:\n"
    + "".join(f"  {name}: {name}/x\n" for name in NAMES)
)
APIS = pytest.mark.parametrize("api", [CHAT, MESSAGES, RESPONSES], ids=lambda api: api.name)


@pytest.fixture(scope="module")
def turnout(beside: Beside, start: Start) -> Turnout:
    packages = env()
    return beside(FILE, env={**packages, "TEAM_MODEL_URL": f"{start(ECHO).url}/v1"})


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@APIS
def test_a_tool_loop_runs_unseen(turnout: Turnout, api: Api, stream: bool) -> None:
    said = {**api.conversation("How is the weather ?"), "model": "support", "stream": stream}
    answer = post(turnout.url, api.path, said)
    assert answer.status == 200, answer.body
    text = api.text(answer.body) if stream else api.said(answer.json)
    assert text == "echo: the tool answered sunny in echo"
    assert b"call_" not in answer.body.replace(b"tool_calls", b"")


def test_all_that_the_graph_took_is_told(turnout: Turnout) -> None:
    once = post(turnout.url, CHAT.path, {**CHAT.conversation("Hello"), "model": "support"}).json["usage"]
    looped = post(turnout.url, CHAT.path, {**CHAT.conversation("The weather"), "model": "support"}).json["usage"]
    assert looped["prompt_tokens"] > 1.5 * once["prompt_tokens"]


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_calls_that_the_graph_leaves_open_are_the_clients(turnout: Turnout, stream: bool) -> None:
    body = {**CHAT.conversation("How is the weather ?"), "model": "caller", "stream": stream}
    answer = post(turnout.url, CHAT.path, body)
    if stream:
        assert b'"finish_reason":"tool_calls"' in answer.body
        assert b'"name":"weather"' in answer.body
        return
    (call,) = answer.json["choices"][0]["message"]["tool_calls"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("weather", {"city": "echo"})


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_what_no_model_said_is_said_too(turnout: Turnout, stream: bool) -> None:
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("Hello"), "model": "greeter", "stream": stream})
    text = CHAT.text(answer.body) if stream else CHAT.said(answer.json)
    assert text == "Good day. You said 1 things."


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_what_was_said_before_is_not_said_again(turnout: Turnout, stream: bool) -> None:
    """A node may return the whole state; two messages are two paragraphs."""
    turns = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": "Go on"},
    ]
    answer = post(turnout.url, CHAT.path, {"messages": turns, "model": "reciter", "stream": stream})
    assert (CHAT.text(answer.body) if stream else CHAT.said(answer.json)) == "First.\n\nSecond."


def test_each_request_is_a_thread_of_its_own(turnout: Turnout) -> None:
    """With the checkpointer of this graph, what another request said would be answered too."""
    first = post(turnout.url, CHAT.path, {**CHAT.conversation("The weather"), "model": "support"})
    again = post(turnout.url, CHAT.path, {**CHAT.conversation("Hello"), "model": "support"})
    assert "sunny" in CHAT.said(first.json)
    assert CHAT.said(again.json) == "echo: Hello"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("silent", "is a graph whose state has no `messages`"),
        ("unfinished", "compile the graph: `name = builder.compile()`"),
    ],
)
def test_graphs_that_cannot_be_asked(tmp_path: Path, name: str, words: str) -> None:
    file = lay(tmp_path) / "proxy.yaml"
    file.write_text(
        HEAD + f"upstreams: {{team: {{kind: langchain, object: my_team.graphs:{name}}}}}\nmodels: {{m: team/m}}\n"
    )
    command = [sys.executable, "-m", "engine", "check", "--probe", str(file)]
    environ = env(PATH="/usr/bin:/bin", TEAM_MODEL_URL="http://127.0.0.1:9/v1")
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environ, check=False)
    assert done.returncode == 1
    assert "error[not-a-model]" in done.stdout
    assert words in done.stdout


@APIS
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_one_that_stops_to_ask_is_an_error_that_says_so(turnout: Turnout, api: Api, stream: bool) -> None:
    answer = post(turnout.url, api.path, {**api.conversation("hello"), "model": "inquirer", "stream": stream})
    assert answer.status == 400
    assert "(`interrupt`): 'May I?'" in api.error(answer)["message"]
