"""A conversation goes on in the process that knows it, is resumed where that is gone, and is told anew otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.upstreams.claude_code.conftest import said, until

if TYPE_CHECKING:
    from tests.upstreams.claude_code.conftest import Begin, Bridge


@pytest.fixture(scope="module")
def bridge(begin: Begin) -> Bridge:
    return begin("warm: 0, processes: 3")


def test_the_next_turn_is_asked_in_the_same_process(bridge: Bridge) -> None:
    assert said(bridge.ask("say first")) == "first"
    before = len(bridge.pids)
    assert said(bridge.ask("say first", "first", "and now")) == "2: and now"
    assert said(bridge.ask("say first", "first", "and now", "2: and now", "say third")) == "third"
    assert len(bridge.pids) == before
    asked = [one for one in bridge.events("user") if one["pid"] == bridge.pids[-1]]
    assert [one["content"][-1]["text"] for one in asked] == ["say first", "and now", "say third"]


def test_another_turn_from_an_earlier_point_is_a_session_taken_up_there(bridge: Bridge) -> None:
    said(bridge.ask("say branch"))
    said(bridge.ask("say branch", "branch", "say left"))
    answer = bridge.ask("say branch", "branch", "say right")
    assert said(answer) == "right"
    argv = bridge.events("start")[-1]["argv"]
    assert any(one.startswith("--resume=") for one in argv)
    assert any(one.startswith("--resume-session-at=") for one in argv)
    assert "--fork-session" in argv
    assert answer.header("x-turnout-loss") == "max_tokens=claude decides that itself"


def test_a_past_that_nobody_knows_is_told(bridge: Bridge) -> None:
    text = said(bridge.ask("a question of yore", "an answer of yore", "go on"))
    assert text.startswith("1: <conversation>")
    assert "<user>\na question of yore\n</user>" in text
    assert "<assistant>\nan answer of yore\n</assistant>" in text
    assert text.endswith("go on")


def test_another_system_prompt_is_another_process(bridge: Bridge) -> None:
    said(bridge.ask("say one", system="Be brief."))
    said(bridge.ask("say one", "one", "say two", system=[{"type": "text", "text": "Be long."}]))
    assert [one["system"] for one in bridge.events("start")[-2:]] == ["Be brief.", "Be long."]
    assert not any("Be brief." in word for one in bridge.events("start") for word in one["argv"])


def test_processes_are_bounded_and_the_idle_make_room(bridge: Bridge) -> None:
    for at in range(6):
        assert said(bridge.ask(f"say number {at}")) == f"number {at}"
    until(lambda: len(bridge.running) <= 3)
    assert bridge.pool["processes"] <= 3


def test_idle_processes_are_ended_and_their_sessions_resumed(begin: Begin) -> None:
    bridge = begin("warm: 0, idle: 300ms")
    said(bridge.ask("say kept"))
    until(lambda: not bridge.running and bridge.pool["processes"] == 0)
    assert said(bridge.ask("say kept", "kept", "say again")) == "again"
    assert any(one.startswith("--resume=") for one in bridge.events("start")[-1]["argv"])


def test_tool_calls_are_not_held_for_ever(begin: Begin) -> None:
    bridge = begin("warm: 0, tools_timeout: 300ms")
    tools = [{"name": "weather", "input_schema": {"type": "object"}}]
    assert bridge.ask("call weather {}", tools=tools).json["stop_reason"] == "tool_use"
    until(lambda: not bridge.running)
    assert bridge.events("interrupt")


def test_without_sessions_claude_keeps_none(begin: Begin) -> None:
    bridge = begin("warm: 0, sessions: 0, idle: 300ms")
    said(bridge.ask("say gone"))
    until(lambda: not bridge.running)
    assert said(bridge.ask("say gone", "gone", "say told")) == "told"
    assert all("--no-session-persistence" in one["argv"] for one in bridge.events("start"))
    assert not any(word.startswith("--resume=") for one in bridge.events("start") for word in one["argv"])


def test_a_process_is_started_ahead_for_the_next_conversation(begin: Begin) -> None:
    bridge = begin("warm: 1")
    said(bridge.ask("say hello"))
    until(lambda: len(bridge.pids) == 2)
    ahead = bridge.pids[1]
    assert said(bridge.ask("say other")) == "other"
    assert [one["pid"] for one in bridge.events("user")][-1] == ahead
