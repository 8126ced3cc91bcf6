"""A Valkey for the tests of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One that stays as it is."""
    valkey = Valkey(tmp_path_factory.mktemp("valkey"))
    yield valkey
    valkey.kill()


@pytest.fixture
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One that a test may ill-treat."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.thaw() if server.process else None
    server.kill()
