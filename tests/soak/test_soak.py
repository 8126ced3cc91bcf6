"""The soak as a test: ten minutes, or as many as TURNOUT_SOAK_MINUTES says."""

from __future__ import annotations

import os

import pytest

from tests.soak.judge import verdict
from tests.soak.run import soak

MINUTES = float(os.environ.get("TURNOUT_SOAK_MINUTES", "10"))


@pytest.mark.soak
def test_nothing_grows_leaks_or_is_lost() -> None:
    outcome = soak(MINUTES)
    print(outcome.report())
    assert not verdict(outcome)
