"""Streams that are closed, full, endless or no text: a sentence and a next step, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.turnout import ROOT

GOOD = "version: 1\nupstreams: {demo: {kind: echo, demo: true}}\nkeys: {anonymous: {}}\n"
KEYS = "a-random-key-of-32-characters-xx"

CASES = [
    ("check - <&-", 1, "the file has no content"),
    ("check - <binary", 1, "standard input is not UTF-8"),
    ("check - </dev/zero", 1, "larger than 4 MB"),
    ("check /dev/zero", 1, "larger than 4 MB"),
    ("check binary", 1, "not UTF-8"),
    ("check ''", 2, "a file without a name"),
    ("check >&-", 0, ""),
    ("check none.yaml 2>&-", 1, "no file `none.yaml`"),
    ("key hash <&-", 1, "the key has 0 characters"),
    ("key hash <two", 1, "hash one key at a time"),
    ("key hash <binary", 1, "characters that an HTTP header cannot carry"),
    ("show >/dev/full", 1, "no space left on device"),
    ("schema >/dev/full", 1, "no space left on device"),
    ("--help >/dev/full", 1, "no space left on device"),
    ("schema --check binary", 1, "it is not text"),
    ("schema --check .", 1, "is a directory"),
    ("schema --write /proc/none/here", 1, "cannot write /proc/none/here"),
    ("explain a --bla", 2, "usage: turnout explain"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "proxy.yaml").write_text(GOOD)
    (tmp_path / "binary").write_bytes(bytes(range(255, 127, -1)) * 3)
    (tmp_path / "two").write_text(f"{KEYS}\n{KEYS}\n")
    return tmp_path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full and /proc")
@pytest.mark.parametrize(("command", "code", "says"), CASES)
def test_whatever_the_streams_are(folder: Path, command: str, code: int, says: str) -> None:
    shell = f"{sys.executable} -W error -m engine {command}"
    done = subprocess.run(
        ["bash", "-c", shell],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = done.stdout + done.stderr
    assert (done.returncode, "Traceback" in told, "Exception ignored" in told) == (code, False, False), told
    assert says in told
