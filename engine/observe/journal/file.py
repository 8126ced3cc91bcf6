"""The file of the journal: its tables, how it is opened, and what makes a file unfit to be one.

It is in WAL mode: readers and writers do not wait for each other, and several processes may write one file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from pathlib import Path
from typing import NamedTuple

APPLICATION = 0x7475726E
"""`turn`, as SQLite's application_id: which program a file belongs to."""
VERSION = 1
"""Of the tables below, as SQLite's user_version."""
BUSY = 5.0
"""Seconds that one process waits for another which is writing."""
WAL_KEPT = 16 * 1024 * 1024
"""Bytes to which the write-ahead log is cut back after a checkpoint."""

TABLES = f"""
CREATE TABLE IF NOT EXISTS requests (
  id INTEGER PRIMARY KEY,
  at REAL NOT NULL,          -- when it ended, seconds since 1970
  request TEXT NOT NULL,     -- our id, as in x-turnout-request
  generation TEXT NOT NULL,
  key TEXT,                  -- names of the file
  client TEXT,               -- the program that asked, of those that are known
  api TEXT,
  model TEXT,                -- the asked name
  route TEXT,
  target TEXT,
  stream INTEGER NOT NULL,
  status INTEGER NOT NULL,
  reason TEXT,               -- the code of the error it ended in
  seconds REAL NOT NULL,
  first REAL,                -- seconds until the first content left
  queued REAL NOT NULL,
  tries TEXT NOT NULL,       -- JSON: [[target, reason, status, seconds], ...]
  input INTEGER,             -- tokens, in buckets that do not overlap
  cache_read INTEGER,
  cache_write INTEGER,
  output INTEGER,
  reasoning INTEGER,         -- part of output
  estimated INTEGER,
  cost INTEGER               -- micro-USD
);
CREATE INDEX IF NOT EXISTS requests_at ON requests (at);
CREATE TABLE IF NOT EXISTS charges (
  counter TEXT NOT NULL,     -- of a budget: a hash
  period TEXT NOT NULL,      -- 2026-10-31 or 2026-10, UTC
  amount INTEGER NOT NULL,   -- micro-USD
  PRIMARY KEY (counter, period)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reloads (
  id INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  generation TEXT NOT NULL,  -- the live one afterwards
  taken INTEGER NOT NULL,
  changes TEXT NOT NULL
);
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""


class Unfit(NamedTuple):
    """Why a file cannot be the journal. `help` says what to do next."""

    message: str
    help: str


MOVE = "move it away, and a new one is begun; or name another file"


def located(path: str) -> Path:
    """Return where the journal is; `~` is the home folder."""
    return Path(os.path.expanduser(path)).absolute()  # noqa: PTH111 - it never raises


def unfit(path: str) -> Unfit | None:
    """Return why there can be no journal at `path`; None: it is one, or can become one."""
    file = located(path)
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return _no_place(file.parent)
    except OSError as error:
        return Unfit(f"the journal `{path}` cannot be read: {_reason(error)}", "correct the path or its permissions")
    if not stat.S_ISREG(mode):
        return Unfit(f"the journal `{path}` is no regular file", "name a file, such as turnout.db")
    if not os.access(file, os.R_OK | os.W_OK):
        return Unfit(f"the journal `{path}` cannot be written: permission denied", "correct its permissions")
    if file.stat().st_size == 0:
        return None
    try:
        with contextlib.closing(reading(file)) as db:
            return _foreign(path, db)
    except sqlite3.OperationalError:
        return None  # locked, or its disk is full: it may well be a journal
    except sqlite3.DatabaseError:
        return Unfit(f"the journal `{path}` is damaged, or no SQLite file", MOVE)


def _no_place(folder: Path) -> Unfit | None:
    if not folder.is_dir():
        return Unfit(f"the journal's folder `{folder}` does not exist", "create it, or correct the path")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Unfit(f"no journal can be made in `{folder}`: permission denied", "name another folder")
    return None


def _foreign(path: str, db: sqlite3.Connection) -> Unfit | None:
    """Return what is wrong with a database that can be read."""
    program, version, tables = (
        db.execute(query).fetchone()[0]
        for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    )
    if program != APPLICATION:
        if program == version == tables == 0:
            return None  # made, and never written
        return Unfit(f"`{path}` is the database of another program", "name another file for the journal")
    if version > VERSION:
        told = f"the journal `{path}` is of version {version}, written by a newer Turnout; this one writes {VERSION}"
        return Unfit(told, f"update Turnout; or {MOVE}")
    if version < VERSION:
        return Unfit(f"the journal `{path}` is of version {version}; this Turnout writes {VERSION}", MOVE)
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in ("requests", "charges", "reloads"):
        if table not in there:
            return Unfit(f"the journal `{path}` is damaged: its table {table} is gone", MOVE)
        db.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()  # noqa: S608 - a name of ours
    return None


def reading(file: Path) -> sqlite3.Connection:
    """Return a connection that cannot write. Raises `sqlite3.Error`."""
    try:
        db = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=BUSY)
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        if Path(f"{file}-wal").exists():
            raise
        # in a folder where nothing may be made WAL cannot be read; without a writer nothing needs to be
        db = sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)
    return db


def writing(file: Path) -> sqlite3.Connection:
    """Return a connection that writes, with the tables made. Raises `sqlite3.Error`, `OSError`."""
    if not file.exists():
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))  # who spends what is not for everybody
    db = sqlite3.connect(file, timeout=BUSY, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA journal_size_limit = {WAL_KEPT}")
        db.execute("BEGIN IMMEDIATE")
        wrong = _foreign(str(file), db)
        if wrong is not None:
            raise sqlite3.DatabaseError(wrong.message)
        for statement in TABLES.split(";"):
            db.execute(statement)
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _reason(error: OSError) -> str:
    return (error.strerror or "it cannot be read").lower()
