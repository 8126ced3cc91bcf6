"""`turnout schema`: printed, written, and checked with the command that repairs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.config.schema import text

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["version"]


def test_it_is_written_where_the_first_line_of_the_shipped_file_looks_for_it() -> None:
    assert main(["schema", "--write"]) == 0
    modeline = (ROOT / "proxy.yaml").read_text().partition("\n")[0]
    assert Path(modeline.partition("$schema=")[2]).read_text() == text()


def test_it_is_written_where_told() -> None:
    assert main(["schema", "--write", "a/b.json"]) == 0
    assert Path("a/b.json").read_text() == text()


def test_the_kept_one_is_fresh() -> None:
    assert main(["schema", "--check", str(ROOT / "schema" / "proxy.schema.json")]) == 0


def test_without_a_path_the_one_here_is_checked_or_else_the_one_that_ships(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--check"]) == 0
    Path("schema").mkdir()
    Path("schema/proxy.schema.json").write_text("{}\n")
    assert main(["schema", "--check"]) == 1
    told = capsys.readouterr()
    assert told.out.startswith(f"{ROOT / 'schema' / 'proxy.schema.json'}: fresh\n")
    assert "--- schema/proxy.schema.json" in told.out
    assert "run `turnout schema --write schema/proxy.schema.json`" in told.err


def test_a_stale_one_is_shown_as_a_difference_that_one_command_repairs(capsys: pytest.CaptureFixture[str]) -> None:
    Path("old.json").write_text(text().replace('"version"', '"vresion"', 1))
    assert main(["schema", "--check", "old.json"]) == 1
    told = capsys.readouterr()
    assert [line[0] for line in told.out.splitlines() if "ersion" in line or "vresion" in line].count("-") == 1
    assert told.err.endswith("= help: run `turnout schema --write old.json`\n")
    assert main(["schema", "--write", "old.json"]) == 0
    assert main(["schema", "--check", "old.json"]) == 0


def test_a_missing_one_says_how_to_make_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--check", "none.json"]) == 1
    assert capsys.readouterr().err == (
        "error: none.json does not exist\n  = help: run `turnout schema --write none.json`\n"
    )
