"""Holds a gateway against the checks: `python -m tests.conformance --url U --key K`.

Exit status: 0 all that applies has passed, 1 something has failed, 2 it could not be run.
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import sys
from typing import TYPE_CHECKING, cast

from tests.conformance import report
from tests.conformance.checks import CHECKS
from tests.conformance.configs import CONFIGS
from tests.conformance.gateway import Gateway
from tests.conformance.run import pairs_of, run
from tests.conformance.upstream.stage import Stage
from tests.conformance.words import APIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.check import Check
    from tests.conformance.words import Api

OWNED = re.compile(rf"({'|'.join(APIS)}):([\w-]+\s*:.*)", re.DOTALL)


def main(argv: Sequence[str] | None = None) -> int:
    """Run as the command line says; return the exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    checks = [check for check in CHECKS if _chosen(check.name, args)]
    if args.list:
        print(report.listing(checks))
        return 0
    if args.print_config:
        print(CONFIGS[args.print_config](args.upstream, args.models))
        return 0
    if not args.url:
        parser.error("--url is missing")
    if not checks:
        parser.error("no check has such a name")
    return _run(args, checks)


def _run(args: argparse.Namespace, checks: list[Check]) -> int:
    gateway = Gateway(args.url, args.key, models=args.models, headers=args.header, timeout=args.timeout)
    absent = gateway.absent()
    if absent is not None:
        print(f"no gateway answers at {gateway.url}: {absent}", file=sys.stderr)
        return 2
    host, _, port = args.upstream.rpartition(":")
    try:
        stage = Stage((host, int(port)))
    except OSError as error:
        print(f"the upstream cannot listen on {args.upstream}: {error}", file=sys.stderr)
        return 2
    pairs = pairs_of(gateway, lambda pair: _matches(str(pair), args.pairs, otherwise=True))
    if not pairs:
        print("no pair has such a name and a model", file=sys.stderr)
        return 2
    outcomes = run(gateway, stage, checks, pairs, args.jobs)
    stage.stop()
    gateway.close()
    failed = any(one.state == "fail" for one in outcomes)
    if args.format == "json":
        print(report.as_json(outcomes))
    elif args.summary:
        print(report.summary(outcomes, pairs))
    else:
        print(report.table(outcomes, checks, pairs))
        for api in APIS:
            if api not in gateway.models:
                print(f"\nskipped: the upstream of {api} has no model")
        if failed:
            print(f"\n{report.words(outcomes)}")
        print(f"\n{report.summary(outcomes, pairs)}")
    return int(failed)


def _jobs(text: str) -> int:
    """Return a number of checks at a time: 1 at least."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("one check at a time is the least")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--url", help="the gateway, with or without /v1")
    parser.add_argument("--key", default="", help="the key that it wants of its clients")
    parser.add_argument(
        "--upstream", default="127.0.0.1:18100", help="where the scripted upstream listens (%(default)s)"
    )
    parser.add_argument(
        "--models",
        type=_models,
        default={api: f"conformance-{api}" for api in APIS},
        help="the names that lead to the upstream in each API; one without a name is skipped: chat=a,messages=b",
    )
    parser.add_argument(
        "--header",
        type=header,
        action="append",
        default=[],
        metavar="[API:]NAME: VALUE",
        help="a header for every request, or for those that are to reach the upstream in one API; repeatable",
    )
    parser.add_argument("--only", metavar="PATTERN", help="run the checks whose names match, as in 'early-*,cut'")
    parser.add_argument("--skip", metavar="PATTERN", help="leave these out")
    parser.add_argument("--pairs", metavar="PATTERN", help="run these pairs, as in 'chat>*,*>chat'")
    parser.add_argument("--timeout", type=float, default=15.0, help="seconds between two bytes (%(default)s)")
    parser.add_argument("--jobs", type=_jobs, default=8, help="checks at a time (%(default)s)")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument(
        "--summary", action="store_true", help="print no more than passed/applicable per pair, Markdown"
    )
    parser.add_argument("--list", action="store_true", help="tell the checks and the facts they rest on")
    parser.add_argument("--print-config", choices=sorted(CONFIGS), help="tell how to lead a gateway to the upstream")
    return parser


def _chosen(name: str, args: argparse.Namespace) -> bool:
    return _matches(name, args.only, otherwise=True) and not _matches(name, args.skip, otherwise=False)


def _matches(name: str, patterns: str | None, *, otherwise: bool) -> bool:
    if patterns is None:
        return otherwise
    return any(fnmatch.fnmatch(name, pattern.strip()) for pattern in patterns.split(","))


def _models(text: str) -> dict[Api, str]:
    given = dict(entry.partition("=")[::2] for entry in text.split(","))
    unknown = given.keys() - set(APIS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such API: {', '.join(sorted(unknown))}")
    return {api: given[api] for api in APIS if given.get(api)}


def header(text: str) -> tuple[Api | None, str, str]:
    """Read `NAME: VALUE` or `API:NAME: VALUE`. Raises `ArgumentTypeError`."""
    owned = OWNED.fullmatch(text)
    owner, line = (owned[1], owned[2]) if owned else (None, text)
    name, found, value = line.partition(":")
    if not found:
        raise argparse.ArgumentTypeError(f"not a header: {text}")
    return cast("Api | None", owner), name.strip(), value.strip()


if __name__ == "__main__":
    sys.exit(main())
