"""A long request costs what it is long: at these sizes anything that looks back at all that came would not end."""

from __future__ import annotations

from typing import Any

from engine.chat import Call, Result
from engine.dialects.codec import Losses
from engine.dialects.turns import settled
from tests.dialects.responses.asking import asked

MANY = 50_000


def test_many_calls_and_outputs() -> None:
    calls = [
        {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"} for number in range(MANY)
    ]
    outputs = [{"type": "function_call_output", "call_id": f"c{number}", "output": "r"} for number in range(MANY)]
    losses = Losses()
    assistant, user = settled(asked(*calls, *outputs).messages, losses)
    assert [block.id for block in assistant.blocks if isinstance(block, Call)] == [
        block.id for block in user.blocks if isinstance(block, Result)
    ]
    assert losses.found == []


def test_many_turns_of_one_call() -> None:
    turn: list[dict[str, Any]] = [
        {"type": "function_call", "call_id": "c", "name": "f", "namespace": "n", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "r"},
    ]
    request = asked(*turn * MANY, tools=[{"type": "namespace", "name": "n", "tools": [{"name": "f"}]}])
    losses = Losses()
    assert len(settled(request.messages, losses)) == 2 * MANY
    assert losses.found == []


def test_many_tools_and_updates() -> None:
    def tools(kind: str) -> list[dict[str, Any]]:
        return [{"type": kind, "tools": [{"type": "function", "name": f"f{number}"}]} for number in range(MANY)]

    spaces = [{"type": "namespace", "name": f"n{number}", "tools": [{"name": "f"}]} for number in range(MANY)]
    updates = [{"type": "configuration_update", "reasoning": {"effort": "low"}}] * MANY
    request = asked(*tools("additional_tools"), *tools("tool_search_output"), *updates, tools=spaces)
    assert len(request.tools) == 2 * MANY
    assert request.tools[-1].name == f"f{MANY - 1}"


def test_many_losses() -> None:
    request = asked(*[{"role": "assistant", "content": "a", "phase": "commentary"}] * MANY)
    assert len(request.losses) == MANY
