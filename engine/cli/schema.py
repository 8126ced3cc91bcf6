"""`turnout schema`: the JSON Schema of proxy.yaml, for editors and for review."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine import resources
from engine.cli import console

if TYPE_CHECKING:
    import argparse

FILE = "schema/proxy.schema.json"


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "schema", "Print, write or check the JSON Schema of proxy.yaml.", config=False)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--write", nargs="?", const=FILE, metavar="PATH", help=f"write it (default: {FILE})")
    mode.add_argument(
        "--check", nargs="?", const="", metavar="PATH", help="exit 1, with the difference, if PATH is not this schema"
    )


def run(args: argparse.Namespace) -> int:
    from engine.config.schema import text

    if args.write is not None:
        return _write(Path(args.write), text())
    if args.check is not None:
        return _check(Path(args.check) if args.check else _kept(), text())
    sys.stdout.write(text())
    return console.OK


def _write(path: Path, fresh: str) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fresh, encoding="utf-8")
    except OSError as error:
        return console.problem(f"cannot write {path}: {str(error.strerror).lower()}", "name another file")
    print(f"{path}: written")
    return console.OK


def _check(path: Path, fresh: str) -> int:
    command = f"turnout schema --write {path}"
    try:
        kept = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return console.problem(f"{path} does not exist", f"run `{command}`")
    except UnicodeDecodeError:
        return console.problem(f"{path} is no JSON Schema: it is not text", "name the file that holds the schema")
    except OSError as error:
        return console.problem(
            f"cannot read {path}: {str(error.strerror).lower()}", "name the file that holds the schema"
        )
    if kept == fresh:
        print(f"{path}: fresh")
        return console.OK
    sys.stdout.writelines(
        difflib.unified_diff(kept.splitlines(True), fresh.splitlines(True), str(path), "as the code says")
    )
    return console.problem(f"{path} is stale", f"run `{command}`")


def _kept() -> Path:
    here = Path(FILE)
    return here if here.is_file() else resources.path(FILE)
