"""One server for each module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.sockets.house import House, written

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic))


@pytest.fixture
def house(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> House:
    return House(turnout, openai, anthropic)
