"""Which tools are offered, and what is said of the others."""

from __future__ import annotations

import pytest

from engine.chat import Choice, Tool
from engine.dialects.codec import Losses
from engine.dialects.offer import offered

A, B = Tool(name="a", at="tools[0]"), Tool(name="b", at="tools[1]")
AGAIN = Tool(name="a", at="tools[2]")
OTHER = Tool(name="a", description="Another", at="tools[3]")


def only(*names: str) -> Choice:
    return Choice(mode="auto", allowed=names)


@pytest.mark.parametrize(
    ("tools", "choice", "left", "losses"),
    [
        ((A, B), None, (A, B), []),
        ((A, B), Choice(mode="required"), (A, B), []),
        ((A, B, AGAIN), None, (A, B), [("tools[2]", "approximated")]),
        ((A, B, OTHER), None, (A, B), [("tools[3]", "dropped")]),
        ((A, B), only("b"), (B,), [("tool_choice", "approximated")]),
        ((A, B, OTHER), only("b"), (B,), [("tool_choice", "approximated")]),
        ((A, B), only("c", "a"), (A,), [("tool_choice", "dropped"), ("tool_choice", "approximated")]),
        ((A, B), only("c"), (), [("tool_choice", "dropped")]),
        ((A, B), only(), (), [("tool_choice", "dropped")]),
        ((), only("c"), (), [("tool_choice", "dropped")]),
    ],
)
def test_what_is_left_of_the_tools(
    tools: tuple[Tool, ...], choice: Choice | None, left: tuple[Tool, ...], losses: list[tuple[str, str]]
) -> None:
    told = Losses()
    assert offered(tools, choice, told) == list(left)
    assert [(loss.path, loss.grade) for loss in told.found] == losses


def test_a_name_is_not_told_at_any_length() -> None:
    told = Losses()
    offered((A,), only("a", "x" * 5000), told)
    assert all(len(loss.reason) < 200 for loss in told.found)
