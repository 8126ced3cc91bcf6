"""Fixtures of the real clients: one Turnout between the vendors, and a client that works twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients.twice import Both, file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def between(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    """A Turnout between all vendors."""
    return start(file(_openai.url, _anthropic.url))


@pytest.fixture
def work(tmp_path: Path, between: Turnout, openai: Upstream, anthropic: Upstream) -> Both:
    """Have a client work twice."""
    return Both(tmp_path, between, openai, anthropic)
