"""One server for each file of tests here, and its upstreams fresh for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.usage.house import telling, written

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic))


@pytest.fixture(autouse=True)
def _telling(openai: Upstream, anthropic: Upstream) -> None:
    openai.answer = anthropic.answer = telling
