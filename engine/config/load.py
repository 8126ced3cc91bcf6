"""files -> text -> tree + spans -> Document: the syntax and schema layers, includes and variables.

Nothing here raises for what a user wrote: every mistake is in the report, and `Loaded.document` is None.
"""

from __future__ import annotations

import errno
from functools import partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import msgspec

from engine.config import pasted
from engine.config.document import Document
from engine.config.flaws import flaws
from engine.config.include import included, unite
from engine.config.parse import not_utf8, parse
from engine.config.schema import validate
from engine.config.tree import LARGEST, Files, Loaded, Tree
from engine.config.variables import fill, inside
from engine.diagnostics import Report, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config.parse import Sheet


def load(main: str, environ: Mapping[str, str] | None, *, text: str | None = None) -> Loaded:
    """Read `main` and what it includes; `text` replaces its content (stdin).

    With `environ` None no variable has a value: defaults (`env:NAME:-default`) and placeholders stand in.
    """
    report, files = Report(), Files()
    sheet = read_sheet(main, files=files, report=report, text=text)
    if sheet is None:
        return Loaded(report=report, files=files)
    read = partial(read_sheet, files=files, report=report)
    sheets = [sheet, *included(main, sheet, environ, files, report, read)]
    data, keys, values = unite(sheets, report)
    tree = Tree(data=data, keys=keys, values=values)
    if not report.ok:
        return Loaded(report=report, files=files)
    filled = fill(tree, environ, report)
    tree = Tree(data=filled.data, keys=keys, values=values)
    validate(tree, report, variables=filled.variables)
    said = {found.span for found in report.errors}
    skip = {path for path, _ in filled.unset}
    report.diagnostics += (flaw for flaw in flaws(tree, filled.variables, skip) if flaw.span not in said)
    inside(tree, filled.variables, report)
    pasted.anywhere(report)
    report.sort()
    loaded = Loaded(report=report, files=files, tree=tree, variables=filled.variables, unset=filled.unset)
    if report.ok:
        try:
            loaded.document = msgspec.convert(tree.data, Document)
        except msgspec.ValidationError as error:  # what the schema accepts decodes; if ever not, say so
            report.error("invalid", f"the file does not decode: {error}", tree.value())
    return loaded


def read_sheet(
    name: str, place: Span | None = None, *, files: Files, report: Report, text: str | None = None
) -> Sheet | None:
    """Return the content of the file `name`, or None with the reason in `report`. `place` is what asked for it."""
    if text is None:
        try:
            content = files.read(FilePath(name))
        except FileNotFoundError:
            next_step = "correct the path" if place else "name another file with `--config FILE`, or create this one"
            report.error("no-file", f"there is no file `{name}`", place, help=next_step)
            return None
        except IsADirectoryError:
            help_ = "name a file, or several by a glob: `conf.d/*.yaml`"
            report.error("unreadable", f"`{name}` is a folder", place, help=help_)
            return None
        except OSError as error:
            reason = (error.strerror or "it cannot be read").lower()
            permissions = None if error.errno == errno.EINVAL else "check its permissions"
            report.error("unreadable", f"cannot read `{name}`: {reason}", place, help=permissions)
            return None
        try:
            text = content.decode("utf-8-sig", "strict" if len(content) < LARGEST else "ignore")
        except UnicodeDecodeError as error:
            report.sources[name] = content.decode("utf-8", "replace")
            not_utf8(name, report.sources[name], len(content[: error.start].decode("utf-8-sig")), report)
            return None
    report.sources[name] = text
    pasted.guess(text, report)
    return parse(name, text, report, included=place is not None)
