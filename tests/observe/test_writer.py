"""The thread that writes the journal: what it writes, what it drops, what it forgets."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.chat import Usage
from engine.observe.journal import writer
from engine.observe.journal.file import VERSION, unfit, writing
from engine.observe.journal.writer import Journal
from engine.observe.record import Attempt
from tests.observe.made import request
from tests.support.journal import rows, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAY = 86400.0


@pytest.fixture
def said() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def start(tmp_path: Path, said: list[tuple[str, str]]) -> Iterator[Callable[..., Journal]]:
    running: list[Journal] = []

    def begin(name: str = "turnout.db", retention: float = 30 * DAY) -> Journal:
        running.append(Journal(str(tmp_path / name), retention, lambda level, told: said.append((level, told))))
        return running[-1]

    yield begin
    for journal in running:
        journal.close()


def test_everything_of_a_record_that_is_kept(start: Callable[..., Journal], tmp_path: Path) -> None:
    failed = Attempt(target="anthropic/claude-sonnet-5", reason="overloaded", message="secret words", status=529)
    record = request(
        attempts=(failed, *request().attempts), reason="x", problem="x: private", body="private", route="r"
    )
    journal = start()
    journal.request(record)
    (row,) = written(tmp_path / "turnout.db", 1)
    assert row == {
        "id": 1,
        "at": record.at,
        "request": "req_00000000",
        "generation": "0123456789ab",
        "key": "ada",
        "client": "codex",
        "api": "chat",
        "model": "smart",
        "route": "r",
        "target": "openai/gpt-5.5",
        "stream": 0,
        "status": 200,
        "reason": "x",
        "seconds": 0.25,
        "first": 0.2,
        "queued": 0.0,
        "tries": '[["anthropic/claude-sonnet-5","overloaded",529,0.0],["openai/gpt-5.5",null,200,0.2]]',
        "input": 100,
        "cache_read": 20,
        "cache_write": 3,
        "output": 50,
        "reasoning": 10,
        "estimated": 0,
        "cost": 1250,
    }


def test_what_is_charged_adds_up_over_requests_and_processes(start: Callable[..., Journal], tmp_path: Path) -> None:
    month = time.strftime("%Y-%m", time.gmtime())
    one, two = start(), start()
    for journal in (one, two, one):
        journal.request(request(charges=(("b1", month, 700), ("b2", month, 5))))
    one.close()
    two.close()
    assert rows(tmp_path / "turnout.db", "charges") == [
        {"counter": "b1", "period": month, "amount": 2100},
        {"counter": "b2", "period": month, "amount": 15},
    ]


def test_values_that_nobody_expects(start: Callable[..., Journal], tmp_path: Path) -> None:
    """An upstream may tell any number, and a client name any model."""
    journal = start()
    huge = Usage(input=10**30, output=2**63)
    for record in (
        request(1, usage=huge, cost=10**40, charges=(("b", "2999-01", 10**30),)),
        request(2, model="\ud800 lone", target="o/\ud800"),
        request(3, model="m" * 10_000),
        request(4, seconds=float("nan")),
        request(5),
    ):
        journal.request(record)
    journal.close()
    found = rows(tmp_path / "turnout.db")
    assert [row["request"][-1] for row in found] == ["1", "2", "3", "5"]  # NOT NULL: SQLite takes NaN for nothing
    assert found[0]["input"] == found[0]["cost"] == writer.LARGEST
    assert found[1]["model"] == "? lone"
    assert len(found[2]["model"]) == writer.TEXT
    assert journal.dropped == 1


def test_a_full_queue_drops_counts_and_says_so_once(
    start: Callable[..., Journal], tmp_path: Path, said: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST", 10)
    (tmp_path / "turnout.db").mkdir()  # nothing can be written there
    journal = start()
    for number in range(25):
        journal.request(request(number))
    assert (journal.waiting, journal.dropped) == (10, 15)
    assert len([told for _, told in said if "further ones are dropped" in told]) == 1
    deadline = time.monotonic() + 30
    while not journal.failing:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (tmp_path / "turnout.db").rmdir()
    assert len(written(tmp_path / "turnout.db", 10)) == 10
    journal.close()
    assert [told for level, told in said if level == "warning"] == [
        f"journal {tmp_path / 'turnout.db'} is written again; 15 rows are lost"
    ]
    assert len([told for _, told in said if "cannot be written" in told]) == 1


def test_what_a_stop_cannot_write_is_said(
    start: Callable[..., Journal], tmp_path: Path, said: list[tuple[str, str]]
) -> None:
    (tmp_path / "turnout.db").mkdir()
    journal = start()
    journal.request(request())
    journal.close()
    assert journal.dropped == 1
    assert any("the last 1 rows are lost" in told for _, told in said)


def test_rows_past_their_retention_go_and_no_others(start: Callable[..., Journal], tmp_path: Path) -> None:
    file, now = tmp_path / "turnout.db", time.time()
    with closing(writing(file)) as db:
        db.execute("BEGIN")
        old = [writer.row(request(number, at=now - 8 * DAY)) for number in range(writer.BATCH + 50)]
        young = [writer.row(request(number, at=now - 6 * DAY)) for number in range(20)]
        writer.insert(db, [*old, *young])
        db.executemany(writer.CHARGE, [("b", "2020-01", 1), ("b", "2020-01-31", 1), ("b", "2999-12", 1)])
        db.execute("COMMIT")
    start(retention=7 * DAY)
    deadline = time.monotonic() + 30
    while len(rows(file)) != 20:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [row["period"] for row in rows(file, "charges")] == ["2999-12"]


def test_the_file_is_for_its_owner_alone(start: Callable[..., Journal], tmp_path: Path) -> None:
    start().request(request())
    written(tmp_path / "turnout.db", 1)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_what_can_be_a_journal(start: Callable[..., Journal], tmp_path: Path) -> None:
    assert unfit(str(tmp_path / "new.db")) is None
    (tmp_path / "empty.db").touch()
    assert unfit(str(tmp_path / "empty.db")) is None
    start().request(request())
    written(tmp_path / "turnout.db", 1)
    assert unfit(str(tmp_path / "turnout.db")) is None
    missing = unfit(str(tmp_path / "no" / "folder.db"))
    assert missing is not None
    assert "does not exist" in missing.message


@pytest.mark.parametrize("damage", ["cut", "overwritten", "a table is gone"])
def test_a_damaged_journal_is_told_from_a_whole_one(start: Callable[..., Journal], tmp_path: Path, damage: str) -> None:
    file = tmp_path / "turnout.db"
    journal = start()
    for number in range(2000):
        journal.request(request(number))
    journal.close()
    whole = file.read_bytes()
    if damage == "cut":
        file.write_bytes(whole[:5000])
    elif damage == "overwritten":
        file.write_bytes(whole[:200] + b"\xff" * 8000 + whole[8200:])
    else:
        with closing(sqlite3.connect(file)) as db:
            db.execute("DROP TABLE charges")
    found = unfit(str(file))
    assert found is not None
    assert "damaged" in found.message
    assert VERSION == 1
