"""`turnout graph`: the routing graph, for people and for tools that draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli import console

if TYPE_CHECKING:
    import argparse

FORMATS = ("text", "mermaid", "dot", "json")


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "graph", "Draw the routing graph.", bare=True)
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")


def run(args: argparse.Namespace) -> int:
    from engine.diagnostics.mask import mask
    from engine.plan.compile import as_written
    from engine.plan.graph import FORMS, graph

    read = console.read_plan(args)
    if read is None:
        return console.PROBLEMS
    reading, plan = read
    print(mask(FORMS[args.format](graph(as_written(plan))), reading.report.secrets), end="")
    return console.OK
