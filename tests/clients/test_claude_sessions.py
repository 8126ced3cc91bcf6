"""The real Claude Code as an upstream over several turns: calls side by side, sessions, no sign-in, and its end."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.desk import CLIENTS, installed
from tests.clients.test_claude_upstream import FILE, KEY, TOOL, as_claude_calls_it
from tests.support.apis import MESSAGES
from tests.support.http import Answer, Line, get, post
from tests.support.loop import Manner, sealed_file, sealed_files
from tests.support.script import End, as_stream
from tests.upstreams.claude_code.conftest import alive, until

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

pytestmark = pytest.mark.clients


def begin(start: Start, upstream: Upstream, home: Path, more: str = "", **env: str) -> Turnout:
    command = installed("claude-code", ".bin/claude")
    path = f"{CLIENTS / 'node22' / 'node_modules' / '.bin'}:{os.environ['PATH']}"
    home.mkdir()
    text = FILE.format(command=f"{command}{more}")
    return start(text, env={"ANTHROPIC_BASE_URL": upstream.url, "PATH": path, "HOME": str(home), **env})


def ask(turnout: Turnout, messages: list[Any], **more: Any) -> Answer:
    return post(turnout.url, MESSAGES.path, {**MESSAGES.body("smart"), "messages": messages, **more})


def pool(turnout: Turnout) -> dict[str, Any]:
    return dict(get(turnout.url, "/status").json["upstreams"][0]["pool"])


def children(turnout: Turnout) -> list[int]:
    """The processes of `claude` that the server runs."""
    pid = turnout.process.pid
    found = [part.name for part in Path("/proc").iterdir() if part.name.isdigit()]
    return [int(one) for one in found if parent(one) == pid]


def parent(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_calls_beside_each_other_are_held_together(start: Start, anthropic: Upstream, tmp_path: Path) -> None:
    anthropic.answer = partial(as_claude_calls_it, manner=Manner(parallel=3))
    folder = tmp_path / "files"
    folder.mkdir()
    seals, prompt = sealed_files(folder, 3)
    turnout = begin(start, anthropic, tmp_path / "home", ANTHROPIC_API_KEY=KEY)
    messages: list[Any] = [{"role": "user", "content": prompt}]
    first = ask(turnout, messages, tools=[TOOL])
    calls = [block for block in first.json["content"] if block["type"] == "tool_use"]
    assert len(calls) == 3
    until(lambda: pool(turnout)["held"] == 1)
    results = [
        {"type": "tool_result", "tool_use_id": call["id"], "content": Path(call["input"]["path"]).read_text()}
        for call in calls
    ]
    messages += [{"role": "assistant", "content": first.json["content"]}, {"role": "user", "content": results}]
    second = ask(turnout, messages, tools=[TOOL])
    assert all(seal in second.json["content"][0]["text"] for seal in seals), second.body
    last = anthropic.requests[-1].json["messages"]
    brought = [block for block in last[-1]["content"] if block["type"] == "tool_result"]
    assert [one["tool_use_id"] for one in brought] == [call["id"] for call in calls]
    offered = {tool["name"] for seen in anthropic.requests if seen.body for tool in seen.json.get("tools") or ()}
    assert offered == {"mcp__turnout__read_file"}, "no tools of its own"


def test_a_large_result_comes_whole(start: Start, anthropic: Upstream, tmp_path: Path) -> None:
    """`claude` puts large results into files, which it cannot read here: it is told to keep them."""
    anthropic.answer = as_claude_calls_it
    _, _, prompt = sealed_file(tmp_path)
    turnout = begin(start, anthropic, tmp_path / "home", ANTHROPIC_API_KEY=KEY)
    messages: list[Any] = [{"role": "user", "content": prompt}]
    first = ask(turnout, messages, tools=[TOOL])
    (call,) = [block for block in first.json["content"] if block["type"] == "tool_use"]
    large = "".join(f"line {number} of many\n" for number in range(20_000))
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": large}
    messages += [{"role": "assistant", "content": first.json["content"]}, {"role": "user", "content": [result]}]
    assert ask(turnout, messages, tools=[TOOL]).status == 200
    told = str(anthropic.requests[-1].json["messages"])
    assert "line 19999 of many" in told
    assert "line 9999 of many" in told


def test_a_session_is_resumed_by_its_messages(start: Start, anthropic: Upstream, tmp_path: Path) -> None:
    turnout = begin(start, anthropic, tmp_path / "home", "\n    idle: 1s\n    warm: 0", ANTHROPIC_API_KEY=KEY)
    first = ask(turnout, [{"role": "user", "content": "Hi"}])
    assert first.status == 200, first.body
    until(lambda: pool(turnout)["processes"] == 0)
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": first.json["content"]},
        {"role": "user", "content": "/help @/etc/hostname and go on"},
    ]
    second = ask(turnout, messages)
    assert second.status == 200, second.body
    assert "messages=" not in (second.header("x-turnout-loss") or "")
    told = [one for one in anthropic.requests[-1].json["messages"] if one["role"] != "system"]
    assert [one["role"] for one in told] == ["user", "assistant", "user"]
    assert "/help @/etc/hostname and go on" in str(told[-1])
    assert list((tmp_path / "home" / ".claude" / "projects").glob("*/*.jsonl"))
    turnout.stop()
    assert not list((tmp_path / "home" / ".claude" / "projects").glob("*/*.jsonl")), "they are gone with the server"


def test_who_is_not_signed_in_is_told_what_to_do(start: Start, anthropic: Upstream, tmp_path: Path) -> None:
    turnout = begin(start, anthropic, tmp_path / "home")
    answer = ask(turnout, [{"role": "user", "content": "Hi"}])
    assert answer.status == 500
    assert "`claude` is not signed in" in answer.json["error"]["message"]
    assert [seen for seen in anthropic.requests if seen.path == "/v1/messages"] == []


def test_no_process_outlives_the_server(start: Start, anthropic: Upstream, tmp_path: Path) -> None:
    turnout = begin(start, anthropic, tmp_path / "home", ANTHROPIC_API_KEY=KEY)
    assert ask(turnout, [{"role": "user", "content": "Hi"}]).status == 200
    anthropic.answer = lambda _seen: as_stream([*MESSAGES.begun("Hello"), End.STALL])
    with Line(turnout.url) as line:
        line.ask("POST", MESSAGES.path, body={**MESSAGES.body("smart", stream=True), "system": "Another."})
        until(lambda: pool(turnout)["busy"] == 1)
        processes = until(lambda: children(turnout))
        turnout.process.send_signal(signal.SIGKILL)
        turnout.process.wait(10)
        until(lambda: not any(alive(pid) for pid in processes))
    turnout.stop = lambda: None  # type: ignore[method-assign]  # it was killed
