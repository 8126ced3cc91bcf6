"""Servers over HTTP that end, come back, or send elsewhere; and what models of other kinds make of tools."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import connect

from tests.end_to_end.steps.tools.conftest import ADA, CODE
from tests.end_to_end.steps.tools.test_lives import until
from tests.end_to_end.steps.tools.test_rounds import ask, calls, results, says
from tests.support.answers import message, message_events
from tests.support.apis import CHAT, MESSAGES, RESPONSES
from tests.support.http import get, post
from tests.support.loop import Call
from tests.support.script import Reply, as_json, as_stream
from tests.support.turnout import Turnout
from tests.support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = """
version: 1
server: {{allow_code: [their_team.tools, their_team.models]}}
upstreams:
  openai: {{kind: openai, circuit: off, base_url: "{openai}/v1", api_key: env:TEST_OPENAI_KEY}}
  demo: {{kind: echo}}
  inside: {{kind: langchain, object: "their_team.models:Caller"}}
models:
  far: {{targets: [openai/gpt-5.5], tools: [{{mcp: {{url: "{http}"}}}}]}}
  sent-away: {{targets: [openai/gpt-5.5], tools: [{{mcp: {{url: "{away}/mcp"}}}}]}}
  demo: {{targets: [demo/m], tools: [{{object: "their_team.tools:add"}}]}}
  inside: {{targets: [inside/m], tools: [{{object: "their_team.tools:add"}}]}}
keys: {{anonymous: {{any_key: true}}}}
"""
MODELS = '''
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class Caller(BaseChatModel):
    """Calls its first tool, and says what came of it."""

    tools: list = []
    _llm_type = "caller"

    def bind_tools(self, tools, **_):
        return self.model_copy(update={"tools": tools})

    def _generate(self, messages, stop=None, run_manager=None, **_):
        last = messages[-1]
        if isinstance(last, ToolMessage):
            said = AIMessage(f"it said {last.content}")
        else:
            call = {"name": "add", "args": {"a": 20, "b": 22}, "id": "call_1"}
            said = AIMessage("", tool_calls=[call] if self.tools else [])
        return ChatResult(generations=[ChatGeneration(message=said)])
'''


class Far:
    """A server over HTTP that can be ended and begun again at one address."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.begin()

    def begin(self) -> None:
        self.process = subprocess.Popen([sys.executable, str(CODE / "server.py"), str(self.port)])
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < end, "the server never began"
                time.sleep(0.05)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    far = Far()
    yield far
    far.end()


@pytest.fixture(scope="module")
def _away() -> Iterator[Upstream]:
    upstream = Upstream(lambda _: Reply(307, (("location", "http://127.0.0.1:1/elsewhere"),)))
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, far: Far, _away: Upstream, _openai: Upstream) -> Iterator[Turnout]:
    folder: Path = tmp_path_factory.mktemp("far")
    shutil.copytree(CODE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "their_team" / "models.py").write_text(MODELS)
    server = Turnout(folder, FILE.format(openai=_openai.url, http=far.url, away=_away.url))
    yield server
    server.stop()


def test_one_that_ends_and_comes_back_is_used_again(server: Turnout, far: Far, openai: Upstream) -> None:
    made = Call("echo", {"text": "hey"}, "1")
    openai.script(calls(CHAT, made), says(CHAT, "ok"))
    assert ask(server, CHAT, "far").status == 200
    assert "again: hey" in results(openai)
    far.end()
    openai.script(calls(CHAT, made), says(CHAT, "ok"))
    assert ask(server, CHAT, "far").status == 200
    assert openai.last.json["messages"][-1]["content"].startswith("Error: ")
    until(lambda: ask(server, CHAT, "far").status == 503)
    far.begin()
    openai.clear()

    def works() -> bool:
        openai.clear()
        openai.script(calls(CHAT, made), says(CHAT, "ok"))
        return ask(server, CHAT, "far").status == 200 and "again: hey" in results(openai)

    until(works, 60)


