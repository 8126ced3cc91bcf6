"""`python -m tests.soak [--minutes N] [--seed N] ...`: exit status 1 where something is wrong."""

from __future__ import annotations

import argparse
import sys

from tests.soak.judge import verdict
from tests.soak.run import Crowd, soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Mixed traffic for minutes.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=16, help="over HTTP")
    parser.add_argument("--idle", type=int, default=200, help="WebSockets that ask nothing")
    parser.add_argument("--busy", type=int, default=50, help="WebSockets that do")
    args = parser.parse_args()
    crowd = Crowd(args.clients, args.idle, args.busy)
    outcome = soak(args.minutes, args.seed, crowd, lambda line: print(line, flush=True))
    print(outcome.report())
    wrong = verdict(outcome)
    for one in wrong:
        print(f"WRONG: {one}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
