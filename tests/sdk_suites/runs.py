"""One run of a suite, and what it comes to."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from tests.sdk_suites.exclusions import excluded, exclusions
from tests.sdk_suites.suites import OWN, served

if TYPE_CHECKING:
    from tests.sdk_suites.sdist import Fetched
    from tests.sdk_suites.suites import Mode

INSIDE = Path(__file__).with_name("inside")
PLUGINS = ("ends", "placeholders")
"""Of ours, loaded into the SDK's own pytest."""
MOST = 35
"""How much of a suite may be excluded, in percent."""
LIMIT = 300
"""How long a suite may run, in seconds."""


class End(msgspec.Struct, frozen=True):
    """How one test ended; `inside/ends.py` writes it."""

    test: str
    outcome: str
    """passed, failed or skipped, as pytest says."""
    filled: bool
    """Something was put into its requests that the test left open."""
    said: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a suite came to."""

    suite: str
    mode: Mode
    ends: dict[str, End]
    excluded: dict[str, str]
    """Test -> reason."""
    idle: list[str]
    """Exclusions without a test of their own."""

    @property
    def percent(self) -> float:
        """How much of what was collected is excluded."""
        return 100 * len(self.excluded) / len(self.ends) if self.ends else 100.0

    @property
    def passed(self) -> list[str]:
        return [test for test, end in self.ends.items() if end.outcome == "passed" and test not in self.excluded]

    @property
    def failed(self) -> list[str]:
        return [test for test, end in self.ends.items() if end.outcome != "passed" and test not in self.excluded]

    @property
    def filled(self) -> list[str]:
        """Those that passed with what was put into their requests."""
        return [test for test in self.passed if self.ends[test].filled]

    @property
    def complaints(self) -> list[str]:
        """Everything that must not be, one a line; none: all is well."""
        stale = [test for test in self.excluded if self.ends[test].outcome == "passed"]
        found = [f"{self.ends[test].outcome} {test}: {self.ends[test].said}" for test in self.failed]
        found += [f"passes, and is excluded: {test}" for test in stale]
        found += [f"excluded, and not there or excluded before: {name}" for name in self.idle]
        if self.percent > MOST:
            found.append(f"{self.percent:.1f} % are excluded, and {MOST} % may be")
        return found


def run(sdk: Fetched, mode: Mode) -> Outcome:
    """Run the suite against servers of its own."""
    with served(sdk.suite, mode) as url:
        ends = tested(sdk, url)
    out, idle = excluded(exclusions(sdk.suite.name), mode, ends.keys())
    return Outcome(sdk.suite.name, mode, ends, out, idle)


def tested(sdk: Fetched, url: str) -> dict[str, End]:
    """Run the SDK's tests in their own environment, and return how each ended. Raises `RuntimeError` where none did."""
    with TemporaryDirectory(prefix="turnout-") as home:
        written = Path(home) / "ends.jsonl"
        # the other styles of tracebacks parse the source of every frame, which takes longer than the tests
        words = ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--tb=native"]
        for plugin in PLUGINS:
            words += ["-p", plugin]
        env = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "PYTHONPATH": str(INSIDE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TEST_API_BASE_URL": url,
            "SUITE_ENDS": str(written),
        }
        done = subprocess.run(
            [str(sdk.python), *words, *(f"{OWN}/{file}" for file in sdk.suite.files)],
            check=False,
            cwd=sdk.source,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        if done.returncode not in (0, 1) or not written.exists():
            raise RuntimeError(f"pytest: exit status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        ends = msgspec.json.Decoder(End).decode_lines(written.read_bytes())
    return {end.test: end for end in ends}
