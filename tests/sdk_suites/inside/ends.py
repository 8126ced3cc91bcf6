"""Loaded into the SDK's own pytest: writes down how each test ended, one JSON object a line."""

import json
import os
from pathlib import Path

filled: set[str] = set()
"""The running test, once something was put into its requests."""


def pytest_runtest_logstart(nodeid: str) -> None:
    filled.clear()


def pytest_runtest_logreport(report) -> None:
    """Write a test down when it has run, and again when something else of it goes wrong: the last line counts."""
    if report.when != "call" and report.outcome == "passed":
        return
    crash = getattr(report.longrepr, "reprcrash", None)
    said = " ".join(str(crash.message if crash else report.longrepr or "").split())[:500]
    end = {"test": report.nodeid, "outcome": report.outcome, "filled": bool(filled), "said": said}
    with Path(os.environ["SUITE_ENDS"]).open("a") as file:
        file.write(json.dumps(end) + "\n")
