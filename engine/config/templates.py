"""The templates that `prompt` names: read with the file, so that an edit of one is an edit of it."""

from __future__ import annotations

import os
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from engine.config.sections.steps import Prompt
from engine.diagnostics import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.config.document import Document
    from engine.config.tree import Loaded

Path: TypeAlias = "tuple[str | int, ...]"


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """One template, as it is declared and as it reads. `file` is its path as diagnostics show it."""

    declared: Prompt
    file: str
    text: str
    span: Span | None


def templates(loaded: Loaded) -> dict[Path, Template]:
    """Return path of what declares it -> template. What cannot be read is in the report."""
    assert loaded.document is not None
    assert loaded.tree is not None
    found: dict[Path, Template] = {}
    for path, written in _declared(loaded.document):
        declared = Prompt(template=written) if isinstance(written, str) else written
        at = (*path, "prompt") if isinstance(written, str) else (*path, "prompt", "template")
        span = loaded.tree.value(*at) or loaded.tree.value(*path, "prompt")
        named = os.path.expanduser(declared.template)  # noqa: PTH111 - it never raises
        file = FilePath(span.file if span else ".").parent / named
        try:
            text = loaded.files.read(file).decode()
            loaded.report.sources[str(file)] = text
        except OSError as error:
            reason = (error.strerror or "it cannot be read").lower()
            loaded.report.error(
                "unreadable-file",
                f"the template {declared.template} cannot be read: {reason}",
                span,
                help="create it, or correct the path: it is relative to the file that names it",
            )
        except UnicodeDecodeError:
            told = f"the template {declared.template} is not UTF-8"
            loaded.report.error("bad-template", told, span, help="save it as UTF-8")
        else:
            found[path] = Template(declared=declared, file=str(file), text=text, span=span)
    return found


def _declared(document: Document) -> Iterator[tuple[Path, str | Prompt]]:
    if document.defaults.model.prompt is not None:
        yield ("defaults", "model"), document.defaults.model.prompt
    for name, model in document.models.items():
        if not isinstance(model, str) and model.prompt is not None:
            yield ("models", name), model.prompt
    for index, route in enumerate(document.routes):
        if route.prompt is not None:
            yield ("routes", index), route.prompt
