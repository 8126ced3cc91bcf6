"""`turnout graph`, as people run it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.turnout import turnout

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
version: 1
upstreams: {openai: {kind: openai, api_key: env:OPENAI_API_KEY, optional: true}}
models: {smart: openai/gpt-5.5}
keys: {anonymous: {}}
"""


def test_the_graph_is_of_the_file_not_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(FILE)
    drawn = "models\n  smart   openai/gpt-5.5\nupstreams\n  openai  https://api.openai.com/v1\n"
    assert turnout("graph", "--config", "mine.yaml", cwd=tmp_path) == (0, drawn, "")
    assert turnout("graph", "mine.yaml", cwd=tmp_path) == (0, drawn, "")
    assert turnout("graph", "--config", "mine.yaml", cwd=tmp_path, OPENAI_API_KEY="sk-0123456789abc") == (0, drawn, "")


def test_the_forms(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text(FILE)
    assert turnout("graph", "--format", "mermaid", cwd=tmp_path).out.startswith("flowchart LR\n")
    assert turnout("graph", "--format", "dot", cwd=tmp_path).out.startswith("digraph turnout {\n")
    assert set(json.loads(turnout("graph", "--format", "json", cwd=tmp_path).out)) == {"nodes", "edges"}


def test_a_file_with_errors_has_no_graph(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text("version: 1\nmodels: {a: b}\n")
    ended = turnout("graph", cwd=tmp_path)
    assert (ended.code, ended.out) == (1, "")
    assert "error[unknown-model]" in ended.err


def test_a_file_is_named_once(tmp_path: Path) -> None:
    ended = turnout("graph", "a.yaml", "--config", "b.yaml", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "not allowed with" in ended.err
