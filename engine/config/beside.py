"""The files that steps name (`prompt`, `output`): read with the file, so that an edit of one is an edit of it."""

from __future__ import annotations

import os
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from engine.config.sections.steps import Output, Prompt
from engine.diagnostics import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.config.document import Document
    from engine.config.tree import Loaded

Path: TypeAlias = "tuple[str | int, ...]"
Declared: TypeAlias = Prompt | Output


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A step, and the file it names as it reads. `file` is its path as diagnostics show it; "": it names none."""

    declared: Declared
    name: str
    """How the file names it."""
    file: str
    text: str
    span: Span | None


def beside(loaded: Loaded) -> dict[Path, Named]:
    """Return path of the step (`("models", "smart", "prompt")`) -> what it names. What is wrong is in the report."""
    assert loaded.document is not None
    assert loaded.tree is not None
    found: dict[Path, Named] = {}
    for path, declared in _steps(loaded.document):
        written = declared.template if isinstance(declared, Prompt) else declared.schema
        field = "template" if isinstance(declared, Prompt) else "schema"
        span = loaded.tree.values.get((*path, field)) or loaded.tree.value(*path)
        if not isinstance(written, str):
            found[path] = Named(declared=declared, name="schema", file="", text="", span=span)
        elif (read := _read(loaded, written, span)) is not None:
            found[path] = Named(declared=declared, name=written, file=read[0], text=read[1], span=span)
    return found


def _read(loaded: Loaded, written: str, span: Span | None) -> tuple[str, str] | None:
    named = os.path.expanduser(written)  # noqa: PTH111 - it never raises
    file = FilePath(span.file if span else ".").parent / named
    try:
        text = loaded.files.read(file).decode()
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        loaded.report.error(
            "unreadable-file",
            f"{written} cannot be read: {reason}",
            span,
            help="create it, or correct the path: it is relative to the file that names it",
        )
        return None
    except UnicodeDecodeError:
        loaded.report.error("unreadable-file", f"{written} is not UTF-8", span, help="save it as UTF-8")
        return None
    loaded.report.sources[str(file)] = text
    return str(file), text


def _steps(document: Document) -> Iterator[tuple[Path, Declared]]:
    """Yield every step that a file has something to do with, the short form written out."""
    places: list[tuple[Path, Any]] = [(("defaults", "model"), document.defaults.model)]
    places += [(("models", name), model) for name, model in document.models.items()]
    places += [(("routes", index), route) for index, route in enumerate(document.routes)]
    for path, place in places:
        if isinstance(place, str):
            continue  # an entry in short form
        if place.prompt is not None:
            yield (*path, "prompt"), Prompt(template=place.prompt) if isinstance(place.prompt, str) else place.prompt
        if place.output is not None:
            yield (*path, "output"), Output(schema=place.output) if isinstance(place.output, str) else place.output
