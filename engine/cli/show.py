"""`turnout show`: the file as it takes effect: includes merged, defaults marked, secrets as references."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from engine.cli import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from engine.plan.read import Reading

PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:*-]*(?<!:)")
"""Strings that may stand in YAML without quotes, unless they are `ODD`."""
ODD = re.compile(
    r"""
    true | false | null | yes | no | on | off | y | n | nan | inf
    | [-+0-9_]* \.? [0-9_]* (?: e[-+0-9]+ )?  # 1_000, 1.5, 1e3
    | 0[xo] .*
    | [0-9_]+ (?: :[0-9]{1,2} )+ [.0-9_]*     # base 60
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2} .*
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Strings that YAML readers, 1.1 or 1.2, take for something else: numbers, times, dates, booleans."""
REFERENCE = re.compile(r"""["']?(env:([A-Za-z_]\w*)(:-.*?)?)["']?""")
"""A scalar that stands for a variable, as the file has it."""


class Shown(NamedTuple):
    """A value as it is shown. `said`: the file says it, it is not a default. `note` is a comment for YAML."""

    value: str | float | bool | dict[str, Shown] | list[Shown] | None
    said: bool = True
    note: str = ""


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "show", "Show the file as it takes effect.", bare=True)
    parser.add_argument("--format", choices=("yaml", "json"), default="yaml", help="default: yaml")


def run(args: argparse.Namespace) -> int:
    from engine.diagnostics.mask import mask

    read = console.read_plan(args)
    if read is None:
        return console.PROBLEMS
    reading, plan = read
    shown = effective(plan.document, reading, ())
    if args.format == "json":
        whole = {"document": plain(shown), "defaults": list(defaults(shown, ""))}
        text = json.dumps(whole, indent=2, ensure_ascii=False)
    else:
        text = "\n".join(lines(shown))
    print(mask(text, reading.report.secrets))
    return console.OK


def effective(value: Any, reading: Reading, path: tuple[str | int, ...]) -> Shown:
    """Return what is shown for `value`, which stands at `path` of the document; what is unset is left out."""
    if isinstance(value, msgspec.Struct):
        return Shown(
            {name: effective(item, reading, (*path, name)) for name, item in _fields(value)}, _said(reading, path)
        )
    if isinstance(value, dict):
        return Shown(
            {name: effective(item, reading, (*path, name)) for name, item in value.items()}, _said(reading, path)
        )
    if isinstance(value, list):
        return Shown([effective(item, reading, (*path, i)) for i, item in enumerate(value)], _said(reading, path))
    written = REFERENCE.fullmatch(_source(reading, path))
    if written is None or value == written[1]:
        return Shown(value, _said(reading, path))
    return Shown(written[1], note=_now(value, written[2], written[3], path))


def _fields(struct: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    """Yield (name in the file, value) of what is set; `kind` first."""
    config = struct.__struct_config__
    if config.tag_field is not None:
        yield config.tag_field, config.tag
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if value is not None:
            yield field.encode_name, value


def _said(reading: Reading, path: tuple[str | int, ...]) -> bool:
    return reading.tree is not None and path in reading.tree.values


def _source(reading: Reading, path: tuple[str | int, ...]) -> str:
    """Return the text of a value as the file has it."""
    from engine.diagnostics import BREAK

    span = reading.tree.values.get(path) if reading.tree is not None else None
    if span is None:
        return ""
    return BREAK.split(reading.report.sources[span.file])[span.line - 1][span.column - 1 : span.end - 1]


def _now(value: Any, name: str, default: str | None, path: tuple[str | int, ...]) -> str:
    """Say what a variable is now, unless it may be a secret."""
    from engine.config.variables import SENSITIVE

    if not os.environ.get(name) and default is None:
        return f"{name} is not set"
    if "headers" in path or SENSITIVE.search(name):
        return ""
    return f"now {scalar(value)}"


def lines(shown: Shown) -> Iterator[str]:
    """Yield the document as YAML."""
    assert isinstance(shown.value, dict)
    for number, (name, item) in enumerate(shown.value.items()):
        if number:
            yield ""
        yield from _entry(name, item, "")


def _entry(name: str, shown: Shown, indent: str) -> Iterator[str]:
    """Yield `name: value`: in one line what is scalar, empty or wholly default; in a block what is not."""
    note = shown.note if shown.said else "default"
    if shown.said and _is_block(shown):
        yield f"{indent}{scalar(name)}:"
        yield from _block(shown, indent + "  ")
    else:
        yield f"{indent}{scalar(name)}: {flow(shown)}" + (f"  # {note}" if note else "")


def _block(shown: Shown, indent: str) -> Iterator[str]:
    if isinstance(shown.value, list):
        for item in shown.value:
            first, *rest = _block(item, indent + "  ") if _is_block(item) else [flow(item)]
            yield f"{indent}- {first.strip()}"
            yield from rest
    elif isinstance(shown.value, dict):
        for name, item in shown.value.items():
            yield from _entry(name, item, indent)


def _is_block(shown: Shown) -> bool:
    if isinstance(shown.value, list):
        return any(_is_block(item) for item in shown.value)
    return isinstance(shown.value, dict) and bool(shown.value)


def flow(shown: Shown) -> str:
    """Return a value in one line of YAML."""
    if isinstance(shown.value, dict):
        return "{" + ", ".join(f"{scalar(name)}: {flow(item)}" for name, item in shown.value.items()) + "}"
    if isinstance(shown.value, list):
        return "[" + ", ".join(flow(item) for item in shown.value) + "]"
    return scalar(shown.value)


def scalar(value: str | float | bool | None) -> str:
    """Return a scalar such that every YAML reader reads it back as it is."""
    if isinstance(value, str) and PLAIN.fullmatch(value) and not ODD.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def plain(shown: Shown) -> Any:
    """Return a value as plain data."""
    if isinstance(shown.value, dict):
        return {name: plain(item) for name, item in shown.value.items()}
    return [plain(item) for item in shown.value] if isinstance(shown.value, list) else shown.value


def defaults(shown: Shown, pointer: str) -> Iterator[str]:
    """Yield the JSON pointers of the values that the file does not say."""
    if not shown.said:
        yield pointer
    elif isinstance(shown.value, dict):
        for name, item in shown.value.items():
            yield from defaults(item, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(shown.value, list):
        for index, item in enumerate(shown.value):
            yield from defaults(item, f"{pointer}/{index}")
