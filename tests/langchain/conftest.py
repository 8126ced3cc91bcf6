"""A Turnout whose file names code that lies beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.turnout import Turnout

CODE = Path(__file__).parent / "code"
ALLOW = "my_team.*"
HEAD = f"version: 1\nserver: {{allow_code: [{ALLOW}]}}\nkeys: {{anonymous: {{any_key: true}}}}\n"

Beside = Callable[..., Turnout]


def lay(folder: Path) -> Path:
    """Put the code into `folder`, and return that."""
    shutil.copytree(CODE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """Start servers whose folder holds the code; all are stopped after the module."""
    running: list[Turnout] = []

    def begin(text: str, *, allow: str = ALLOW, **how: object) -> Turnout:
        server = Turnout(lay(tmp_path_factory.mktemp("code")), HEAD.replace(ALLOW, allow) + text, **how)  # type: ignore[arg-type]  # env and args
        running.append(server)
        return server

    yield begin
    for server in running:
        server.stop()
