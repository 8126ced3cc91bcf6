"""`python -m tests.sdk_suites`: runs the suites and prints what they came to. Exit status 1: something must not be."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tests.sdk_suites.runs import run
from tests.sdk_suites.sdist import UnavailableError, fetch
from tests.sdk_suites.suites import MODES, SUITES

if TYPE_CHECKING:
    from tests.sdk_suites.runs import Outcome

UNAVAILABLE = 75
"""The exit status of a machine on which the SDKs cannot be had."""
HEADS = ("suite", "mode", "collected", "excluded", "passed", "(filled in)", "failed")


def main() -> int:
    """Run what the command line asks for, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.sdk_suites", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"{' or '.join(SUITES)}; default: both")
    parser.add_argument("--mode", choices=MODES, help="only this way")
    parser.add_argument("--install", action="store_true", help="fetch the SDKs, and run nothing")
    args = parser.parse_args()
    if unknown := [name for name in args.suites if name not in SUITES]:
        parser.error(f"no suite `{unknown[0]}`")
    try:
        fetched = [fetch(SUITES[name]) for name in args.suites or SUITES]
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return UNAVAILABLE
    if args.install:
        for sdk in fetched:
            print(f"{sdk.folder} is there")
        return 0
    outcomes = [run(sdk, mode) for sdk in fetched for mode in MODES if args.mode in (None, mode)]
    print(table(outcomes))
    complaints = [f"{one.suite}, {one.mode}: {said}" for one in outcomes for said in one.complaints]
    print("\n".join(complaints), end="\n" if complaints else "")
    return 1 if complaints else 0


def table(outcomes: list[Outcome]) -> str:
    """Return a line for each run, under the names of the columns."""
    rows = [HEADS]
    for one in outcomes:
        share = f"{len(one.excluded)} ({one.percent:.1f} %)"
        counts = (len(one.ends), share, len(one.passed), len(one.filled), len(one.failed))
        rows.append((one.suite, one.mode, *map(str, counts)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
