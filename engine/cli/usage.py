"""`turnout usage`: who has used how much of what, from the journal, also while the server writes it."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from typing import TYPE_CHECKING

from engine.cli import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from engine.observe.journal.usage import Sum

BY = ("key", "model", "day", "target", "client")
DAY = 86400
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What begins a formula where a spreadsheet opens a CSV: clients choose what models they name."""


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "usage", "Sum up the journal: requests, tokens, cost.", bare=True)
    parser.add_argument("--by", metavar="WORDS", default="key,model", help=f"of {', '.join(BY)} (default: key,model)")
    parser.add_argument("--since", metavar="WHEN", help="a UTC day such as 2026-10-01, or 7d, 12h: so long ago")
    parser.add_argument("--until", metavar="WHEN", help="likewise; a day is counted to its end")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help="default: table")


def run(args: argparse.Namespace) -> int:
    by = [word.strip() for word in args.by.split(",")]
    strange = [word for word in by if word not in BY]
    if strange or len(set(by)) != len(by):
        told = f"--by cannot be `{strange[0]}`" if strange else "--by names a word twice"
        console.problem(told, f"name some of {','.join(BY)}, each once")
        return console.USAGE
    times = []
    for option, ends in (("since", False), ("until", True)):
        try:
            times.append(moment(getattr(args, option), time.time(), ends=ends))
        except ValueError:
            console.problem(
                f"--{option} cannot be `{getattr(args, option)}`", "write a day such as 2026-10-01, or 7d, 12h, 30m"
            )
            return console.USAGE
    read = console.read_plan(args)
    if read is None:
        return console.PROBLEMS
    journal = read[1].journal
    if journal is None:
        return console.problem(
            f"{console.file(args)} has no journal, so nothing was written down",
            "add `observe: {journal: {path: turnout.db}}`; from then on every request is a row",
        )
    from engine.observe.journal.file import unfit
    from engine.observe.journal.usage import FIGURES, Unreadable, usage

    try:
        sums = usage(journal.path, by, *times)
    except Unreadable as error:
        wrong = unfit(journal.path)
        if wrong is not None:
            return console.problem(wrong.message, wrong.help)
        return console.problem(str(error), "`turnout serve` writes it, from the first request on")
    SHAPES[args.format]([*by, *FIGURES], sums)
    return console.OK


def moment(text: str | None, now: float, *, ends: bool) -> float | None:
    """Return `text` in seconds since 1970: a day (its end if `ends`), or so long before `now`. Raises `ValueError`."""
    import datetime

    from engine.units import DURATION, seconds

    if text is None:
        return None
    if re.match(DURATION, text):
        return now - seconds(text)
    day = datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=datetime.UTC)
    return day.timestamp() + (DAY if ends else 0)


def table(names: Sequence[str], sums: list[Sum]) -> None:
    """Print aligned columns, with the total of all lines at the end."""
    from engine.observe.log import CONTROLS

    words = len(names) - (len(sums[0].figures) if sums else 0)
    if not sums:
        print("no request in this time")
        return
    lines = [[*names[:-1], "usd"]]
    lines += [[*(word.translate(CONTROLS) for word in one.of), *_shown(one.figures)] for one in sums]
    total = tuple(map(sum, zip(*(one.figures for one in sums), strict=True)))
    lines.append(["total", *[""] * (words - 1), *_shown(total)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for line in lines:
        cells = [
            cell.ljust(width) if column < words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _shown(figures: Sequence[int]) -> list[str]:
    return [*map(str, figures[:-1]), f"{figures[-1] / 1e6:.4f}"]


def as_csv(names: Sequence[str], sums: list[Sum]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*names[:-1], "cost_usd"])
    for one in sums:
        words = (f"'{word}" if word.startswith(FORMULA) and word != "-" else word for word in one.of)
        writer.writerow([*words, *one.figures[:-1], f"{one.figures[-1] / 1e6:.6f}"])


def as_json(names: Sequence[str], sums: list[Sum]) -> None:
    fields = [*names[:-1], "cost_usd"]
    lines = [dict(zip(fields, [*one.of, *one.figures[:-1], one.figures[-1] / 1e6], strict=True)) for one in sums]
    print(json.dumps(lines, indent=2))


SHAPES = {"table": table, "csv": as_csv, "json": as_json}
