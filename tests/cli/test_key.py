"""Keys: minted once, kept only as hashes, never taken from the command line."""

from __future__ import annotations

import hashlib
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from engine.cli import main
from engine.cli.key import fingerprint
from tests.cli.turnout import ROOT, turnout

if TYPE_CHECKING:
    from pathlib import Path

MINTED = re.compile(r"^tk-[A-Za-z0-9_-]{43}$", re.MULTILINE)
"""43 characters of base64 carry 256 bits."""


def test_a_new_key_is_printed_once_with_the_lines_for_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "new", "ada"]) == 0
    out = capsys.readouterr().out
    (key,) = MINTED.findall(out)
    assert out.count(key) == 1
    lines = yaml.safe_load(out[out.index("keys:") :])
    assert lines == {"keys": {"ada": {"hashes": [f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"]}}}


def test_the_lines_make_a_valid_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["key", "new", "build-7.staging_2"])
    out = capsys.readouterr().out
    file = tmp_path / "proxy.yaml"
    file.write_text("version: 1\nupstreams:\n  demo: {kind: echo, demo: true}\n" + out[out.index("keys:") :])
    assert main(["check", str(file)]) == 0


def test_two_keys_differ(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        main(["key", "new", "ada"])
    assert len(set(MINTED.findall(capsys.readouterr().out))) == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [("anonymous", "who calls without a key"), ("a b", "cannot be the name"), ("-", "cannot be the name")],
)
def test_names_that_no_key_may_have(name: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "new", name]) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert told.out == ""


@pytest.mark.parametrize("end", ["", "\n", " \r\n"])
def test_a_key_is_hashed_from_standard_input(tmp_path: Path, end: str) -> None:
    key = "a-random-key-of-32-characters-xx"
    assert turnout("key", "hash", cwd=tmp_path, stdin=key + end) == (0, fingerprint(key) + "\n", "")


@pytest.mark.parametrize("typed", ["ключ-ключ-ключ-ключ-ключ", "a-random-key\x07-of-32-characters"])
def test_a_key_that_no_header_can_carry_is_refused(tmp_path: Path, typed: str) -> None:
    ended = turnout("key", "hash", cwd=tmp_path, stdin=typed)
    assert (ended.code, ended.out) == (1, "")
    assert "HTTP header" in ended.err


def test_a_key_is_hashed_from_a_prompt_that_does_not_show_it(tmp_path: Path) -> None:
    key = "a-random-key-of-32-characters-xx"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "engine", "key", "hash"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, cwd=tmp_path, env=env, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = os.read(ours, 1024)
        os.write(ours, key.encode() + b"\n")
        out, _ = process.communicate(timeout=30)
        shown += os.read(ours, 1024)
    os.close(ours)
    assert out.decode() == fingerprint(key) + "\n"
    assert shown.startswith(b"Key: ")
    assert key.encode() not in shown


@pytest.mark.parametrize("typed", ["", "hunter2\n", "x" * 19])
def test_short_keys_are_refused_and_not_repeated(tmp_path: Path, typed: str) -> None:
    ended = turnout("key", "hash", cwd=tmp_path, stdin=typed)
    assert ended.code == 1
    assert ended.out == ""
    assert f"{len(typed.strip())} characters; at least 20" in ended.err
    assert "turnout key new NAME" in ended.err
    assert not typed.strip() or typed.strip() not in ended.err


def test_a_key_on_the_command_line_is_refused_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "hash", "a-random-key-of-32-characters-xx"]) == 2
    told = capsys.readouterr()
    assert "shell's history" in told.err
    assert "a-random-key" not in told.err + told.out
