"""`turnout usage`: sums of the journal, in three forms."""

from __future__ import annotations

import csv
import datetime
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.chat import Usage
from engine.cli.usage import moment
from engine.observe.journal.writer import Journal
from tests.cli.turnout import Ended, turnout
from tests.observe.made import request
from tests.support.journal import written

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
version: 1
observe: {journal: {path: logs/turnout.db}}
upstreams: {openai: {kind: openai, base_url: "http://127.0.0.1:9"}}
models: {smart: openai/gpt-5.5}
keys: {anonymous: {}}
"""
NOON = datetime.datetime(2026, 10, 30, 12, tzinfo=datetime.UTC).timestamp()
DAY = 86400.0
MADE = (
    request(1, at=NOON, usage=Usage(input=100, cache_read=10, output=50), cost=1_000_000),
    request(2, at=NOON + 60, usage=Usage(input=200, cache_write=7, output=70), cost=500),
    request(3, at=NOON + DAY, usage=Usage(input=1, output=2), cost=None, target="local/llama"),
    request(4, at=NOON + DAY, key="bob", client=None, usage=None, cost=None, status=502, reason="connect"),
    request(5, at=NOON + DAY, key=None, model=None, target=None, usage=None, cost=None, status=401, reason="no_key"),
    request(6, at=NOON + DAY, key="ada", api=None, model=None, target=None, usage=None, cost=None),  # GET /v1/models
    request(7, at=NOON + DAY, key="bob", model="=HYPERLINK(1)\x1b[31m", usage=None, cost=None),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "proxy.yaml").write_text(FILE)
    (tmp_path / "logs").mkdir()
    journal = Journal(str(tmp_path / "logs" / "turnout.db"), 1e12, print)
    for record in MADE:
        journal.request(record)
    journal.close()
    return tmp_path


def lines(run: Ended) -> list[dict[str, Any]]:
    assert (run.code, run.err) == (0, "")
    told: list[dict[str, Any]] = json.loads(run.out)
    return told


def test_the_table(folder: Path) -> None:
    run = turnout("usage", "--by", "key,day", cwd=folder)
    assert (run.code, run.err) == (0, "")
    assert run.out == (
        "key    day         requests  errors  input  cache_read  cache_write  output  unpriced     usd\n"
        "-      2026-10-31         1       1      0           0            0       0         0  0.0000\n"
        "ada    2026-10-30         2       0    300          10            7     120         0  1.0005\n"
        "ada    2026-10-31         1       0      1           0            0       2         1  0.0000\n"
        "bob    2026-10-31         2       1      0           0            0       0         0  0.0000\n"
        "total                     6       2    301          10            7     122         1  1.0005\n"
    )


def test_json(folder: Path) -> None:
    found = lines(turnout("usage", "--by", "key", "--format", "json", cwd=folder))
    assert [(one["key"], one["requests"], one["errors"], one["cost_usd"]) for one in found] == [
        ("-", 1, 1, 0.0),
        ("ada", 3, 0, 1.0005),
        ("bob", 2, 1, 0.0),
    ]
    assert found[1] == {
        "key": "ada",
        "requests": 3,
        "errors": 0,
        "input": 301,
        "cache_read": 10,
        "cache_write": 7,
        "output": 122,
        "unpriced": 1,
        "cost_usd": 1.0005,
    }


@pytest.mark.parametrize("word", ["key", "model", "day", "target", "client"])
def test_every_dimension_sums_up_to_the_same(folder: Path, word: str) -> None:
    found = lines(turnout("usage", "--by", word, "--format", "json", cwd=folder))
    assert sum(one["requests"] for one in found) == 6
    assert sum(one["output"] for one in found) == 122


def test_csv_is_safe_in_a_spreadsheet(folder: Path) -> None:
    run = turnout("usage", "--by", "model,client", "--format", "csv", cwd=folder)
    found = list(csv.DictReader(io.StringIO(run.out)))
    assert [one["model"] for one in found] == ["-", "'=HYPERLINK(1)\x1b[31m", "smart", "smart"]
    assert {one["cost_usd"] for one in found} == {"0.000000", "1.000500"}


def test_a_name_paints_no_terminal(folder: Path) -> None:
    out = turnout("usage", "--by", "model", cwd=folder).out
    assert "\x1b" not in out
    assert "=HYPERLINK(1)\\x1b[31m" in out


@pytest.mark.parametrize(
    ("options", "requests"),
    [
        (["--since", "2026-10-31"], 4),
        (["--until", "2026-10-30"], 2),
        (["--since", "2026-10-30", "--until", "2026-10-31"], 6),
        (["--since", "2026-11-01"], 0),
        (["--until", "0s"], 6),
    ],
)
def test_a_stretch_of_time(folder: Path, options: list[str], requests: int) -> None:
    found = lines(turnout("usage", "--format", "json", *options, cwd=folder))
    assert sum(one["requests"] for one in found) == requests


def test_moments() -> None:
    assert moment("2026-10-30", 0.0, ends=False) == NOON - DAY / 2
    assert moment("2026-10-30", 0.0, ends=True) == NOON + DAY / 2
    assert moment("7d", NOON, ends=False) == NOON - 7 * DAY
    assert moment(None, NOON, ends=True) is None


def test_nothing_in_that_time(folder: Path) -> None:
    assert turnout("usage", "--since", "2026-11-01", cwd=folder).out == "no request in this time\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--by", "colour"], "--by cannot be `colour`"),
        (["--by", "key,key"], "--by names a word twice"),
        (["--since", "yesterday"], "--since cannot be `yesterday`"),
        (["--until", "2026-13-40"], "--until cannot be `2026-13-40`"),
    ],
)
def test_asked_wrongly(folder: Path, options: list[str], told: str) -> None:
    run = turnout("usage", *options, cwd=folder)
    assert (run.code, run.out) == (2, "")
    assert told in run.err
    assert "= help: " in run.err


def test_without_a_journal_it_says_what_to_put_in_the_file(folder: Path) -> None:
    (folder / "proxy.yaml").write_text(FILE.replace("observe: {journal: {path: logs/turnout.db}}\n", ""))
    run = turnout("usage", cwd=folder)
    assert (run.code, run.out) == (1, "")
    assert "observe: {journal: {path: turnout.db}}" in run.err


def test_before_the_first_request(folder: Path) -> None:
    (folder / "logs" / "turnout.db").unlink()
    run = turnout("usage", cwd=folder)
    assert (run.code, run.out) == (1, "")
    assert "there is no journal" in run.err


def test_a_file_that_is_no_journal(folder: Path) -> None:
    (folder / "logs" / "turnout.db").write_bytes(b"not a database at all" * 500)
    run = turnout("usage", cwd=folder)
    assert (run.code, run.out) == (1, "")
    assert "is damaged, or no SQLite file" in run.err


def test_while_it_is_written_and_nothing_is_left_behind(folder: Path) -> None:
    file = folder / "logs" / "turnout.db"
    journal = Journal(str(file), 1e12, print)
    try:
        journal.request(request(8, at=NOON))
        written(file, len(MADE) + 1)
        found = lines(turnout("usage", "--by", "key", "--format", "json", cwd=folder))
        assert sum(one["requests"] for one in found) == 7
    finally:
        journal.close()
    assert [one.name for one in file.parent.iterdir()] == ["turnout.db"]
