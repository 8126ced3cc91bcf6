"""`prompt`: templates compiled and tried, so that nothing about them is found out by a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.config.sections.steps import Prompt as Declared
from engine.diagnostics import Label, Span
from engine.plan.layers import Prompt
from engine.plan.near import did_you_mean

if TYPE_CHECKING:
    from engine.config.beside import Named, Path
    from engine.diagnostics import Report

SAMPLE = {
    "model": "smart",
    "key": "ada",
    "client": "codex",
    "api": "chat",
    "route": "team",
    "base": "team-a",
    "date": "2026-11-22",
}
"""What every template may use, with values as they might be: the asked name, who asks by what, and the UTC date."""


def compile_prompts(named: dict[Path, Named], report: Report) -> dict[Path, Prompt]:
    """Return path of the step -> its template, compiled. What is wrong is in the report, at its line."""
    found = {path: _compiled(one, report) for path, one in named.items() if isinstance(one.declared, Declared)}
    return {path: prompt for path, prompt in found.items() if prompt is not None}


def _compiled(template: Named, report: Report) -> Prompt | None:
    from jinja2 import TemplateSyntaxError  # nobody else needs Jinja

    from engine import templating

    declared = template.declared
    assert isinstance(declared, Declared)
    labels = (Label(template.span, "it is named here"),) if template.span is not None else ()
    taken = sorted(declared.vars.keys() & SAMPLE.keys())
    if taken:
        report.error(
            "bad-template", f"`vars` cannot say what `{taken[0]}` is: it is what was asked", template.span,
            help="choose another name",
        )  # fmt: skip
        return None
    try:
        names, others = templating.needs(template.text)
    except TemplateSyntaxError as error:
        at = _line(template, error.lineno)
        told = f"the template cannot be read: {(error.message or '').rstrip('.')}"
        report.error(
            "bad-template", told, at, help="it is Jinja: `{{ name }}`, `{% if name %}...{% endif %}`", labels=labels
        )
        return None
    if others:
        told = f"a prompt is one file: `{others[0]}` cannot be included"
        report.error("bad-template", told, _at(template, others[0]), help="write its text here", labels=labels)
        return None
    known = SAMPLE | declared.vars
    for name in sorted(names - known.keys()):
        near = did_you_mean(name, known, f"known: {', '.join(known)}; others go into `vars`")
        told = f"nothing is called `{name}` in a prompt"
        report.error("bad-template", told, _at(template, name), help=near, labels=labels)
    if names - known.keys():
        return None
    render = templating.compiled(template.text)
    try:
        render(dict(known))
    except Exception as error:  # whatever an expression of the file's may raise
        told = f"the template cannot be filled in: {error}"
        at = _line(template, templating.line_of(error))
        report.error(
            "bad-template", told, at, help="it is tried with sample values when the file is read", labels=labels
        )
        return None
    return Prompt(
        name=declared.template, span=template.span, place=declared.place, vars=dict(declared.vars), render=render
    )


def _at(template: Named, word: str) -> Span:
    """Return where `word` stands first as a name of its own."""
    found = re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", template.text)
    start = found.start() if found else 0
    line = template.text.count("\n", 0, start) + 1
    column = start - (template.text.rfind("\n", 0, start) + 1) + 1
    return _span(template, line, column, len(word))


def _line(template: Named, number: int) -> Span:
    lines = template.text.splitlines() or [""]
    text = lines[min(number, len(lines)) - 1]
    return _span(template, number, len(text) - len(text.lstrip()) + 1, max(len(text.strip()), 1))


def _span(template: Named, line: int, column: int, length: int) -> Span:
    return Span(template.file, line, column, column + length)
