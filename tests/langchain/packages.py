"""Where `.ci/langchain` puts LangChain's integrations: a folder of their own, put before everything else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.turnout import ROOT

FOLDER = Path(os.environ.get("LANGCHAIN_ROOT", ROOT / ".langchain"))


def env(**more: str) -> dict[str, str]:
    """Return the environment of a process that has them; skip the test where they are not there."""
    if not (FOLDER / "langchain_tests").is_dir():
        pytest.skip(f"langchain-tests is not in {FOLDER}: run .ci/langchain")
    return {"PYTHONPATH": os.pathsep.join((str(ROOT), str(FOLDER))), **more}
