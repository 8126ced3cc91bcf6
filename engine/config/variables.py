"""`env:NAME` and `env:NAME:-default` in any scalar that is not a reference to a secret."""

from __future__ import annotations

import operator
import re
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import inspect as mi

from engine.config import scalars, shape
from engine.config.pasted import remember
from engine.config.sections.routes import Range, Route, When
from engine.config.tree import Given
from engine.diagnostics.mask import SHORT, drawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config.tree import Loaded, Path, Tree
    from engine.diagnostics import Report, Span

VARIABLE = re.compile(r"env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has>:-(?P<default>.*))?", re.DOTALL)
SENSITIVE = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
"""Variables whose values are never printed, wherever the file uses them."""

EXACT = 2**53
"""Below it a float holds every whole number."""

TEXT = mi.type_info(str)
TELLING = (Route, When, Range)
"""Where an option that is absent is no default, but says something."""

PLACEHOLDERS = (
    "unset",
    "1s",
    "1MB",
    "http://unset.invalid",
    "127.0.0.1:4000",
    "/unset",
    "9999-12-31",
    f"sha256:{'0' * 64}",
    "1 per 1s",
    "1 USD per day",
)
"""Text that stands in for a variable without a value; the first that fits the pattern of its place."""


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

    Without value or default, an option with a default of its own is left out, and a placeholder stands elsewhere:
    also where leaving the option out would say something else (a condition less, a route without its end).
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
    if isinstance(value, dict):
        value = _tagged(value, kind, path, tree, environ, report, filled)
    kind = shape.select(kind, value)
    if isinstance(value, dict):
        entries = {}
        for key, item in value.items():
            new = _fill(item, shape.below(kind, key), (*path, key), tree, environ, report, filled)
            if new is _ABSENT:
                field = shape.field(kind, key)
                if field and not field.required and not _telling(kind, field):
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
    if not isinstance(value, str) or not value.startswith("env:") or shape.is_secret(kind, value):
        return _whole(value, kind)
    return _value(value, kind, path, tree, environ, report, filled)


def _value(
    written: str,
    kind: mi.Type | None,
    path: Path,
    tree: Tree,
    environ: Mapping[str, str] | None,
    report: Report,
    filled: Filled,
) -> Any:
    """Return what `env:...` stands for."""
    variable = VARIABLE.fullmatch(written)
    if variable is None:
        if drawn(written[4:]):
            remember(written[4:].strip(), tree.value(*path), report)
        help_ = "write `env:NAME` or `env:NAME:-default`; a name is letters, digits and `_`"
        report.error("bad-reference", f"`{written}` names no variable", tree.value(*path), help=help_)
        return _ABSENT
    filled.variables[path] = Given(variable["name"], not (environ or {}).get(variable["name"]))
    text = lookup(variable, environ)
    if text is None:
        filled.unset.append((path, variable["name"]))
        return _ABSENT
    if (SENSITIVE.search(variable["name"]) or drawn(text)) and not filled.variables[path].default:
        report.secrets.add(text)
    return text if _is_text(kind) else _whole(scalars.plain(text), kind)


def _whole(value: Any, kind: mi.Type | None) -> Any:
    """Return 1e5 and 2.0 as whole numbers where one is meant, as JSON Schema and so the editors have it."""
    whole = isinstance(kind, mi.IntType) and isinstance(value, float) and value.is_integer() and abs(value) < EXACT
    return int(value) if whole else value


def _tagged(
    value: dict[str, Any],
    kind: mi.Type | None,
    path: Path,
    tree: Tree,
    environ: Mapping[str, str] | None,
    report: Report,
    filled: Filled,
) -> dict[str, Any]:
    """Return `value` with its `kind` filled in: which type the other options have depends on it.

    Without a value it is the first kind that knows all the options there are.
    """
    structs = [option for option in shape.members(kind) if isinstance(option, mi.StructType)] if kind else []
    tag = structs[0].tag_field if structs else None
    if tag is None or not str(value.get(tag)).startswith("env:"):
        return value
    found = _fill(value[tag], TEXT, (*path, tag), tree, environ, report, filled)
    if found is _ABSENT:
        fits = (option for option in structs if value.keys() - {tag} <= {field.encode_name for field in option.fields})
        found = next(fits, structs[0]).tag
    return {**value, tag: found}


def _telling(kind: mi.Type | None, field: mi.Field) -> bool:
    """Whether an option says something by being absent."""
    return isinstance(kind, mi.StructType) and kind.cls in TELLING and field.default is None


INSIDE = re.compile(r"(?<![\w/])env:[A-Za-z_][A-Za-z0-9_]*|\$\{[A-Za-z_][A-Za-z0-9_]*\}")


def inside(tree: Tree, variables: Mapping[Path, Given], report: Report) -> None:
    """Warn of what looks like a variable within a longer text: it is sent and shown as it stands."""
    said = {found.span for found in report.diagnostics}
    for path, value, kind in shape.walk(tree.data, shape.root()):
        found = INSIDE.search(value) if isinstance(value, str) and not shape.is_secret(kind, value) else None
        span = tree.value(*path)
        if found and path not in variables and span not in said:
            report.warning(
                "variable-inside",
                f"`{found.group()}` is not filled in here: a variable is the whole value",
                span,
                help="write `env:NAME` alone, and set NAME to the whole text",
            )


def hide(loaded: Loaded) -> None:
    """Name the variables, not their values, in what is said about the places that have them."""
    assert loaded.tree is not None
    unset = {path for path, _ in loaded.unset}
    for path, given in loaded.variables.items():
        if path not in unset and not given.default:
            value = reduce(operator.getitem, path, cast("Any", loaded.tree.data))
            conceal(str(value), given.name, loaded.tree.value(*path), loaded.report)


def conceal(value: str, name: str, span: Span | None, report: Report) -> None:
    """Have the findings at `span` say `env:name` for `value` and for its halves around a slash."""
    pieces = [piece for piece in (value, *value.partition("/")[::2]) if piece]
    for index, found in enumerate(report.diagnostics):
        if found.span == span and value:
            message, help_ = found.message, found.help or ""
            for piece in pieces:
                message = message.replace(f"`{piece}`", f"`env:{name}`")
            if len(value) >= SHORT:
                message = message.replace(value, f"env:{name}")
            told = any(piece in help_ for piece in pieces)
            change = f"set {name} to another value" + ("" if told else f": {help_}")
            report.diagnostics[index] = msgspec.structs.replace(found, message=message, help=change)


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
