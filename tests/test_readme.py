"""Every block of the README does what it says: files are checked, console blocks are run against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.plan.read import read
from tests.conftest import Start

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"((?:<!--[^\n]*-->\n)*)```(\w+)\n(.*?)```", re.DOTALL)
SERVED = "http://127.0.0.1:4000"


def blocks(language: str) -> list[str]:
    found = [text for marks, kind, text in BLOCK.findall(README) if kind == language and "<!-- skip" not in marks]
    assert found, f"the README has no {language} block any more"
    return found


@pytest.mark.parametrize("text", blocks("yaml"), ids=range(len(blocks("yaml"))))
def test_every_file_of_the_readme_is_a_valid_proxy_yaml(text: str, tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text(text, encoding="utf-8")
    report = read(str(tmp_path / "proxy.yaml"), None).report
    assert [found.message for found in report.errors] == []


@pytest.fixture(scope="module")
def demo_url(start: Start) -> str:
    """The server of the quick start: the shipped file, no key set."""
    return start((ROOT / "proxy.yaml").read_text(encoding="utf-8")).url


def commands() -> list[tuple[str, str]]:
    """Split the console blocks into (command, what it prints)."""
    found = []
    for text in blocks("console"):
        for one in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            lines = one.splitlines()
            end = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))
            found.append(("\n".join(lines[:end]), "\n".join(lines[end:]).strip()))
    return found


@pytest.mark.parametrize(("command", "expected"), commands(), ids=[command[:40] for command, _ in commands()])
def test_every_command_of_the_readme_prints_what_it_says(command: str, expected: str, demo_url: str) -> None:
    shell = f'turnout() {{ "{sys.executable}" -m engine "$@"; }}\n' + command.replace(SERVED, demo_url)
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    run = subprocess.run(
        ["bash", "-c", shell],
        cwd=ROOT,
        env={**environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    pattern = ".*".join(re.escape(part.strip()) for part in expected.split("..."))
    assert re.fullmatch(pattern, run.stdout.strip(), re.DOTALL), run.stdout
