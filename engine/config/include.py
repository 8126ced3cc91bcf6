"""`include`: which further files belong to the main one, and how they become one tree (rules C1, C2)."""

from __future__ import annotations

import glob
import os
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import msgspec

from engine.config import hints
from engine.config.document import INCLUDABLE, Document
from engine.config.variables import VARIABLE, conceal, lookup
from engine.diagnostics import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.config.parse import Sheet
    from engine.config.tree import Files, Path
    from engine.diagnostics import Report, Span

    Read = Callable[[str, Span | None], Sheet | None]


def included(
    main: str, sheet: Sheet, environ: Mapping[str, str] | None, files: Files, report: Report, read: Read
) -> list[Sheet]:
    """Return the included files in order: entries as written, a glob's files by path, none twice."""
    patterns = sheet.data.get("include")
    if not isinstance(patterns, list):
        return []
    sheets = []
    seen = {_real(FilePath(main))}
    for index, written in enumerate(patterns):
        place = sheet.values[("include", index)]
        pattern = _pattern(written, environ)
        if pattern is None:
            continue
        for path in _matches(FilePath(main).parent, pattern, files):
            resolved = _real(path)
            if resolved == _real(FilePath(main)) and not glob.has_magic(pattern):
                report.error("include-itself", "the file includes itself", place, help="remove this line")
            if resolved in seen:
                continue
            seen.add(resolved)
            found = read(str(path), place)
            if found is not None and _allowed(found, report):
                sheets.append(found)
        if pattern != written and (variable := VARIABLE.fullmatch(written)):
            conceal(pattern, variable["name"], place, report)
    return sheets


def _real(path: FilePath) -> str:
    """Return one name for all that lead to the same file; what is no path at all stays as it is."""
    try:
        return os.path.realpath(path)  # unlike Path.resolve it takes loops as they are
    except ValueError:
        return str(path)


def _pattern(written: Any, environ: Mapping[str, str] | None) -> str | None:
    """Return one entry of `include` with its variable filled in; the schema layer tells what is wrong with others."""
    if not isinstance(written, str):
        return None
    variable = VARIABLE.fullmatch(written)
    return lookup(variable, environ) if variable else written


def _matches(folder: FilePath, pattern: str, files: Files) -> Iterator[FilePath]:
    """Yield the files of a glob sorted by path, or a plain path whether it exists or not."""
    if not glob.has_magic(pattern):
        yield folder / pattern
        return
    parts = FilePath(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    files.watch((folder / FilePath(*parts[:fixed])).absolute())
    paths = sorted(folder / found for found in glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207 - leaves hidden files out
    for path in paths:
        files.watch(path.parent.absolute())
        if not path.is_dir():
            yield path


def _allowed(sheet: Sheet, report: Report) -> bool:
    """Report the sections that only the main file may hold, and routes whose order is not plain to see."""
    fine = True
    sections = {field.encode_name for field in msgspec.structs.fields(Document)}
    for name in sheet.data:
        if name not in sections:
            fine = False
            help_ = hints.option(name, list(INCLUDABLE), list(INCLUDABLE), ())
            report.error("unknown-key", f"unknown section `{name}`", sheet.keys[(name,)], help=help_)
        elif name not in INCLUDABLE:
            fine = False
            known = ", ".join(f"`{section}`" for section in INCLUDABLE)
            report.error(
                "not-includable",
                f"`{name}` cannot stand in an included file",
                sheet.keys[(name,)],
                help=f"move it to the main file; included files hold {known}",
            )
    routes = sheet.data.get("routes")
    loose = [
        index
        for index, route in enumerate(routes if isinstance(routes, list) else [])
        if not (isinstance(route, dict) and isinstance(route.get("when"), dict) and "base" in route["when"])
    ]
    if loose:
        report.warning(
            "route-order",
            "this included route may stand before or after others, and order decides",
            sheet.values[("routes", loose[0])],
            help="give every included route `when: {base: ...}`, or move it to the main file",
        )
    return fine


def unite(sheets: list[Sheet], report: Report) -> tuple[dict[str, Any], dict[Path, Span], dict[Path, Span]]:
    """Return (data, key spans, value spans) of all files: maps unite, lists append, the same key twice is an error."""
    data: dict[str, Any] = {}
    keys: dict[Path, Span] = {}
    values: dict[Path, Span] = {}
    for sheet in sheets:
        shift = {name: len(data[name]) for name, value in sheet.data.items() if _both(data, name, value, list)}
        for name, value in sheet.data.items():
            if name not in data:
                data[name] = value
            elif name in shift:
                data[name] = [*data[name], *value]
            elif _both(data, name, value, dict):
                for twice in value.keys() & data[name].keys():
                    report.error(
                        "duplicate-key",
                        f"`{twice}` is in `{name}` of two files",
                        sheet.keys[(name, twice)],
                        help="rename or remove one of them",
                        labels=(Label(keys[(name, twice)], "first here"),),
                    )
                data[name] = {**data[name], **value}
            else:
                report.error(
                    "include-shape",
                    f"`{name}` is of another kind here than in the file before",
                    sheet.values[(name,)],
                    help="write it as a mapping or as a list in every file",
                    labels=(Label(values[(name,)], "first here"),),
                )
        for spans, own in ((keys, sheet.keys), (values, sheet.values)):
            for path, span in own.items():
                spans.setdefault(_moved(path, shift), span)
    return data, keys, values


def _both(data: dict[str, Any], name: str, value: Any, kind: type) -> bool:
    return name in data and isinstance(data[name], kind) and isinstance(value, kind)


def _moved(path: Path, shift: dict[str, int]) -> Path:
    """Return `path` as it is once its list stands behind those of earlier files."""
    if len(path) > 1 and path[0] in shift and isinstance(path[1], int):
        return (path[0], path[1] + shift[str(path[0])], *path[2:])
    return path
