"""What libyaml complains of, in our words: its problem texts -> code, sentence, next step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import yaml

from engine.diagnostics import BREAK, Label, Span

if TYPE_CHECKING:
    from engine.diagnostics import Report


class Trouble(NamedTuple):
    """`problem` is a piece of libyaml's text (0.2.5), `char` what stands at its mark, where that tells."""

    problem: str
    code: str
    message: str
    help: str
    char: str = ""


WORD = re.compile(r"[^\s,\]}]+")
"""An alias as it was meant: up to a blank, a comma or a bracket."""

SHELL = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)[^}]*\}?")
"""A variable as shells write it."""

INDENT = "compare its indentation with the lines around it"

TROUBLES = (
    Trouble("tab character", "tab", "a tab cannot indent", "indent with spaces"),
    Trouble("cannot start any token", "tab", "a tab cannot indent", "indent with spaces", "\t"),
    Trouble(
        "cannot start any token", "needs-quotes", "a value cannot begin with this character", "put the value in quotes"
    ),
    Trouble("alphabetic or numeric character", "bare-star", "`*` begins an alias in YAML", 'put it in quotes: `"*"`'),
    Trouble(
        "undefined alias",
        "unknown-alias",
        "no anchor of this file has this name",
        "a value that begins with `*` needs quotes",
    ),
    Trouble("second occurrence", "duplicate-anchor", "an anchor of this name is already there", "rename one of them"),
    Trouble(
        "mapping values are not allowed",
        "yaml",
        "a `:` cannot stand here",
        "put a value that holds `: ` in quotes; otherwise " + INDENT,
    ),
    Trouble(
        "block sequence entries",
        "yaml",
        "a list cannot begin on the line of its key",
        "put `-` on the next line, or write `[a, b]`",
    ),
    Trouble(
        "hexdecimal number",
        "bad-escape",
        "this escape needs more hexadecimal digits",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    Trouble(
        "did not find expected key",
        "yaml",
        "a list item cannot stand among keys",
        "indent it under the key whose list it belongs to, or write it as `key: value`",
        "-",
    ),
    Trouble("did not find expected key", "yaml", "a key should stand here", INDENT),
    Trouble("expected '-' indicator", "yaml", "a list item should stand here", INDENT),
    Trouble("expected ',' or ']'", "open-bracket", "this bracket is not closed", "write a `]`, or a missing `,`"),
    Trouble("expected ',' or '}'", "open-bracket", "this brace is not closed", "write a `}`, or a missing `,`"),
    Trouble(
        "unexpected end of stream",
        "open-quote",
        "this quote is not closed",
        "close the quote; inside single quotes write '' for '",
    ),
    Trouble(
        "unknown escape character",
        "bad-escape",
        "this escape means nothing",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    Trouble(
        "did not find expected node content",
        "yaml",
        "a value should stand here",
        "remove what is left over, or write the value",
    ),
    Trouble("expected <document start>", "yaml", "nothing more can stand here", "remove what is left over"),
    Trouble(
        "could not find expected ':'",
        "yaml",
        "a `:` is missing",
        "write `key: value`; text over several lines needs quotes or `|`",
    ),
    Trouble("incompatible YAML document", "yaml", "this is not YAML 1.2", "remove the %YAML line"),
    Trouble(
        "comment or line break",
        "yaml",
        "text cannot follow `|` or `>` on the same line",
        "put it on the next line, indented",
    ),
)


def trouble(name: str, text: str, error: yaml.YAMLError, report: Report) -> None:
    """Report what keeps `text` from being YAML."""
    if isinstance(error, yaml.reader.ReaderError):
        before = BREAK.split(text[: error.position])
        span = Span(name, len(before), len(before[-1]) + 1, len(before[-1]) + 2)
        report.error("control-character", "an invisible control character stands here", span, help="remove it")
        return
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    lines = BREAK.split(text)
    line, column = (min(mark.line, len(lines) - 1), mark.column) if mark else (0, 0)
    if mark and (
        mark.line > line or not lines[line].strip()
    ):  # the end of the text: show the last line that says something
        line = max((number for number, content in enumerate(lines) if content.strip()), default=0)
        column = len(lines[line].rstrip())
    char = lines[line][column : column + 1]
    match = next((known for known in TROUBLES if known.problem in problem and known.char in ("", char)), None)
    span = Span(name, line + 1, column + 1, column + 2)
    shell = SHELL.match(lines[line], max(0, column - 1))
    if shell:
        span = Span(name, line + 1, shell.start() + 1, shell.end() + 1)
        help_ = f"write `env:{shell['name']}`, or quote it if it is meant as text"
        report.error("yaml", "a `{` begins a mapping in YAML, even after a `$`", span, help=help_)
        return
    if match is None:
        report.error("yaml", f"this is not YAML: {problem}", span, help=INDENT)
        return
    help_ = match.help
    labels: tuple[Label, ...] = ()
    opened = getattr(error, "context_mark", None)
    if match.code == "unknown-alias":
        word = WORD.match(lines[line], column)
        assert word
        span = Span(name, line + 1, column + 1, word.end() + 1)
        help_ += f': `"{word.group()}"`'
    elif opened and match.code in {"open-bracket", "open-quote", "duplicate-anchor", "bare-star"}:
        opening = Span(name, opened.line + 1, opened.column + 1, opened.column + 2)
        if match.code == "duplicate-anchor":
            labels = (Label(opening, "first here"),)
        elif match.code == "open-bracket":
            labels, span = (Label(span, "at the latest before this"),), opening
        else:
            span = opening
    report.error(match.code, match.message, span, help=help_, labels=labels)
