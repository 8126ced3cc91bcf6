"""Credentials where they must not be: pasted where a reference belongs, or anywhere else in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.diagnostics import BREAK, Diagnostic, Span
from engine.diagnostics.mask import SHORT, looks

if TYPE_CHECKING:
    from engine.diagnostics import Report

VARIABLE_FORMS = re.compile(
    r"\$\{?(?P<shell>[A-Za-z_][A-Za-z0-9_]*)\}?|os\.environ/(?P<other>[A-Za-z_][A-Za-z0-9_]*)|(?P<bare>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"
)
"""How other tools write a variable."""

NAMED = re.compile(
    r"(?i:(?<![\w-])(?:[\w-]*api[_-]?key|(?:access|secret|auth|private)[_-](?:key|token)|token|secret|passw(?:or)?d|authorization))"
    r"[\"']?[ \t]*[:=][ \t]*[\"']?(?:Bearer |Basic )?+(?!env:|file:|\$|os\.environ)(?P<value>[^\s,{}\[\]#\"']{6,})"
)
"""A value beside a word for secrets, in whatever text: its key may be misspelt, or the file no YAML."""

FILE_FORM = re.compile(r"(?:~|\.{1,2})?(?:/[\w.-]+){2,}")
TARGET_FORM = re.compile(r"[a-z][\w.-]*/[a-z][\w./:*-]*")
"""A model may be called `secret` or `token`."""
REVOKE = "put it into a variable and write `env:NAME`, or `file:/path`; revoke it if the file was shared"


def secret(what: str, value: Any, span: Span | None, report: Report) -> Diagnostic:
    """Return what to say of a value that should be `env:NAME` or `file:/path`; unless it meant one, it is masked."""
    text = str(value)
    variable = VARIABLE_FORMS.fullmatch(text)
    if variable:
        help_ = f"did you mean `env:{variable['shell'] or variable['other'] or variable['bare']}`?"
    elif FILE_FORM.fullmatch(text):
        help_ = f"did you mean `file:{text}`?"
    elif text.startswith("env:") and ":-" in text:
        help_ = "a secret has no default: write `env:NAME`"
    elif text.startswith(("env:", "file:")):
        help_ = "write `env:NAME` with letters, digits and `_`, or `file:/path`"
    elif isinstance(value, dict | list):
        help_ = "write `env:NAME` or `file:/path`"
    else:
        remember(text, span, report)
        return Diagnostic(code="literal-secret", message=f"{what} is the secret itself", span=span, help=REVOKE)
    return Diagnostic(code="bad-reference", message=f"{what} is no reference to a secret", span=span, help=help_)


def client_key(value: Any, span: Span | None, report: Report) -> None:
    """Have masked what stands among `hashes` and is none: often the key itself."""
    if isinstance(value, str) and len(value) >= SHORT and not value.startswith("sha256:"):
        remember(value, span, report)


def remember(text: str, span: Span | None, report: Report) -> None:
    """Have the value masked, and the way the file spells it: escapes and numbers read otherwise than they look."""
    report.secrets.update((text, *(part for part in text.split() if len(part) >= SHORT)))
    if span and span.file in report.sources:
        line = BREAK.split(report.sources[span.file])[span.line - 1]
        written = line[span.column - 1 : span.end - 1].strip("'\"")
        if not written.startswith(("|", ">")):
            report.secrets.add(written)


def guess(text: str, report: Report) -> None:
    """Have every value masked that stands beside a word for secrets; whether it is a mistake is for others to say."""
    for match in NAMED.finditer(text):
        if not any(form.fullmatch(match["value"]) for form in (VARIABLE_FORMS, FILE_FORM, TARGET_FORM)):
            report.secrets.add(match["value"])


def anywhere(report: Report) -> None:
    """Report everything in the files, comments too, that looks like a credential, unless it already is reported."""
    known = [found.span for found in report.diagnostics if found.code == "literal-secret" and found.span]
    for name, text in report.sources.items():
        for number, line in enumerate(BREAK.split(text), start=1):
            for start, end in looks(line):
                report.secrets.add(line[start:end])
                span = Span(name, number, start + 1, end + 1)
                if not any(_overlap(span, other) for other in known):
                    report.error("literal-secret", "this looks like a credential", span, help=REVOKE)


def _overlap(one: Span, other: Span) -> bool:
    return (one.file, one.line) == (other.file, other.line) and one.column < other.end and other.column < one.end
