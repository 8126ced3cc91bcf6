"""`turnout check`: which files, which formats, which exit code."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.turnout import ROOT, turnout

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
version: 1
upstreams:
  demo: {kind: echo, demo: true}
  away: {kind: openai, base_url: "http://127.0.0.1:1"}
models:
  fast: away/small
keys: {anonymous: {}}
"""
BAD = "version: 1\nupstreams:\n  away: {kind: openai, tmeouts: {idle: 30s}}\n"
KEYLESS = """\
version: 1
upstreams:
  away: {kind: openai, api_key: env:AWAY_KEY, optional: true}
models:
  fast: away/small
keys: {anonymous: {}}
"""


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    for name, text in {"proxy": GOOD, "bad": BAD, "keyless": KEYLESS}.items():
        (tmp_path / f"{name}.yaml").write_text(text)


def test_a_good_file_is_said_to_be_good(tmp_path: Path) -> None:
    assert turnout("check", cwd=tmp_path) == (0, "proxy.yaml: ok (2 upstreams, 1 model, 0 routes)\n", "")


@pytest.mark.parametrize("args", [("bad.yaml",), ("--config", "bad.yaml")])
def test_a_bad_file_is_shown_with_its_place_and_the_way_out(tmp_path: Path, args: tuple[str, ...]) -> None:
    assert turnout("check", *args, cwd=tmp_path) == (
        1,
        "error[unknown-key]: unknown key `tmeouts` in upstream `away`\n"
        " --> bad.yaml:3:24\n"
        "  |\n"
        "3 |   away: {kind: openai, tmeouts: {idle: 30s}}\n"
        "  |                        ^^^^^^^\n"
        "  = help: did you mean `timeouts`?\n"
        "\n"
        "1 error\n",
        "",
    )


def test_concise(tmp_path: Path) -> None:
    ended = turnout("check", "bad.yaml", "proxy.yaml", "--format", "concise", cwd=tmp_path)
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "bad.yaml:3:24: error[unknown-key] unknown key `tmeouts` in upstream `away`; did you mean `timeouts`?",
        "",
        "proxy.yaml: ok (2 upstreams, 1 model, 0 routes)",
    ]


def test_json_is_one_object_for_all_files(tmp_path: Path) -> None:
    ended = turnout("check", "bad.yaml", "proxy.yaml", "--format", "json", cwd=tmp_path)
    told = json.loads(ended.out)
    assert ended.code == 1
    assert told["ok"] is False
    assert [(file["file"], file["ok"]) for file in told["files"]] == [("bad.yaml", False), ("proxy.yaml", True)]
    (found,) = told["files"][0]["diagnostics"]
    assert (found["code"], found["line"], found["column"], found["end"]) == ("unknown-key", 3, 24, 31)


def test_standard_input(tmp_path: Path) -> None:
    good = turnout("check", "-", cwd=tmp_path, stdin=GOOD)
    bad = turnout("check", "-", "--format", "concise", cwd=tmp_path, stdin=BAD)
    assert (good.code, good.out) == (0, "<stdin>: ok (2 upstreams, 1 model, 0 routes)\n")
    assert (bad.code, bad.out[:13]) == (1, "<stdin>:3:24:")


@pytest.mark.parametrize(
    ("args", "env", "code", "warned"),
    [
        ((), {}, 0, True),
        (("--strict",), {}, 1, True),
        (("--strict", "--no-environment"), {}, 0, False),
        (("--strict",), {"AWAY_KEY": "sk-a-key-of-an-upstream"}, 0, False),
    ],
)
def test_warnings_are_errors_only_when_strict(
    tmp_path: Path, args: tuple[str, ...], env: dict[str, str], code: int, warned: bool
) -> None:
    ended = turnout("check", "keyless.yaml", *args, cwd=tmp_path, **env)
    assert ended.code == code
    assert ("warning[" in ended.out and "AWAY_KEY" in ended.out) == warned
    assert ("keyless.yaml: ok" in ended.out) == (code == 0)
    assert ("keyless.yaml: not ok: with --strict, warnings are errors" in ended.out) == (code == 1)
    assert "sk-a-key" not in ended.out + ended.err


def test_no_file_is_a_problem_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").unlink()
    ended = turnout("check", cwd=tmp_path)
    assert ended.code == 1
    assert "proxy.yaml" in ended.out
    assert "help:" in ended.out


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}])
def test_a_pipe_gets_no_colour(tmp_path: Path, env: dict[str, str]) -> None:
    assert "\x1b" not in turnout("check", "bad.yaml", cwd=tmp_path, **env).out


@pytest.mark.parametrize(
    ("env", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colour_unless_its_owner_says_no(tmp_path: Path, env: dict[str, str], coloured: bool) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "engine", "check", "bad.yaml"]
    inherited = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env={**inherited, **env}, stdout=theirs, check=False)
    os.close(theirs)
    shown = os.read(ours, 4096)
    os.close(ours)
    assert done.returncode == 1
    assert b"tmeouts" in shown
    assert (b"\x1b[" in shown) == coloured
