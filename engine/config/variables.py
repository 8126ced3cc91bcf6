"""`env:NAME` and `env:NAME:-default` in any scalar that is not a reference to a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import inspect as mi

from engine.config import scalars, shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config.tree import Path, Tree
    from engine.diagnostics import Report

VARIABLE = re.compile(r"env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has>:-(?P<default>.*))?", re.DOTALL)
SENSITIVE = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
"""Variables whose values are never printed, wherever the file uses them."""

PLACEHOLDERS = ("unset", "1s", "1MB", "http://unset.invalid", "127.0.0.1:4000", "/unset", "9999-12-31")
"""Text that stands in for a variable without a value; the first that fits the pattern of its place."""


class Given(NamedTuple):
    """A variable, and whether it is only its default that it has."""

    name: str
    default: bool

    @property
    def value(self) -> str:
        return f"the default of `env:{self.name}`" if self.default else f"the value of `env:{self.name}`"

    @property
    def change(self) -> str:
        return f"give {self.name} another default" if self.default else f"set {self.name} to another value"


class Filled(msgspec.Struct, kw_only=True):
    """The values with variables filled in."""

    data: dict[str, Any]
    variables: dict[Path, Given] = {}
    """Path -> the variable its value came from."""
    unset: list[tuple[Path, str]] = []


def lookup(variable: re.Match[str], environ: Mapping[str, str] | None) -> str | None:
    """Return the text of a variable; unset and empty give its default, or None without one."""
    return (environ or {}).get(variable["name"]) or variable["default"]


def fill(tree: Tree, environ: Mapping[str, str] | None, report: Report) -> Filled:
    """Return the data of `tree` with every variable replaced; values are typed by the rules of plain scalars.

    Without value or default, an option with a default of its own is left out, and a placeholder stands elsewhere.
    """
    filled = Filled(data={})
    filled.data = _fill(tree.data, shape.root(), (), tree, environ, report, filled)
    return filled


_ABSENT = object()


def _fill(
    value: Any,
    kind: mi.Type | None,
    path: Path,
    tree: Tree,
    environ: Mapping[str, str] | None,
    report: Report,
    filled: Filled,
) -> Any:
    kind = shape.select(kind, value)
    if isinstance(value, dict):
        entries = {}
        for key, item in value.items():
            new = _fill(item, shape.below(kind, key), (*path, key), tree, environ, report, filled)
            if new is _ABSENT:
                field = shape.field(kind, key)
                if field and not field.required:
                    continue
                new = placeholder(shape.below(kind, key))
            entries[key] = new
        return entries
    if isinstance(value, list):
        items = []
        for index, item in enumerate(value):
            new = _fill(item, shape.below(kind, index), (*path, index), tree, environ, report, filled)
            items.append(placeholder(shape.below(kind, index)) if new is _ABSENT else new)
        return items
    if not isinstance(value, str) or not value.startswith("env:") or shape.is_secret(kind):
        return value
    variable = VARIABLE.fullmatch(value)
    if variable is None:
        help_ = "write `env:NAME` or `env:NAME:-default`; a name is letters, digits and `_`"
        report.error("bad-reference", f"`{value}` names no variable", tree.value(*path), help=help_)
        return _ABSENT
    filled.variables[path] = Given(variable["name"], not (environ or {}).get(variable["name"]))
    text = lookup(variable, environ)
    if text is None:
        filled.unset.append((path, variable["name"]))
        return _ABSENT
    if SENSITIVE.search(variable["name"]) and (environ or {}).get(variable["name"]):
        report.secrets.add(text)
    return text if _is_text(kind) else scalars.plain(text)


def _is_text(kind: mi.Type | None) -> bool:
    return isinstance(kind, mi.StrType) or (
        isinstance(kind, mi.LiteralType) and all(isinstance(word, str) for word in kind.values)
    )


def placeholder(kind: mi.Type | None) -> Any:
    """Return a value that fits `kind`."""
    options = shape.members(kind) if kind else ()
    for option in options:
        if isinstance(option, mi.LiteralType):
            return option.values[0]
        if isinstance(option, mi.BoolType):
            return False
        if isinstance(option, mi.IntType):
            return option.ge or 0
        if isinstance(option, mi.StrType):
            return next((text for text in PLACEHOLDERS if re.search(option.pattern or "", text)), PLACEHOLDERS[0])
    return PLACEHOLDERS[0]
