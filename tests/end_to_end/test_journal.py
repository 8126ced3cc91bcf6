"""The journal at the front door: a row for each request, whatever becomes of it, and what disks do to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, MESSAGES, SERVER_ERROR, digest
from tests.support.http import Line, get, post
from tests.support.journal import rows, written
from tests.support.script import CUT, STALL, as_json, as_stream
from tests.support.turnout import Turnout

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.upstream import Upstream

KEY = {"x-api-key": "tk-ada-0123456789abcdef"}
FILE = f"""\
version: 1
observe: {{{{journal: {{{{path: turnout.db}}}}}}}}
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}", api_key: env:TEST_OPENAI_KEY}}}}
  anthropic: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  both: {{{{targets: [openai/gpt-5.5, anthropic/claude-sonnet-5]}}}}
  any-*: openai/*
routes:
  - {{{{name: no-secrets, when: {{{{model: secret}}}}, deny: {{{{status: 403, message: "no"}}}}}}}}
keys: {{{{ada: {{{{hashes: ["{digest("tk-ada-0123456789abcdef")}"]}}}}}}}}
"""


@pytest.fixture
def turnout(start: Start, openai: Upstream, anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=openai.url, anthropic=anthropic.url))


def journal(turnout: Turnout) -> Path:
    return turnout.file.parent / "turnout.db"


def test_one_row_for_each_request_whatever_becomes_of_it(
    turnout: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    openai.answer = lambda seen: as_json(SERVER_ERROR, 503) if b'"both"' in seen.body else CHAT.whole()
    anthropic.answer = lambda _: MESSAGES.whole()
    asked = [
        post(turnout.url, CHAT.path, CHAT.body(), KEY),
        post(turnout.url, MESSAGES.path, MESSAGES.body(), KEY),
        post(turnout.url, CHAT.path, CHAT.body("nobody-knows"), KEY),
        post(turnout.url, CHAT.path, CHAT.body("secret"), KEY),
        post(turnout.url, CHAT.path, CHAT.body(), {"x-api-key": "tk-unknown-0123456789"}),
        post(turnout.url, CHAT.path, b"{", KEY),
        get(turnout.url, "/v1/models", {**KEY, "host": "evil.example"}),
    ]
    found = written(journal(turnout), len(asked))
    assert (
        [row["status"] for row in found] == [answer.status for answer in asked] == [200, 200, 404, 403, 401, 400, 421]
    )
    assert [row["reason"] for row in found] == [
        *(None, None, "model_not_found", "route_denied", "invalid_api_key", "invalid_request", "unknown_host")
    ]
    assert [row["key"] for row in found] == ["ada", "ada", "ada", "ada", None, "ada", None]
    assert [row["api"] for row in found] == ["chat", "messages", "chat", "chat", "chat", "chat", None]
    assert [row["model"] for row in found] == ["smart-chat", "smart-claude", "nobody-knows", "secret", None, None, None]
    assert [row["target"] for row in found][:3] == ["openai/gpt-5.5", "anthropic/claude-sonnet-5", None]
    assert found[3]["route"] == "no-secrets"
    assert [row["request"] for row in found][:4] == [answer.header("x-turnout-request") for answer in asked][:4]
    assert {row["generation"] for row in found} == {asked[0].header("x-turnout-generation")}
    assert all(abs(row["at"] - time.time()) < 60 and 0 <= row["seconds"] < 60 for row in found[:4])


def test_every_try_is_in_the_row(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.script(as_json(SERVER_ERROR, 503))
    anthropic.script(MESSAGES.whole())
    assert post(turnout.url, MESSAGES.path, MESSAGES.body("both"), KEY).status == 200
    (row,) = written(journal(turnout), 1)
    tries = json.loads(row["tries"])
    assert [(target, reason, status) for target, reason, status, _ in tries] == [
        ("openai/gpt-5.5", "overloaded", 503),
        ("anthropic/claude-sonnet-5", None, 200),
    ]
    assert row["target"] == "anthropic/claude-sonnet-5"


def test_streams_that_end_well_break_or_are_left(turnout: Turnout, openai: Upstream) -> None:
    before, _ = CHAT.parted()
    openai.script(CHAT.stream("Hello"), as_stream([*before, CUT]), as_stream([*before, STALL]))
    for _ in range(2):
        post(turnout.url, CHAT.path, CHAT.body(stream=True), KEY)
    with Line(turnout.url) as line:
        line.ask("POST", CHAT.path, KEY, CHAT.body(stream=True))
        got = line.head()
        next(iter(line.chunks(got)))
    found = written(journal(turnout), 3)
    assert [(row["status"], row["stream"]) for row in found] == [(200, 1), (200, 1), (499, 1)]
    assert [row["reason"] is None for row in found] == [True, False, True]
    assert all(row["first"] is not None for row in found)


def test_a_reload_is_written_down_and_the_journal_goes_on(turnout: Turnout, openai: Upstream) -> None:
    text = turnout.file.read_text()
    openai.answer = lambda _: CHAT.whole()
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    turnout.taken(lambda: turnout.rewrite(text + "bases: {team: {prefix: /team}}\n"))
    turnout.taken(lambda: turnout.rewrite(text + "oops: 1\n"), "not taken")
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    first, second = written(journal(turnout), 2)
    taken, refused = written(journal(turnout), 2, "reloads")
    assert (taken["taken"], taken["changes"]) == (1, "+base team")
    assert (refused["taken"], refused["changes"]) == (0, "")
    assert taken["generation"] == refused["generation"] == second["generation"] != first["generation"]


def test_another_path_is_another_journal_and_the_old_one_is_whole(turnout: Turnout, openai: Upstream) -> None:
    text = turnout.file.read_text()
    openai.answer = lambda _: CHAT.whole()
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    turnout.taken(lambda: turnout.rewrite(text.replace("turnout.db", "other.db")))
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    written(journal(turnout), 1)
    written(turnout.file.parent / "other.db", 1)
    turnout.taken(lambda: turnout.rewrite(text.replace("journal: {path: turnout.db}", "")))
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    turnout.stop()
    assert len(rows(turnout.file.parent / "other.db")) == len(rows(journal(turnout))) == 1


def test_a_stop_writes_what_waits(turnout: Turnout, openai: Upstream) -> None:
    openai.answer = lambda _: CHAT.whole()
    for _ in range(20):
        post(turnout.url, CHAT.path, CHAT.body(), KEY)
    turnout.stop()
    assert not journal(turnout).with_name("turnout.db-wal").exists()
    assert len(rows(journal(turnout))) == 20


def test_a_killed_process_loses_the_last_second_at_most(tmp_path: Path, openai: Upstream, anthropic: Upstream) -> None:
    """What is on disk is everything up to some moment, in order; the next process goes on with it."""
    text = FILE.format(openai=openai.url, anthropic=anthropic.url)
    openai.answer = lambda _: CHAT.whole()
    killed = Turnout(tmp_path, text)
    answered: list[tuple[float, str | None]] = []
    begun = time.monotonic()
    while time.monotonic() < begun + 4:
        answer = post(killed.url, CHAT.path, CHAT.body(), KEY)
        answered.append((time.monotonic(), answer.header("x-turnout-request")))
        time.sleep(0.01)
    seen = len(rows(journal(killed)))
    killed.process.kill()
    killed.process.wait(10)
    kept = [row["request"] for row in rows(journal(killed))]
    assert kept == [request for _, request in answered][: len(kept)]
    assert len(kept) >= max(seen, 1)
    owed = [request for at, request in answered if at < begun + 2]  # a second and then some, on a busy machine
    assert set(owed) <= set(kept)
    with closing(sqlite3.connect(journal(killed))) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    server = Turnout(tmp_path, text)
    post(server.url, CHAT.path, CHAT.body(), KEY)
    server.stop()
    assert len(rows(journal(killed))) == len(kept) + 1


UNFIT = {
    "damaged": (lambda file: file.write_bytes(b"this is no database, but long enough to look at" * 100), "damaged"),
    "another program's": (lambda file: made(file, 0), "another program"),
    "newer": (lambda file: made(file, 0x7475726E, version=9), "version 9"),
    "older": (lambda file: made(file, 0x7475726E, version=0), "version 0"),
    "a folder": (lambda file: file.mkdir(), "no regular file"),
}


def made(file: Path, program: int, version: int = 1) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.executescript(f"CREATE TABLE t (a); PRAGMA application_id = {program}; PRAGMA user_version = {version};")


@pytest.mark.parametrize("case", UNFIT)
def test_an_edit_that_names_an_unfit_file_is_not_taken(turnout: Turnout, openai: Upstream, case: str) -> None:
    make, told = UNFIT[case]
    make(turnout.file.parent / "bad.db")
    text = turnout.file.read_text()
    openai.answer = lambda _: CHAT.whole()
    since = len(turnout.log())
    turnout.taken(lambda: turnout.rewrite(text.replace("turnout.db", "bad.db")), "not taken")
    assert "error[bad-journal]" in turnout.log()[since:]
    assert told in turnout.log()[since:]
    assert "proxy.yaml:2:27" in turnout.log()[since:]
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    written(journal(turnout), 1)


def test_a_file_that_is_moved_away_is_begun_anew(turnout: Turnout, openai: Upstream) -> None:
    openai.answer = lambda _: CHAT.whole()
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    written(journal(turnout), 1)
    for end in ("", "-wal", "-shm"):
        shutil.move(f"{journal(turnout)}{end}", f"{journal(turnout)}.old{end}")
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    written(journal(turnout), 1)


def test_a_disk_that_cannot_be_written_harms_no_request_and_is_said_once(turnout: Turnout, openai: Upstream) -> None:
    """The file becomes one that is no journal; later it is one again, and nothing that waited is lost."""
    openai.answer = lambda _: CHAT.whole()
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    written(journal(turnout), 1)
    for end in ("", "-wal", "-shm"):
        os.rename(f"{journal(turnout)}{end}", f"{journal(turnout)}.old{end}")
    journal(turnout).mkdir()
    for _ in range(3):
        assert post(turnout.url, CHAT.path, CHAT.body(), KEY).status == 200
    turnout.wait_for(re.compile("cannot be written"))
    for _ in range(3):
        time.sleep(0.5)
        assert post(turnout.url, CHAT.path, CHAT.body(), KEY).status == 200
    assert turnout.log().count("cannot be written") == 1
    journal(turnout).rmdir()
    written(journal(turnout), 6)
    assert "is written again; 0 rows are lost" in turnout.log()


def test_two_processes_write_one_file(start: Start, turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    other = start(
        FILE.format(openai=openai.url, anthropic=anthropic.url).replace("path: turnout.db", f"path: {journal(turnout)}")
    )
    openai.answer = lambda _: CHAT.whole()
    for _ in range(25):
        for server in (turnout, other):
            assert post(server.url, CHAT.path, CHAT.body(), KEY).status == 200
    found = written(journal(turnout), 50)
    assert len({row["request"] for row in found}) == 50


def test_nothing_of_it_is_there_unless_the_file_asks(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    server = start(
        FILE.format(openai=openai.url, anthropic=anthropic.url).replace("observe: {journal: {path: turnout.db}}", "")
    )
    openai.script(CHAT.whole())
    post(server.url, CHAT.path, CHAT.body(), KEY)
    assert [file.name for file in server.file.parent.iterdir()] == ["proxy.yaml"]
    assert "_sqlite3" not in Path(f"/proc/{server.process.pid}/maps").read_text()
