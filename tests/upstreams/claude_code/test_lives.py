"""Who may ask at once, what becomes of a process when a client leaves, it dies or Turnout ends, and of edits."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.http import Answer, Line, get
from tests.upstreams.claude_code.conftest import FILE, body, said, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.upstreams.claude_code.conftest import Begin, Bridge

TOOLS = [{"name": "weather", "input_schema": {"type": "object"}}]


@pytest.fixture(scope="module")
def bridge(begin: Begin) -> Bridge:
    return begin("warm: 0")


def stalled(bridge: Bridge) -> Line:
    """Ask what is not answered; return the line once `claude` has it."""
    before = len(bridge.events("user"))
    line = Line(bridge.url)
    line.ask("POST", "/v1/messages", body=body("stall", stream=True))
    until(lambda: len(bridge.events("user")) > before)
    return line


def test_a_client_that_leaves_interrupts_it(bridge: Bridge) -> None:
    with stalled(bridge):
        assert bridge.pool["busy"] == 1
    until(lambda: bridge.events("interrupt"))
    until(lambda: bridge.pool["processes"] == 0 and bridge.pool["busy"] == 0)
    assert not bridge.running
    assert said(bridge.ask("say after")) == "after"


def test_no_more_run_at_once_and_the_line_has_an_end(begin: Begin) -> None:
    bridge = begin("warm: 0, concurrency: 1, queue: 1, queue_timeout: 30s")
    waited: list[Answer] = []
    with stalled(bridge):
        waiting = threading.Thread(target=lambda: waited.append(bridge.ask("say patience")))
        waiting.start()
        until(lambda: bridge.pool["waiting"] == 1)
        refused = bridge.ask("say too many")
        assert refused.status == 529
        assert "1 requests run and 1 wait" in refused.json["error"]["message"]
        metrics = get(bridge.url, "/metrics").body.decode()
        assert 'turnout_pool_waiting{upstream="max"} 1.0' in metrics
        assert len(bridge.events("user")) == 1
    waiting.join(20)
    assert said(waited[0]) == "patience"


def test_who_waits_too_long_is_told(begin: Begin) -> None:
    bridge = begin("warm: 0, concurrency: 1, queue_timeout: 200ms")
    with stalled(bridge):
        refused = bridge.ask("say late")
        assert refused.status == 529
        assert "queue_timeout" in refused.json["error"]["message"]
        assert bridge.pool["waiting"] == 0


def test_a_process_that_dies_is_told_and_replaced(bridge: Bridge) -> None:
    answer = bridge.ask("die")
    assert answer.status == 500
    assert "ended with exit code 3; run `claude -p hello`" in answer.json["error"]["message"]
    assert "on-standard-error" not in bridge.turnout.log()
    assert said(bridge.ask("say alive")) == "alive"


def test_what_it_says_unasked_reaches_nobody(bridge: Bridge) -> None:
    assert said(bridge.ask("ramble")) == "1: ramble"
    until(lambda: not [pid for pid in bridge.running if pid == bridge.events("user")[-1]["pid"]])


def test_silence_has_an_end(begin: Begin) -> None:
    bridge = begin("warm: 0, silence: 300ms")
    answer = bridge.ask("stall")
    assert answer.status == 504
    until(lambda: not bridge.running)


def test_held_calls_survive_an_edit_of_something_else(bridge: Bridge) -> None:
    first = bridge.ask("call weather {}", tools=TOOLS)
    (call,) = (block for block in first.json["content"] if block["type"] == "tool_use")
    edited = bridge.file("warm: 0") + "routes:\n  - {name: x, when: {model: never}, deny: {status: 403}}\n"
    bridge.turnout.taken(lambda: bridge.turnout.rewrite(edited))
    given = [{"type": "tool_result", "tool_use_id": call["id"], "content": "still here"}]
    before = len(bridge.pids)
    assert said(bridge.ask("call weather {}", first.json["content"], given, tools=TOOLS)) == "still here"
    assert len(bridge.pids) == before


def test_when_the_process_that_holds_calls_dies_the_results_are_told_to_another(bridge: Bridge) -> None:
    first = bridge.ask("call weather {}", tools=TOOLS)
    (call,) = (block for block in first.json["content"] if block["type"] == "tool_use")
    os.kill(bridge.events("user")[-1]["pid"], signal.SIGKILL)
    until(lambda: bridge.pool["held"] == 0)
    given = [{"type": "tool_result", "tool_use_id": call["id"], "content": "sunny"}]
    second = bridge.ask("call weather {}", first.json["content"], given, tools=TOOLS)
    assert "sunny" in said(second)
    assert "messages=" not in (second.header("x-turnout-loss") or ""), "approximated: in the log, not in the header"


def test_an_edit_of_the_upstream_ends_its_processes(begin: Begin) -> None:
    bridge = begin("warm: 0")
    said(bridge.ask("say before"))
    old = bridge.pids
    bridge.turnout.taken(lambda: bridge.turnout.rewrite(bridge.file("warm: 0, idle: 1h")))
    until(lambda: not bridge.running)
    assert said(bridge.ask("say after")) == "after"
    assert bridge.pids[-1] not in old


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_turnout(begin: Begin, how: signal.Signals) -> None:
    bridge = begin("warm: 1", text=f"{FILE}server: {{{{drain: 1s}}}}\n")
    said(bridge.ask("say hello"))
    assert bridge.ask("call weather {}", tools=TOOLS).status == 200
    with stalled(bridge):
        assert bridge.running
        bridge.turnout.process.send_signal(how)
        bridge.turnout.process.wait(20)
        until(lambda: not bridge.running)


def test_a_server_whose_client_runs_tools_is_not_idle(begin: Begin) -> None:
    bridge = begin("warm: 0, tools_timeout: 3s", args=("--idle-exit", "500ms"))
    begun = time.monotonic()
    assert bridge.ask("call weather {}", tools=TOOLS).json["stop_reason"] == "tool_use"
    assert bridge.turnout.process.wait(60) == 0
    assert time.monotonic() - begun >= 3, "the calls were held"


def test_what_a_killed_server_left_behind_is_removed_by_the_next(begin: Begin, tmp_path: Path) -> None:
    env = {"TMPDIR": str(tmp_path)}
    killed = begin("warm: 0", env=env)
    said(killed.ask("say hello"))
    (left,) = tmp_path.glob("turnout-claude-*")
    killed.turnout.process.kill()
    killed.turnout.process.wait(20)
    other = tmp_path / f"turnout-claude-{os.getpid()}-alive"
    other.mkdir()
    until(lambda: not killed.running)
    bridge = begin("warm: 0", env=env)
    said(bridge.ask("say hello"))
    until(lambda: not left.exists())
    assert other.exists(), "the folder of a process that lives"