def test_one_that_sends_elsewhere_is_not_followed(server: Turnout, openai: Upstream) -> None:
    answer = ask(server, CHAT, "sent-away")
    assert answer.status == 503
    assert not openai.requests
    told = {one["name"]: one["state"] for one in get(server.url, "/status").json["tools"]}
    (state,) = [state for name, state in told.items() if name.startswith("mcp http") and state != "ready"]
    assert "edirect" in state


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("api", [CHAT, MESSAGES, RESPONSES], ids=lambda api: api.name)
@pytest.mark.parametrize(("model", "said"), [("demo", "the tool answered 2"), ("inside", "it said 42")])
def test_any_kind_of_upstream(server: Turnout, api: type, model: str, said: str, stream: bool) -> None:
    conversation = api.conversation("please call add")
    answer = post(server.url, api.path, {"model": model, **conversation, **({"stream": True} if stream else {})})
    assert answer.status == 200
    assert said in (api.text(answer.body) if stream else api.said(answer.json))


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_reasoning_goes_back_to_whom_it_is_of(turnout: Turnout, anthropic: Upstream, stream: bool) -> None:
    made = [Call("add", {"a": 1, "b": 1}, "1")]
    thoughtful = (
        as_stream(message_events(calls=made, thinks="summarized"))
        if stream
        else as_json(message(calls=made, thinks="summarized"))
    )
    anthropic.script(thoughtful, says(MESSAGES, "two", stream=stream))
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000}
    assert ask(turnout, MESSAGES, "claude", stream=stream, **thinking).status == 200
    turn = anthropic.last.json["messages"][-2]
    assert turn["role"] == "assistant"
    (own,) = [one for one in message(calls=made, thinks="summarized")["content"] if one["type"] == "thinking"]
    assert turn["content"][0] == own


def test_a_request_that_only_its_vendor_knows_has_tools_too(turnout: Turnout, openai: Upstream) -> None:
    """`prompt` of Responses goes up as it is; nothing of the rounds needs to read it."""
    openai.script(calls(RESPONSES, Call("add", {"a": 1, "b": 1}, "1"), stream=True), says(RESPONSES, "ok", stream=True))
    answer = ask(turnout, RESPONSES, "gpt", stream=True, prompt={"id": "pmpt_1"})
    assert (answer.status, RESPONSES.text(answer.body)) == (200, "ok")
    assert openai.last.json["prompt"] == {"id": "pmpt_1"}
    kinds = [item["type"] for item in openai.last.json["input"]]
    assert kinds[-2:] == ["function_call", "function_call_output"]


def test_what_is_remembered_is_what_was_said(turnout: Turnout, openai: Upstream) -> None:
    """With `memory`: the turns of a session, without the calls that nobody but Turnout knows of."""
    session = {"x-turnout-session": "one", "x-api-key": ADA}
    openai.script(calls(CHAT, Call("add", {"a": 40, "b": 2}, "1")), says(CHAT, "It is 42"), says(CHAT, "as I said"))
    for text in ("What is it?", "Again?"):
        body = {"model": "knowing", "messages": [{"role": "user", "content": text}]}
        assert post(turnout.url, CHAT.path, body, session).status == 200
    assert [one["content"] for one in openai.last.json["messages"]] == ["What is it?", "It is 42", "Again?"]


def test_responses_over_websocket(turnout: Turnout, openai: Upstream) -> None:
    openai.script(
        calls(RESPONSES, Call("add", {"a": 2, "b": 40}, "1"), stream=True), says(RESPONSES, "ok", stream=True)
    )
    url = turnout.url.replace("http", "ws", 1)
    with connect(f"{url}{RESPONSES.path}", additional_headers={"x-api-key": ADA}) as connection:
        connection.send(json.dumps({"type": "response.create", **RESPONSES.body("gpt")}))
        events = []
        while not events or events[-1]["type"] not in ("response.completed", "error"):
            events.append(json.loads(connection.recv(timeout=20)))
    assert events[-1]["type"] == "response.completed", events[-1]
    assert "".join(one["delta"] for one in events if one["type"] == "response.output_text.delta") == "ok"
    assert '"42"' in results(openai)
