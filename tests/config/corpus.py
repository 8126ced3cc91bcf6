"""The corpus of files in tests/configs: what each must say, and what it says.

A file begins with `# expect: code @ line:col` for every finding (`code @ file:line:col` in an included one); its
rendering stands beside it. A folder is a case of several files, whose main one is proxy.yaml.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from engine.diagnostics import Diagnostic, Report
from engine.diagnostics.render import render
from engine.plan.read import read

CONFIGS = Path(__file__).parent.parent / "configs"
ENVIRON = {"OPENAI_API_KEY": "sk-corpus-0123456789abcdef", "RETRIES": "many", "LEVEL": "debug", "EMPTY": ""}

EXPECT = re.compile(r"^# expect: (\S+) @ (\S+)$", re.MULTILINE)


def cases(kind: str) -> list[Path]:
    """Return the main files of `good` or `bad`, in order."""
    folder = CONFIGS / kind
    return sorted([*folder.glob("*.yaml"), *folder.glob("*/proxy.yaml")])


def name(path: Path) -> str:
    return path.parent.name if path.name == "proxy.yaml" else path.stem


def expected(path: Path) -> list[str]:
    """Return the findings that the header of `path` promises, sorted."""
    text = path.read_bytes().decode("latin-1")
    return sorted(f"{code} @ {place}" for code, place in EXPECT.findall(text))


def check(path: Path) -> Report:
    """Read `path` as `turnout check` does, from its own folder."""
    with contextlib.chdir(path.parent):
        return read(path.name, ENVIRON).report


def said(path: Path, report: Report) -> list[str]:
    return sorted(f"{found.code} @ {_place(found, path.name)}" for found in report.diagnostics)


def _place(found: Diagnostic, main: str) -> str:
    return str(found.span).removeprefix(f"{main}:") if found.span else "-"


def bless() -> None:
    """Write the renderings anew."""
    for path in cases("bad"):
        path.with_suffix(".txt").write_text(render(check(path), "full"), encoding="utf-8")
