"""Writes the journal, in a thread of its own: the event loop only puts records into a queue that has an end.

A row is on disk a second after its request ended, or sooner where many end: that is what a killed process can lose.
"""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
import threading
import time
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from engine.observe.journal.file import located, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.chat import Usage
    from engine.observe.record import Reload, Request

EVERY = 1.0
"""Seconds between commits."""
BATCH = 500
"""Rows at which a commit does not wait any longer."""
MOST = 20_000
"""Rows that wait for a disk that is slow, or full; what comes on top is dropped and counted."""
SWEEP = 600.0
"""Seconds between two looks for rows that are past their retention."""
PATIENCE = 5.0
"""Seconds that a stopping server waits for the last rows."""
LARGEST = 2**50
"""The most that is written of a number that an upstream has told: SQLite can still sum up many of them."""
TEXT = 300
"""The most characters of a text that is written."""

COLUMNS = (
    *("at", "request", "generation", "key", "client", "api", "model", "route", "target", "stream", "status", "reason"),
    *("seconds", "first", "queued", "tries", "input", "cache_read", "cache_write", "output", "reasoning", "estimated"),
    "cost",
)
INSERT = f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES "  # noqa: S608 - from the table above
ROW = f"({', '.join('?' * len(COLUMNS))})"
AT_ONCE = 40
"""Rows of one statement. One for each row would take the interpreter's lock from the event loop as often; more would
have more parameters than every SQLite takes (999)."""
CHARGE = (
    "INSERT INTO charges (counter, period, amount) VALUES (?, ?, ?)"
    " ON CONFLICT (counter, period) DO UPDATE SET amount = amount + excluded.amount"
)
RELOAD = "INSERT INTO reloads (at, generation, taken, changes) VALUES (?, ?, ?, ?)"
BAD_ROW = (
    *(ArithmeticError, TypeError, ValueError),
    *(sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError),
)
"""What is raised because of a value, and would be again."""
OLD = (
    "DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE at < ? ORDER BY at LIMIT ?)",
    "DELETE FROM reloads WHERE id IN (SELECT id FROM reloads WHERE at < ? ORDER BY at LIMIT ?)",
)


class Line(NamedTuple):
    """What waits to be written of one record: values of `INSERT` and of `CHARGE`, or those of `RELOAD`."""

    request: tuple[object, ...] | None = None
    charges: tuple[tuple[object, ...], ...] = ()
    reload: tuple[object, ...] | None = None


