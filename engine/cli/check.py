"""`turnout check`: everything that is wrong with a file, with its place and a next step."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from engine.cli import console

if TYPE_CHECKING:
    import argparse

    from engine.config.document import Document
    from engine.plan.read import Reading

FORMATS = ("full", "concise", "json")
STDIN = "-"


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "check", "Check files: syntax, schema, graph, environment.")
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help=f"files to check; `-` is standard input (default: {console.DEFAULT})"
    )
    parser.add_argument("--format", choices=FORMATS, default="full", help="how findings are printed (default: full)")
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
    parser.add_argument(
        "--no-environment", action="store_true", help="ask nothing of variables and secret files (for CI)"
    )


def run(args: argparse.Namespace) -> int:
    from engine.plan.read import read

    files = args.files or [args.config or console.DEFAULT]
    environ = None if args.no_environment else os.environ
    readings = {
        file: read("<stdin>", environ, text=sys.stdin.read()) if file == STDIN else read(file, environ)
        for file in files
    }
    if args.format == "json":
        _json(readings)
    else:
        for file, reading in readings.items():
            _text(file, reading, args.format)
    failed = [reading for reading in readings.values() if _fails(reading, strict=args.strict)]
    return console.PROBLEMS if failed else console.OK


def _fails(reading: Reading, *, strict: bool) -> bool:
    return not reading.report.ok or (strict and bool(reading.report.diagnostics))


def _text(file: str, reading: Reading, form: str) -> None:
    from engine.diagnostics import render

    if reading.report.diagnostics:
        print(render(reading.report, form, colour=console.colour(sys.stdout)))
    if reading.report.ok and reading.plan is not None:
        print(f"{file}: ok ({counts(reading.plan.document)})")


def counts(document: Document) -> str:
    """Say how much is in a file: `3 upstreams, 8 models, 2 routes`."""
    sizes = (("upstream", document.upstreams), ("model", document.models), ("route", document.routes))
    return ", ".join(f"{len(items)} {noun}{'' if len(items) == 1 else 's'}" for noun, items in sizes)


def _json(readings: dict[str, Reading]) -> None:
    from engine.diagnostics import render

    for reading in readings.values():
        print(render(reading.report, "json"))
