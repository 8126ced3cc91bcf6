"""Prints a `Report`: full (with the line and a caret), concise (a line each), json. Nothing leaves here unmasked."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any, Literal

from engine.diagnostics import BREAK
from engine.diagnostics.mask import mask

if TYPE_CHECKING:
    from engine.diagnostics import Diagnostic, Report, Span

Form = Literal["full", "concise", "json"]

WIDTH = 100
"""Longer lines are cut around the caret; terminal cells."""
TAB = "    "

STYLES = {"error": "1;31", "warning": "1;33", "gutter": "1;34", "help": "1;36", "bold": "1"}


def render(report: Report, form: Form, *, colour: bool = False) -> str:
    """Return the findings of `report` as text that ends in a newline; nothing found is "" (but for json)."""
    if form == "json":
        return _json(report)
    if not report.diagnostics:
        return ""
    if form == "concise":
        return "".join(f"{_concise(found, report)}\n" for found in report.diagnostics)
    paint = _paint if colour else _plain
    blocks = [_full(found, report, paint) for found in report.diagnostics]
    return "\n\n".join(blocks) + f"\n\n{summary(report)}\n"


def summary(report: Report) -> str:
    """Return the counts in words: `2 errors, 1 warning`."""
    errors = len(report.errors)
    counts = ((errors, "error"), (len(report.diagnostics) - errors, "warning"))
    return ", ".join(f"{count} {noun}{'s' * (count != 1)}" for count, noun in counts if count) or "no errors"


def _concise(found: Diagnostic, report: Report) -> str:
    place = f"{found.span}: " if found.span else ""
    line = f"{place}{found.severity}[{found.code}] {found.message}"
    return _one_line(f"{line}; {found.help}" if found.help else line, report)


def _json(report: Report) -> str:
    def text(value: str | None) -> str | None:
        return None if value is None else mask(value, report.secrets)

    def place(span: Span | None) -> dict[str, Any]:
        if span is None:
            return {"file": None, "line": None, "column": None, "end": None}
        return {"file": span.file, "line": span.line, "column": span.column, "end": span.end}

    diagnostics = [
        {
            "severity": found.severity,
            "code": found.code,
            "message": text(found.message),
            **place(found.span),
            "help": text(found.help),
            "labels": [{**place(label.span), "text": text(label.text)} for label in found.labels],
        }
        for found in report.diagnostics
    ]
    return json.dumps({"ok": report.ok, "diagnostics": diagnostics}, indent=2, ensure_ascii=False) + "\n"


def _full(found: Diagnostic, report: Report, paint: Any) -> str:
    head = paint(found.severity, f"{found.severity}[{found.code}]")
    lines = [head + paint("bold", f": {_one_line(found.message, report)}")]
    spans = [span for span in (found.span, *(label.span for label in found.labels)) if span]
    gutter = max((len(str(span.line)) for span in spans), default=1)
    margin = " " * gutter
    if found.span:
        lines += _snippet(found.span, "^", "", found.severity, "-->", gutter, report, paint)
    for label in found.labels:
        lines += _snippet(label.span, "-", f" {label.text}", "gutter", ":::", gutter, report, paint)
    if found.help:
        lines.append(f"{margin} {paint('gutter', '=')} {paint('help', 'help')}: {_one_line(found.help, report)}")
    return "\n".join(lines)


def _snippet(
    span: Span, mark: str, text: str, style: str, arrow: str, gutter: int, report: Report, paint: Any
) -> list[str]:
    """Return the place, and where the text is known, the line with `mark` under the span."""
    margin = " " * gutter
    lines = [f"{margin}{paint('gutter', arrow)} {span}"]
    source = BREAK.split(report.sources.get(span.file, ""))
    if not report.sources.get(span.file) or span.line > len(source):
        return lines
    line, start, width = _window(mask(source[span.line - 1], report.secrets), span.column - 1, span.end - 1)
    bar = paint("gutter", "|")
    number = paint("gutter", str(span.line).rjust(gutter))
    under = paint(style, mark * width + _one_line(text, report))
    return [*lines, f"{margin} {bar}", f"{number} {bar} {line}".rstrip(), f"{margin} {bar} {' ' * start}{under}"]


def _window(line: str, start: int, end: int) -> tuple[str, int, int]:
    """Return `line` as it is shown (tabs expanded, cut to WIDTH), the first cell of the mark and its width."""
    cells = [_shown(char) for char in line]
    before = sum(_width(cell) for cell in cells[:start])
    width = max(1, sum(_width(cell) for cell in cells[start:end]))
    if sum(_width(cell) for cell in cells) <= WIDTH:
        return "".join(cells), before, width
    first, used = start, 0
    while first > 0 and used + _width(cells[first - 1]) <= WIDTH // 3:
        first -= 1
        used += _width(cells[first])
    last = first
    total = 0
    while last < len(cells) and total + _width(cells[last]) <= WIDTH:
        total += _width(cells[last])
        last += 1
    head, tail = "…" * (first > 0), "…" * (last < len(cells))
    return head + "".join(cells[first:last]) + tail, len(head) + used, max(1, min(width, total - used))


def _shown(char: str) -> str:
    if char == "\t":
        return TAB
    return char if char.isprintable() or unicodedata.combining(char) else "\N{REPLACEMENT CHARACTER}"


def _width(text: str) -> int:
    """Terminal cells: East Asian wide characters and emoji take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _one_line(text: str, report: Report) -> str:
    """Mask `text` and keep it on one line: a value quoted in a message may hold anything."""
    masked = mask(text, report.secrets)
    return "".join(char if char.isprintable() else " " for char in masked)


def _paint(style: str, text: str) -> str:
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def _plain(style: str, text: str) -> str:  # noqa: ARG001 - the same shape as _paint
    return text
