"""One server for each module, and realtime upstreams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.sockets.house import House, written
from tests.support.realtime import Realtime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic))


@pytest.fixture
def house(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> House:
    return House(turnout, openai, anthropic)


@pytest.fixture(scope="module")
def _voice() -> Iterator[Realtime]:
    upstream = Realtime()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def _spare() -> Iterator[Realtime]:
    upstream = Realtime(subprotocols=False)
    yield upstream
    upstream.stop()


@pytest.fixture
def voice(_voice: Realtime) -> Realtime:
    _voice.visits.clear()
    _voice.refusals.clear()
    _voice.asked = 0
    return _voice


@pytest.fixture
def spare(_spare: Realtime) -> Realtime:
    _spare.visits.clear()
    return _spare
