"""The real Claude Code as an upstream: the kind `claude-code` drives it, and it asks a vendor on loopback."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.desk import CLIENTS, installed
from tests.support.answers import PLAIN, usual
from tests.support.apis import APIS, MESSAGES, Api
from tests.support.http import Answer, post
from tests.support.loop import Manner, sealed_file
from tests.support.script import as_json

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.script import Reply
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

pytestmark = pytest.mark.clients

FILE = """
version: 1
upstreams:
  max:
    kind: claude-code
    accept_terms: personal-use
    command: {command}
    env: [ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY]
defaults: {{model: {{retries: 0}}}}
models: {{"*": max/claude-sonnet-4-5}}
keys: {{anonymous: {{any_key: true}}}}
"""
KEY = "sk-ant-api03-loopback-0123456789"
TOOL = {
    "name": "read_file",
    "description": "Read a file",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}


@pytest.fixture(scope="module")
def turnout(start: Start, _anthropic: Upstream) -> Turnout:
    command = installed("claude-code", ".bin/claude")
    node = CLIENTS / "node22" / "node_modules" / ".bin"
    env = {
        "ANTHROPIC_BASE_URL": _anthropic.url,
        "ANTHROPIC_API_KEY": KEY,
        "PATH": f"{node}:{os.environ['PATH']}",
    }
    return start(FILE.format(command=command), env=env)


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_each_api(turnout: Turnout, anthropic: Upstream, api: Api, stream: bool) -> None:
    answer = post(turnout.url, api.path, api.body("smart", stream=stream))
    assert (answer.status, answer.whole) == (200, True), answer.body
    assert (api.text(answer.body) if stream else api.said(answer.json)) == "Hello there"
    asked = [seen for seen in anthropic.requests if seen.path == "/v1/messages"]
    assert all((seen.header("user-agent") or "").startswith("claude-cli/") for seen in asked)
    assert not any(tool["name"] for seen in asked for tool in seen.json.get("tools") or ()), "no tools of its own"
    assert KEY not in turnout.log()


def test_a_tool_of_the_client_over_two_requests(turnout: Turnout, anthropic: Upstream, tmp_path: Path) -> None:
    """The call is held until the client comes back with its result: the process that made it gets it."""
    anthropic.answer = as_claude_calls_it
    path, seal, prompt = sealed_file(tmp_path)
    messages: list[Any] = [{"role": "user", "content": prompt}]
    first = ask(turnout, messages)
    (call,) = [block for block in first.json["content"] if block["type"] == "tool_use"]
    assert (call["name"], first.json["stop_reason"]) == ("read_file", "tool_use")
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": path.read_text()}
    messages += [{"role": "assistant", "content": first.json["content"]}, {"role": "user", "content": [result]}]
    second = ask(turnout, messages)
    assert seal in second.json["content"][0]["text"]
    assert second.json["usage"]["output_tokens"] > 0


def as_claude_calls_it(seen: Seen, manner: Manner = PLAIN) -> Reply:
    """Answer as ever, though Claude Code calls the tools of others `mcp__SERVER__NAME`."""
    body = seen.json
    called = {tool["name"].rpartition("__")[2]: tool["name"] for tool in body.get("tools") or ()}
    for tool in body.get("tools") or ():
        tool["name"] = tool["name"].rpartition("__")[2]
    reply = usual(replace(seen, body=json.dumps(body).encode()), manner)

    def named(part: bytes) -> bytes:
        for short, long in called.items():
            part = part.replace(f'"name": "{short}"'.encode(), f'"name": "{long}"'.encode())
        return part

    return replace(reply, parts=tuple(named(part) if isinstance(part, bytes) else part for part in reply.parts))


def ask(turnout: Turnout, messages: list[Any]) -> Answer:
    body = {**MESSAGES.body("smart"), "messages": messages, "tools": [TOOL]}
    answer = post(turnout.url, MESSAGES.path, body)
    assert answer.status == 200, answer.body
    return answer


def test_what_it_cannot_honour_is_told(turnout: Turnout, anthropic: Upstream) -> None:
    answer = post(turnout.url, MESSAGES.path, {**MESSAGES.body("smart"), "temperature": 0.5, "stop_sequences": ["x"]})
    lost = answer.header("x-turnout-loss") or ""
    assert "temperature=" in lost
    assert "stop_sequences=" in lost


IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_nothing_of_an_image_is_left_on_the_disk(start: Start, anthropic: Upstream, tmp_path: Path) -> None:
    """`claude` writes images beside its transcript: into a folder that is removed with the upstream."""
    command = installed("claude-code", ".bin/claude")
    node = CLIENTS / "node22" / "node_modules" / ".bin"
    env = {"ANTHROPIC_BASE_URL": anthropic.url, "ANTHROPIC_API_KEY": KEY, "PATH": f"{node}:{os.environ['PATH']}"}
    server = start(FILE.format(command=command), env={**env, "TMPDIR": str(tmp_path)})
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}}
    answer = ask(server, [{"role": "user", "content": [{"type": "text", "text": "Hi"}, image]}])
    assert answer.status == 200
    (folder,) = tmp_path.glob("turnout-claude-*")
    assert list(folder.glob("tmp/**/images/*")), "it is no longer written there"
    server.stop()
    assert not list(tmp_path.glob("turnout-claude-*"))
    assert not [one for one in Path(tempfile.gettempdir()).glob(f"claude-*/*{folder.name}*") if one.exists()]


def test_a_refusal_comes_at_once(turnout: Turnout, anthropic: Upstream) -> None:
    """Trying again is left to Turnout, which may have another target."""
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    anthropic.answer = lambda _: as_json(error, 429)
    answer = post(turnout.url, MESSAGES.path, MESSAGES.body("smart"))
    assert answer.status == 429
    assert len([seen for seen in anthropic.requests if seen.path == "/v1/messages"]) == 1