class Journal:
    """A subscriber of records. `say` is called with (level, message), from the thread that writes."""

    name = "journal"

    def __init__(self, path: str, retention: float, say: Callable[[str, str], object]) -> None:
        """`retention` in seconds. The file is opened, and made, by the thread."""
        self.path = path
        self.retention = retention
        self.written = 0
        self.dropped = 0
        """Rows that were lost: the queue was full, or the file could not be written until the end."""
        self.failing = ""
        """Why nothing can be written at present."""
        self._say = say
        self._file = located(path)
        self._waiting: deque[Line] = deque()
        self._wake = threading.Event()
        self._ending = False
        self._gone = 0
        """How many rows had been dropped when that was last said."""
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._sweep_at = 0.0
        self._thread = threading.Thread(target=self._run, name="turnout journal", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Rows that are not on disk yet."""
        return len(self._waiting)

    def wants(self, _status: int, _problem: object) -> bool:
        return True

    def request(self, record: Request) -> None:
        self._put(Line(request=row(record), charges=tuple(map(charged, record.charges))))

    def reload(self, record: Reload) -> None:
        self._put(Line(reload=(record.at, record.generation, record.taken, record.changes[:TEXT])))

    def close(self) -> None:
        """Write what waits, and end; waits at most `PATIENCE` seconds for that. Not for the event loop."""
        self._ending = True
        self._wake.set()
        self._thread.join(PATIENCE)
        if self._waiting:
            self.dropped += len(self._waiting)
            why = self.failing or "it takes too long"
            self._say("error", f"journal {self.path}: the last {len(self._waiting)} rows are lost: {why}")

    def _put(self, line: Line) -> None:
        waiting = len(self._waiting)
        if waiting >= MOST:
            self.dropped += 1
            if self.dropped == self._gone + 1:
                self._say("error", f"journal {self.path}: {MOST} rows wait to be written, further ones are dropped")
            return
        self._waiting.append(line)
        if waiting == BATCH:
            self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(EVERY)
            self._wake.clear()
            ending = self._ending
            try:
                self._catch_up()
            except (sqlite3.Error, OSError) as error:
                self._failed(error)
            if ending:
                break
        self._let_go()

    def _catch_up(self) -> None:
        """Write everything that waits, and take out a few of the oldest rows. Raises `sqlite3.Error`, `OSError`."""
        db = self._open()
        while self._waiting:
            batch = [self._waiting[index] for index in range(min(len(self._waiting), BATCH))]
            self.written += self._write(db, batch)
            for _ in batch:
                self._waiting.popleft()
            self._recovered()
        if time.monotonic() >= self._sweep_at and not self._sweep(db):
            self._sweep_at = time.monotonic() + SWEEP

    def _open(self) -> sqlite3.Connection:
        """Return the connection; a file that was moved away under it, as log rotation does, is begun anew."""
        with contextlib.suppress(OSError):
            if self._db is not None and self._file.stat().st_ino == self._inode:
                return self._db
        self._let_go()
        self._db = writing(self._file)
        self._inode = self._file.stat().st_ino
        self._recovered()
        return self._db

    def _write(self, db: sqlite3.Connection, batch: list[Line]) -> int:
        """Write a batch, without the lines that SQLite does not take; return how many were written."""
        try:
            self._insert(db, batch)
        except BAD_ROW:
            if len(batch) > 1:
                return sum(self._write(db, [one]) for one in batch)
            self.dropped += 1
            return 0
        return len(batch)

    def _insert(self, db: sqlite3.Connection, batch: list[Line]) -> None:
        rows = [one.request for one in batch if one.request is not None]
        with transaction(db):
            insert(db, rows)
            db.executemany(CHARGE, (charge for one in batch for charge in one.charges))
            db.executemany(RELOAD, (one.reload for one in batch if one.reload is not None))

    def _sweep(self, db: sqlite3.Connection) -> bool:
        """Take out one small batch of what is past its retention; say whether there may be more."""
        now = time.time()
        with transaction(db):
            gone = max(db.execute(delete, (now - self.retention, BATCH)).rowcount for delete in OLD)
            # 2026-09 and 2026-09-30 are before 2026-10, which is before 2026-10-01
            over = datetime.datetime.fromtimestamp(now - 2 * 86400, datetime.UTC).strftime("%Y-%m")
            db.execute("DELETE FROM charges WHERE period < ?", (over,))
        return gone == BATCH

    def _failed(self, error: Exception) -> None:
        self._let_go()
        why = f"{error}".strip() or type(error).__name__
        if not self.failing:
            self._say("error", f"journal {self.path} cannot be written: {why}; requests go on, and it is tried again")
        self.failing = why

    def _recovered(self) -> None:
        if self.failing or self.dropped > self._gone:
            lost = self.dropped - self._gone
            self._say("warning", f"journal {self.path} is written again; {lost} rows are lost")
            self.failing, self._gone = "", self.dropped

    def _let_go(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def insert(db: sqlite3.Connection, rows: list[tuple[object, ...]]) -> None:
    """Add rows to the table of requests."""
    for at in range(0, len(rows), AT_ONCE):
        part = rows[at : at + AT_ONCE]
        db.execute(INSERT + ", ".join([ROW] * len(part)), list(chain.from_iterable(part)))


def row(record: Request) -> tuple[object, ...]:
    """Return a request as the values of `INSERT`: no text of anybody, and of names only the asked one."""
    usage = record.usage
    passed = [one for one in record.skipped if one.reason != "off"]
    tries = [[text(one.target), one.reason, one.status, one.seconds] for one in (*passed, *record.attempts)]
    return (
        record.at,
        record.request,
        record.generation,
        record.key,
        record.client,
        record.api,
        text(record.model),
        record.route,
        text(record.target),
        record.stream,
        record.status,
        record.reason,
        record.seconds,
        record.first,
        record.queued or 0.0,
        msgspec.json.encode(tries).decode(),
        *(map(number, tokens(usage)) if usage is not None else (None,) * 5),
        usage.estimated if usage is not None else None,
        number(record.cost),
    )


def tokens(usage: Usage) -> tuple[int | None, ...]:
    return usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning


def charged(charge: tuple[str, str, int]) -> tuple[object, ...]:
    counter, period, amount = charge
    return counter, period, number(amount)


def number(value: int | None) -> int | None:
    return min(value, LARGEST) if value is not None else None


def text(value: str | None) -> str | None:
    """Return `value` as it is written: bounded, and nothing that SQLite would not take."""
    return value[:TEXT].encode("utf-8", "replace").decode() if value is not None else None
