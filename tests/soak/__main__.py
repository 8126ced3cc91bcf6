"""`python -m tests.soak [--minutes N] [--seed N] [--clients N]`: exit status 1 where something is wrong."""

from __future__ import annotations

import argparse
import sys

from tests.soak.judge import verdict
from tests.soak.run import soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Mixed traffic for minutes.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=16)
    args = parser.parse_args()
    outcome = soak(args.minutes, args.seed, args.clients, lambda line: print(line, flush=True))
    print(outcome.report())
    wrong = verdict(outcome)
    for one in wrong:
        print(f"WRONG: {one}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
