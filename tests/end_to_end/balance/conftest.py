"""Three scripted upstreams, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.balance.house import NAMES
from tests.support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def _ups() -> Iterator[dict[str, Upstream]]:
    ups = {name: Upstream() for name in NAMES}
    yield ups
    for up in ups.values():
        up.stop()


@pytest.fixture
def ups(_ups: dict[str, Upstream]) -> dict[str, Upstream]:
    for up in _ups.values():
        up.clear()
    return _ups
