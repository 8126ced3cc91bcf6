"""The official SDKs' own test suites, each run once for each way through Turnout."""

from __future__ import annotations

import pytest

from tests.sdk_suites.runs import run
from tests.sdk_suites.sdist import place
from tests.sdk_suites.suites import MODES, SUITES, Mode


@pytest.mark.sdks
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes_but_for_what_is_excluded(suite: str, mode: Mode) -> None:
    sdk = place(SUITES[suite])
    if not sdk.there:
        pytest.skip(f"{sdk.suite.name} {sdk.version} is not in {sdk.folder}: run .ci/sdks")
    outcome = run(sdk, mode)
    assert outcome.passed
    assert outcome.complaints == []
