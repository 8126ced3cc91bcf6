"""What the verbs share: their protocol, the file they read, and how they speak on a terminal."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from engine import resources

if TYPE_CHECKING:
    from typing import TextIO

    from engine.plan.nodes import Plan
    from engine.plan.read import Reading

DEFAULT = "proxy.yaml"

OK, PROBLEMS, USAGE = 0, 1, 2
"""The exit codes."""

if TYPE_CHECKING:
    Subparsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]


class Verb(Protocol):
    """A module of `engine.cli` named like its verb. It imports what is slow to import inside `run`."""

    def add(self, subparsers: Subparsers, /) -> None:
        """Declare the verb's arguments."""

    def run(self, args: argparse.Namespace, /) -> int:
        """Do it; return the exit code."""


def parser(
    subparsers: Subparsers, verb: str, summary: str, *, config: bool = True, bare: bool = False
) -> argparse.ArgumentParser:
    """Add a verb and return its parser, with `--config FILE` where the verb reads a file.

    `bare`: the file may also stand there by itself, as it does after `check`.
    """
    added = subparsers.add_parser(verb, help=summary, description=summary, formatter_class=Wide, allow_abbrev=False)
    which = f"the file to read (default: ./{DEFAULT}, or else the one that ships)"
    if bare:
        either = added.add_mutually_exclusive_group()
        either.add_argument("file", nargs="?", metavar="FILE", help=which)
        either.add_argument("--config", metavar="FILE", help="the same, as other verbs call it")
    elif config:
        added.add_argument("--config", metavar="FILE", help=which)
    return added


def file(args: argparse.Namespace) -> str:
    """Return the file a verb reads: the one it names, ./proxy.yaml, or else the one that ships with Turnout."""
    for named in (getattr(args, "file", None), args.config):
        if named is not None:
            return str(named)
    return DEFAULT if Path(DEFAULT).is_file() else str(resources.path(DEFAULT))


def read_plan(args: argparse.Namespace) -> tuple[Reading, Plan] | None:
    """Read the file for a verb that needs its plan; without one say what is wrong on standard error.

    Unset variables and missing secrets do not stop it: they are not needed to tell what a file says.
    """
    from engine.diagnostics.render import render
    from engine.plan.read import read

    reading = read(file(args), os.environ)
    if reading.plan is not None:
        return reading, reading.plan
    print(render(reading.report, "full", colour=colour(sys.stderr)), end="", file=sys.stderr)
    return None


def colour(stream: TextIO) -> bool:
    """Say whether `stream` is a terminal whose owner has not set NO_COLOR (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def problem(message: str, help_: str | None = None) -> int:
    """Say on standard error what is wrong and what to do next; return exit code 1."""
    print(f"error: {message}", file=sys.stderr)
    if help_ is not None:
        print(f"  = help: {help_}", file=sys.stderr)
    return PROBLEMS


class Wide(argparse.HelpFormatter):
    """Help of the same width everywhere, so that it can be kept as a golden file."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=100)
