"""How `turnout explain` and `turnout graph` tell of shares: the same whoever asks, and a session's own way if asked."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.cli.turnout import turnout

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
version: 1
upstreams:
  a: {kind: openai, base_url: "http://127.0.0.1:1/v1"}
  b: {kind: openai, base_url: "http://127.0.0.1:2/v1"}
defaults: {model: {sticky: session}}
models:
  smart:
    targets: [a/m, {to: b/m, weight: 3}]
    balance: weighted
  turns: {targets: [a/m, b/m], balance: round_robin, sticky: off}
  stands: {targets: [a/m, b/m]}
keys: {anonymous: {}}
"""
SMART = """\
model    smart    yes       as asked                                                       proxy.yaml:7
shares   smart    weighted  a/m 1, b/m 3; each session stays with one of them              proxy.yaml:8
try 1    b/m                answers: POST http://127.0.0.1:2/v1/chat/completions           proxy.yaml:8
else     smart              a/m                                                            proxy.yaml:8
body     as it is           only `model` is replaced
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "proxy.yaml").write_text(FILE)
    return tmp_path


def told(*args: str, folder: Path) -> str:
    return turnout("explain", *args, cwd=folder).out


def squeezed(text: str) -> str:
    return re.sub(" +", " ", text)


def test_the_greatest_share_is_tried_first_then_the_others(folder: Path) -> None:
    assert squeezed(told("smart", folder=folder)) == squeezed(SMART)
    down = json.loads(told("smart", "--down", "b", "--format", "json", folder=folder))
    assert [(one["target"], one["reason"]) for one in down["tries"]] == [("b/m", "connect"), ("a/m", None)]


def test_turns_are_told_in_the_order_of_the_file(folder: Path) -> None:
    said = squeezed(told("turns", folder=folder))
    assert "shares turns round_robin a/m, b/m proxy.yaml:10\ntry 1 a/m" in said


def test_where_the_others_stand_by_nothing_is_shared(folder: Path) -> None:
    assert "shares" not in told("stands", folder=folder)


def test_a_session_goes_where_it_would_go(folder: Path) -> None:
    def first(session: str) -> str:
        shown = json.loads(told("smart", "--session", session, "--format", "json", folder=folder))
        target: str = shown["target"]
        return target

    assert [first(f"s{number}") for number in range(3)] == ["b/m", "a/m", "b/m"]


def test_json(folder: Path) -> None:
    shown = json.loads(told("smart", "--format", "json", folder=folder))
    assert shown["balance"] == [
        {"entry": "smart", "balance": "weighted", "sticky": "session", "weights": {"a/m": 1, "b/m": 3}}
    ]


def test_graph(folder: Path) -> None:
    drawn = turnout("graph", cwd=folder).out
    assert squeezed(drawn).splitlines()[1:4] == [
        " smart weighted; sticky sessions a/m (1), b/m (3)",
        " turns round_robin a/m, b/m",
        " stands a/m, b/m",
    ]
    edges = json.loads(turnout("graph", "--format", "json", cwd=folder).out)["edges"]
    assert [edge.get("weight") for edge in edges] == [1, 3, None, None, None, None]
    assert '-->|"m (3)"|' in turnout("graph", "--format", "mermaid", cwd=folder).out
