"""The command itself: verbs, help, exit codes, and how it behaves at a terminal's edges."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine import __version__
from engine.cli import VERBS, main
from tests.cli.turnout import ROOT, turnout

if TYPE_CHECKING:
    from types import ModuleType

HELP = Path(__file__).parent / "golden" / "help.txt"
NAMES = [verb.__name__.rpartition(".")[2] for verb in VERBS]  # type: ignore[attr-defined]  # verbs are modules


def help_texts(folder: Path) -> str:
    """Return what every `--help` prints, one after the other."""
    commands = [[], *([name] for name in NAMES), ["key", "new"], ["key", "hash"]]
    return "\n".join(
        f"$ turnout {' '.join([*command, '--help'])}\n{turnout(*command, '--help', cwd=folder).out}"
        for command in commands
    )


def bless() -> None:
    """Write the golden help texts anew."""
    HELP.parent.mkdir(exist_ok=True)
    HELP.write_text(help_texts(HELP.parent), encoding="utf-8")


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="argparse lays help out anew in later versions")
def test_the_help_texts_are_those_we_agreed_on(tmp_path: Path) -> None:
    assert help_texts(tmp_path) == HELP.read_text(encoding="utf-8")


def test_every_verb_is_a_module_with_add_and_run() -> None:
    modules: list[ModuleType] = list(VERBS)  # type: ignore[arg-type]  # verbs are modules
    assert [(callable(verb.add), callable(verb.run)) for verb in modules] == [(True, True)] * len(modules)
    assert len(set(NAMES)) == len(NAMES)


def test_the_version(tmp_path: Path) -> None:
    assert turnout("--version", cwd=tmp_path) == (0, f"turnout {__version__}\n", "")


@pytest.mark.parametrize("module", ["engine", "engine.cli"])
def test_it_runs_as_a_module(tmp_path: Path, module: str) -> None:
    command = [sys.executable, "-m", module, "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=path(), capture_output=True, text=True, check=True)
    assert done.stdout == f"turnout {__version__}\n"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "required: VERB"),
        (["chek"], "did you mean `turnout check`?"),
        (["frobnicate"], "verbs: serve, check"),
        (["check", "--fromat", "json"], "unrecognized arguments: --fromat"),
        (["check", "--format", "xml"], "invalid choice: 'xml'"),
        (["key"], "required: new|hash"),
    ],
)
def test_what_is_asked_wrongly_ends_with_2(args: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert told.out == ""


def test_check_needs_no_server_and_no_client(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text("version: 1\n")
    code = (
        "import sys, engine.cli\n"
        "status = engine.cli.main(['check'])\n"
        "heavy = {'litestar', 'uvicorn', 'httpx2', 'httpx', 'openai', 'anthropic', 'watchfiles', 'jinja2', 'asyncio'}\n"
        "print(status, sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, env=path()
    )
    assert done.stderr == "0 []\n"


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    """As in `turnout schema | head -1`; more is written than a pipe holds."""
    command = [sys.executable, "-c", "import engine.cli; raise SystemExit(engine.cli.main(['schema']))"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=path()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 141


def test_ctrl_c_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            signal.raise_signal(signal.SIGINT)
            return b""

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Interrupted()))
    assert main(["check", "-"]) == 130
    assert capsys.readouterr() == ("", "")


def path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
