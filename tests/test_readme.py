"""The README is run: every ```yaml block is checked, every ```console block is executed against a real server.

HTML comments on the lines before a block say how:

    <!-- skip: reason -->       it is not run, and here is why
    <!-- fragment -->           a yaml block that is only a part of a file: the rest comes from the shipped one
    <!-- file: NAME -->         a yaml block that later console blocks find in their folder under this name
    <!-- exit: 1 -->            the last command of a console block ends with this code instead of 0

In a console block `$ ` begins a command; the lines up to the next one are its output, where `...` stands for anything.
Commands run in a folder with the shipped proxy.yaml; 127.0.0.1:4000 is a server that was started with it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

from engine.diagnostics.render import render
from engine.plan.read import read
from tests.support.turnout import Turnout

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHIPPED = (ROOT / "proxy.yaml").read_text(encoding="utf-8")
ADDRESS = "127.0.0.1:4000"

BLOCK = re.compile(r"(?P<notes>(?:^<!--[^\n]*-->\n)*)^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r"<!-- (?P<name>skip|fragment|file|exit)(?:: (?P<value>.+))? -->")


class Block(NamedTuple):
    line: int
    language: str
    text: str
    notes: dict[str, str]


def blocks() -> Iterator[Block]:
    for found in BLOCK.finditer(README):
        notes = {note["name"]: note["value"] or "" for note in NOTE.finditer(found["notes"])}
        yield Block(README.count("\n", 0, found.start("text")), found["language"], found["text"], notes)


BLOCKS = list(blocks())


def those(language: str) -> list[object]:
    """Return the blocks of a language that are run, as parameters named by their line."""
    chosen = [block for block in BLOCKS if block.language == language and "skip" not in block.notes]
    return [pytest.param(block, id=f"line {block.line}") for block in chosen]


def test_every_block_names_a_language_and_every_skip_a_reason() -> None:
    assert README.count("\n```") == 2 * len(BLOCKS)
    assert [block.line for block in BLOCKS if not block.language] == []
    assert [block.line for block in BLOCKS if block.notes.get("skip") == ""] == []


def test_the_two_commands_of_the_quick_start_are_there() -> None:
    commands = [block.text for block in BLOCKS if block.language == "console"]
    assert any("pip install ." in command and "turnout serve" in command for command in commands)
    assert any("pip install -e '.[test]'" in command and "pytest" in command for command in commands)


@pytest.mark.parametrize("block", those("yaml"))
def test_yaml_blocks_are_valid(block: Block) -> None:
    text = block.text
    if "fragment" in block.notes:
        whole = yaml.safe_load(SHIPPED)
        for section, content in yaml.safe_load(text).items():
            united = isinstance(content, dict) and isinstance(whole.get(section), dict)
            whole[section] = {**whole[section], **content} if united else content
        text = yaml.safe_dump(whole, sort_keys=False)
    reading = read("README.md", None, text=text)
    assert reading.report.ok, render(reading.report, "full")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where commands run: the shipped file, the files of the README, and `turnout` on the path."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "proxy.yaml").write_text(SHIPPED)
    for block in BLOCKS:
        if "file" in block.notes:
            (folder / block.notes["file"]).write_text(block.text)
    command = folder / "bin" / "turnout"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m engine "$@"\n')
    command.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turnout]:
    running = Turnout(tmp_path_factory.mktemp("served"), SHIPPED)
    yield running
    running.stop()


@pytest.mark.parametrize("block", those("console"))
def test_console_blocks_run(block: Block, folder: Path, request: pytest.FixtureRequest) -> None:
    address = ADDRESS
    if ADDRESS in block.text and "curl" in block.text:
        if shutil.which("curl") is None:
            pytest.skip("there is no curl here")
        address = request.getfixturevalue("server").url.removeprefix("http://")
    commands = re.findall(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)
    assert commands, "a console block has commands that begin with `$ `"
    env = {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}
    for number, (command, expected) in enumerate(commands, start=1):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command.replace(ADDRESS, address)],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        printed = done.stdout.replace(address, ADDRESS)
        wanted = int(block.notes.get("exit", "0")) if number == len(commands) else 0
        assert done.returncode == wanted, f"{command}\n{printed}"
        pattern = ".*".join(re.escape(part) for part in expected.rstrip("\n").split("..."))
        matches = not expected or re.fullmatch(pattern, printed.rstrip("\n"), re.DOTALL)
        assert matches, f"{command}\nprinted\n{printed}\ninstead of\n{expected}"
