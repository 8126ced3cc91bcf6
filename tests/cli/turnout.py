"""Runs the command as a process of its own, as people do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def turnout(*args: str | Path, cwd: Path, stdin: str = "", **env: str) -> Ended:
    """Run `turnout ARGS` in `cwd` with no environment but `env`."""
    inherited = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "engine", *args],
        cwd=cwd,
        env={**inherited, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **env},
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
