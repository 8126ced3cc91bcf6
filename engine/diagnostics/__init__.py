"""Findings about the file, with their place and a next step; and how they are printed.

A `Diagnostic` is a value. Finding and rendering are separate: `diagnostics.render` is the only place that prints a
line of the user's file, and it masks every secret found in it.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import msgspec

BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
"""What YAML takes for the end of a line."""

Severity = Literal["error", "warning"]


class Span(msgspec.Struct, frozen=True):
    """A stretch of one line. Lines and columns count from 1, columns in code points; `end` is exclusive."""

    file: str
    line: int
    column: int
    end: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Label(msgspec.Struct, frozen=True):
    """A second place that belongs to a finding."""

    span: Span
    text: str


class Flaw(NamedTuple):
    """Why one value cannot work, whoever asks. `message` goes on after the value's place; it never quotes the value."""

    message: str
    help: str

    def __str__(self) -> str:
        return f"{self.message}: {self.help}"


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `message` is one sentence without a period; `help` says what to do next."""

    code: str
    message: str
    span: Span | None = None
    help: str | None = None
    severity: Severity = "error"
    labels: tuple[Label, ...] = ()


class Report:
    """Every finding of a load, in the order found, with the texts they point into."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.sources: dict[str, str] = {}
        """File name as displayed -> its text."""
        self.secrets: set[str] = set()
        """Literal secrets met in the file: masked wherever anything is printed."""

    def error(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        help: str | None = None,  # noqa: A002 - the word of the record
        labels: tuple[Label, ...] = (),
    ) -> None:
        self.diagnostics.append(Diagnostic(code=code, message=message, span=span, help=help, labels=labels))

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        help: str | None = None,  # noqa: A002 - the word of the record
        labels: tuple[Label, ...] = (),
    ) -> None:
        self.diagnostics.append(
            Diagnostic(code=code, message=message, span=span, help=help, labels=labels, severity="warning")
        )

    def source(self, span: Span | None) -> str:
        """Return the text at `span`, "" where it is not known."""
        lines = BREAK.split(self.sources.get(span.file, "")) if span else []
        return lines[span.line - 1][span.column - 1 : span.end - 1] if span and span.line <= len(lines) else ""

    def sort(self) -> None:
        """Put the findings in the order of their places: files as they were read, then lines."""
        order = {name: index for index, name in enumerate(self.sources)}
        self.diagnostics.sort(
            key=lambda found: (
                (order.get(found.span.file, 0), found.span.line, found.span.column) if found.span else (0, 0, 0)
            )
        )

    @property
    def errors(self) -> list[Diagnostic]:
        return [found for found in self.diagnostics if found.severity == "error"]

    @property
    def ok(self) -> bool:
        return not self.errors
