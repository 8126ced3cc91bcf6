"""`turnout check`: everything that is wrong with a file, with its place and a next step."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING

from engine.cli import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from engine.config.document import Document
    from engine.diagnostics.render import Form
    from engine.plan.read import Reading

    Tools = dict[str, list[str]]
    """Where tools come from -> their names."""

FORMATS = ("full", "concise", "json")
STDIN = "-"


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "check", "Check files: syntax, schema, graph, environment.", config=False)
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help=f"files to check; - is standard input (default: ./{console.DEFAULT})"
    )
    parser.add_argument("--config", metavar="FILE", help="the same, as other verbs call it")
    parser.add_argument("--format", choices=FORMATS, default="full", help="how findings are printed (default: full)")
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
    parser.add_argument(
        "--probe",
        action="store_true",
        help="also import the code and start the MCP servers that it names, and see what they can do",
    )
    parser.add_argument(
        "--no-environment", action="store_true", help="ask nothing of variables and secret files (for CI)"
    )


def run(args: argparse.Namespace) -> int:
    files = args.files or [args.config or console.DEFAULT]
    if "" in files:
        console.problem("a file without a name", "name one, as in `turnout check proxy.yaml`; - is standard input")
        return console.USAGE
    environ = None if args.no_environment else os.environ
    if args.probe and args.no_environment:
        console.problem("--probe needs the environment", "leave --no-environment out")
        return console.USAGE
    try:
        readings = dict(_read(file, environ) for file in files)
    except UnicodeDecodeError as error:
        return console.problem(f"standard input is not UTF-8: byte {error.start + 1} is no text", "save it as UTF-8")
    tools = _probe(readings) if args.probe else {}
    if args.format == "json":
        print(_json(readings, tools, strict=args.strict))
    else:
        told = (
            _text(name, reading, args.format, strict=args.strict) + _tools(tools.get(name, {}))
            for name, reading in readings.items()
        )
        print("\n".join(told), end="")
    failed = [reading for reading in readings.values() if not _passes(reading, strict=args.strict)]
    return console.PROBLEMS if failed else console.OK


def _read(file: str, environ: Mapping[str, str] | None) -> tuple[str, Reading]:
    from engine.config.parse import MAX_BYTES
    from engine.plan.read import read

    if file == STDIN:
        return "<stdin>", read("<stdin>", environ, text=sys.stdin.buffer.read(MAX_BYTES + 1).decode("utf-8-sig"))
    return file, read(file, environ)


def _probe(readings: dict[str, Reading]) -> dict[str, Tools]:
    """Import and start what the files name; what comes of it joins their reports. Return the tools of each file."""
    from engine.serve.loading import Doing, load, told_if_slow
    from engine.serve.toolbox.probing import probed

    found: dict[str, Tools] = {}
    with contextlib.redirect_stdout(sys.stderr):  # what the code prints is no part of the report
        for name, reading in readings.items():
            doing = Doing()
            with told_if_slow(doing):
                loaded = load(reading, name, doing=doing)
            found[name] = probed(reading, loaded.tools)
    return found


def _tools(found: Tools) -> str:
    """Say which tools there are: `tools of my_team.tools:add: add`."""
    return "".join(f"tools of {source}: {', '.join(names) or 'none'}\n" for source, names in found.items())


def _passes(reading: Reading, *, strict: bool) -> bool:
    return reading.report.ok and not (strict and reading.report.diagnostics)


def _text(name: str, reading: Reading, form: Form, *, strict: bool) -> str:
    from engine.diagnostics.render import render

    found = render(reading.report, form, colour=console.colour(sys.stdout))
    if reading.document is None or not reading.report.ok:
        return found
    if not _passes(reading, strict=strict):
        return f"{found}{name}: not ok: with --strict, warnings are errors\n"
    return f"{found}{name}: ok ({counts(reading.document)})\n"


def _json(readings: dict[str, Reading], tools: dict[str, Tools], *, strict: bool) -> str:
    """One object, however many files: `{ok, files: [{file, ok, diagnostics, tools}]}`; `tools` only with --probe."""
    from engine.diagnostics.render import render

    files = [
        {**json.loads(render(reading.report, "json")), "file": name, "ok": _passes(reading, strict=strict)}
        | ({"tools": tools[name]} if name in tools else {})
        for name, reading in readings.items()
    ]
    return json.dumps({"ok": all(file["ok"] for file in files), "files": files}, indent=2, ensure_ascii=False)


def counts(document: Document) -> str:
    """Say how much is in a file: `3 upstreams, 8 models, 2 routes`."""
    sizes = (("upstream", document.upstreams), ("model", document.models), ("route", document.routes))
    return ", ".join(f"{len(items)} {noun}{'' if len(items) == 1 else 's'}" for noun, items in sizes)
