"""`turnout show`: the file as it takes effect: includes merged, defaults marked, secrets as references."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from engine.cli import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from engine.config.document import Document

DEFAULT = "  # default"

PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:-]*(?<!:)")
"""Strings that may stand in YAML without quotes, unless `ODD` holds."""
ODD = re.compile(r"[-+.0-9]*|0[xo].*|[-+0-9.]+[eE][-+0-9]+|(?i:true|false|null|yes|no|on|off|y|n|nan|inf)")
"""Strings that YAML readers take for something else: numbers, dates, booleans."""


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "show", "Show the file as it takes effect.")
    parser.add_argument("--format", choices=("yaml", "json"), default="yaml", help="default: yaml")


def run(args: argparse.Namespace) -> int:
    reading = console.read_plan(args)
    if reading is None or reading.plan is None or reading.tree is None:
        return console.PROBLEMS
    document, written = reading.plan.document, reading.tree.data
    if args.format == "json":
        shown = {"document": _builtins(document), "defaults": list(_defaults(document, written, ""))}
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        print("\n".join(lines(document, written)))
    return console.OK


def lines(document: Document, written: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the effective YAML. `written` is what the file itself says, as plain values."""
    for number, (name, value, said) in enumerate(_fields(document, written)):
        if number:
            yield ""
        yield from _entry(name, value, said, written.get(name), "")


def _entry(name: str, value: Any, said: bool, written: Any, indent: str) -> Iterator[str]:
    """Yield `name: value`: in one line what is scalar, empty or wholly default; in a block what is not."""
    head = f"{indent}{scalar(name)}:"
    if not said or not _is_block(value):
        yield f"{head} {flow(value)}{'' if said else DEFAULT}"
        return
    yield head
    yield from _block(value, written, indent + "  ")


def _block(value: Any, written: Any, indent: str) -> Iterator[str]:
    if isinstance(value, list):
        for item, said in zip(value, written, strict=True):
            first, *rest = _block(item, said, indent + "  ")
            yield f"{indent}- {first.strip()}"
            yield from rest
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _entry(name, item, True, written.get(name), indent)
    else:
        for name, item, said in _fields(value, written or {}):
            yield from _entry(name, item, said, (written or {}).get(name), indent)


def _fields(struct: Any, written: dict[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """Yield (name in the file, value, whether the file says it), without what is unset."""
    tag_field, tag = struct.__struct_config__.tag_field, struct.__struct_config__.tag
    if tag_field is not None:
        yield tag_field, tag, True
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if value is not None:
            yield field.encode_name, value, field.encode_name in written


def _defaults(value: Any, written: Any, path: str) -> Iterator[str]:
    """Yield the JSON pointers of everything that the file does not say."""
    if isinstance(value, msgspec.Struct):
        for name, item, said in _fields(value, written):
            here = f"{path}/{_pointer(name)}"
            if said:
                yield from _defaults(item, written.get(name), here)
            else:
                yield here
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _defaults(item, written[name], f"{path}/{_pointer(name)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _defaults(item, written[index], f"{path}/{index}")


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _is_block(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, msgspec.Struct) for item in value)
    return isinstance(value, (dict, msgspec.Struct)) and bool(_builtins(value))


def _builtins(value: Any) -> Any:
    """Return `value` as plain data, without what is unset."""
    if isinstance(value, msgspec.Struct):
        return {name: _builtins(item) for name, item, _ in _fields(value, {})}
    if isinstance(value, dict):
        return {name: _builtins(item) for name, item in value.items()}
    return [_builtins(item) for item in value] if isinstance(value, list) else value


def flow(value: Any) -> str:
    """Return `value` in one line of YAML."""
    plain = _builtins(value)
    if isinstance(plain, dict):
        return "{" + ", ".join(f"{scalar(name)}: {flow(item)}" for name, item in plain.items()) + "}"
    if isinstance(plain, list):
        return "[" + ", ".join(flow(item) for item in plain) + "]"
    return scalar(plain)


def scalar(value: str | float | bool | None) -> str:  # noqa: FBT001
    """Return a scalar as every YAML reader, 1.1 or 1.2, reads it back."""
    if isinstance(value, str) and PLAIN.fullmatch(value) and not ODD.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)
