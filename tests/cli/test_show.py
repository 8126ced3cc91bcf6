"""`turnout show`: the effective file can be read back, marks its defaults, and tells no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.cli import main
from engine.cli.show import scalar
from engine.plan.read import read

CANARY = "canary-4f1d9c77e0b2a6d8"

FILE = """\
version: 1
include: [more.yaml]
server:
  listen: env:LISTEN:-127.0.0.1:4001
upstreams:
  away:
    kind: openai
    base_url: env:AWAY_URL
    api_key: env:AWAY_KEY
    headers: {x-team: env:TEAM, x-token: env:TEAM_TOKEN}
    timeouts: {idle: env:IDLE:-30s}
models:
  fast: away/small
  "on":
    targets: [away/large]
    fallback: [fast]
    set: {user: env:TEAM:-x, stop: null, tools: [x, [{"y": null}, []], {}, {a: [1.0, {}]}], "a.b": "1e3"}
    unset: []
routes:
  - {name: refuse, when: {model: "*-preview", stream: true}, deny: {message: "no: not yet"}}
  - {name: "007", when: {not: {header: {x-day: ["2026-01-01", "1e3"]}}}, to: fast}
keys:
  ada: {hashes: ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]}
"""

MORE = "models:\n  small: {targets: [fast]}\n"

ENVIRON = {"AWAY_URL": "http://127.0.0.1:1", "AWAY_KEY": CANARY, "TEAM": CANARY, "TEAM_TOKEN": CANARY, "IDLE": "45s"}


@pytest.fixture(autouse=True)
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LISTEN", raising=False)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    Path("proxy.yaml").write_text(FILE)
    Path("more.yaml").write_text(MORE)


def show(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["show", *args]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_what_is_shown_means_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    again = tmp_path / "again.yaml"
    again.write_text(show(capsys).replace("include: [more.yaml]", "include: []"))
    was, now = (read(str(file), ENVIRON).plan for file in ("proxy.yaml", again))
    assert was is not None
    assert now is not None
    assert now.document.models == was.document.models
    assert now.document.routes == was.document.routes
    assert now.document.upstreams == was.document.upstreams
    assert now.document.server == was.document.server


def test_defaults_are_marked_and_what_the_file_says_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    lines = show(capsys).splitlines()
    marked = [line.strip() for line in lines if line.endswith("# default")]
    assert "body_limit: 32MB  # default" in marked
    assert "cors: {origins: [], credentials: false}  # default" in marked
    assert "connect: 5s  # default" in marked
    assert "status: 403  # default" in marked
    assert not [line for line in marked if line.startswith(("version", "kind", "targets", "name", "to:"))]


def test_includes_are_merged_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(yaml.safe_load(show(capsys))["models"]) == ["fast", "on", "small"]


def test_variables_are_shown_with_what_they_are_now(capsys: pytest.CaptureFixture[str]) -> None:
    shown = [line.strip() for line in show(capsys).splitlines()]
    assert "listen: env:LISTEN:-127.0.0.1:4001  # now 127.0.0.1:4001" in shown
    assert "base_url: env:AWAY_URL  # now http://127.0.0.1:1" in shown
    assert "idle: env:IDLE:-30s  # now 45s" in shown


def test_an_unset_variable_is_said_to_be(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWAY_URL")
    assert "base_url: env:AWAY_URL  # AWAY_URL is not set" in show(capsys)


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_no_secret_is_shown(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = show(capsys, "--format", form)
    assert CANARY not in shown
    assert "env:AWAY_KEY" in shown
    assert "env:TEAM_TOKEN" in shown


def test_json_holds_the_document_and_where_defaults_stand(capsys: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(show(capsys, "--format", "json"))
    assert shown["document"]["models"]["fast"] == "away/small"
    assert shown["document"]["routes"][0]["deny"] == {"status": 403, "message": "no: not yet"}
    assert "/routes/0/deny/status" in shown["defaults"]
    assert "/server/hosts" in shown["defaults"]
    for pointer in shown["defaults"]:
        step: Any = shown["document"]
        for part in pointer.split("/")[1:]:
            step = step[int(part)] if isinstance(step, list) else step[part.replace("~1", "/").replace("~0", "~")]


@pytest.mark.parametrize(
    "value",
    [
        *(
            "a",
            "gpt-*",
            "*-x",
            "true",
            "Yes",
            "on",
            "null",
            "~",
            "",
            "1",
            "1.5",
            "1e3",
            "0x1f",
            "0o7",
            "12:30",
            "1_000",
        ),
        *(
            "2026-01-01",
            ".inf",
            "a: b",
            "a #b",
            "- a",
            "[a]",
            "{a",
            "'a'",
            '"a"',
            "a\nb",
            "@a",
            "%a",
            "env:A",
            "a:",
            "?",
        ),
        *("=", "<<", "\N{SNOWMAN}", True, False, None, 3, 2.5),
    ],
)
def test_a_scalar_is_read_back_as_it_was(value: Any) -> None:
    assert yaml.safe_load(f"- {scalar(value)}") == [value]
    assert yaml.safe_load(f"{{a: {scalar(value)}, b: [{scalar(value)}]}}") == {"a": value, "b": [value]}


def test_a_broken_file_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Path("proxy.yaml").write_text("version: 1\nmodles: {}\n")
    assert main(["show"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "did you mean `models`?" in told.err
