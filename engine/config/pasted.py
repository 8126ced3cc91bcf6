"""Credentials where they must not be: pasted where a reference belongs, or anywhere else in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.config.hints import similar
from engine.config.places import what
from engine.diagnostics import BREAK, Diagnostic, Span
from engine.diagnostics.mask import SHORT, drawn, looks
from engine.store.url import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.config.tree import Path, Tree
    from engine.diagnostics import Report

VARIABLE_FORMS = re.compile(
    r"\$\{?(?P<shell>[A-Za-z_][A-Za-z0-9_]*)\}?|os\.environ/(?P<other>[A-Za-z_][A-Za-z0-9_]*)|(?P<bare>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"
)
"""How other tools write a variable."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NEARLY = re.compile(r"[A-Z][A-Z0-9]*(?:[_. -]+[A-Z0-9]+)*")
"""A variable with a slip in its name."""

WORD = (
    r"(?<![\w-])(?:[\w-]*api[ _-]?key|\w+_key|(?:access|secret|auth|private)[_-](?:key|token)|token|secret"
    r"|passw(?:or)?d|passphrase|pwd|authorization|credentials?|bearer)"
)
VAGUE = r"(?<![\w-])(?:key|pass|auth|value|hash|hashes)"
"""Words that also stand beside what is no secret."""
OPENING = r"(?:![\w!<>:,./-]*[ \t]|(?:Bearer|Basic|env:|value:)[ \t]|[\[{(<|\"' \t-])*+"
"""What may stand between a word and its value by mistake; possessive, or a row of brackets would take forever."""
VALUE = r"(?P<value>[^\s,{}\[\]#\"']{6,})"

NAMED = re.compile(rf"(?i:{WORD})[\"']?[ \t]*[:=][ \t]*{OPENING}{VALUE}")
"""A value beside a word for secrets, in whatever text: its key may be misspelt, or the file no YAML."""
UNMARKED = re.compile(rf"(?im:(?:^|[{{,])[ \t]*(?:-[ \t]+)?[\"']?{WORD}[\"']?[ \t]+{VALUE}[ \t]*(?=$|[,}}]))")
"""The same without a colon."""
USER = re.compile(r"://(?P<value>[^\s/@:\"']{6,})@")
"""In a URL, a token may be the user."""
PERHAPS = re.compile(rf"(?i:{VAGUE})[\"']?[ \t]*[:=][ \t]*{OPENING}{VALUE}")

FILE_FORM = re.compile(r"(?:~|\.{1,2})?(?:/[\w.-]+){2,}")
TARGET_FORM = re.compile(r"[a-z][\w.-]*/[a-z][\w./:*-]*")
"""A model may be called `secret` or `token`."""
DIGEST = re.compile(r"sha256:(?:[0-9a-fA-F]{40,}|[0-9a-fA-F]{0,12}[.…]+[0-9a-fA-F]*)")
BARE_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
REVOKE = "put it into a variable and write `env:NAME`, or `file:/path`; revoke it if the file was shared"

DIGESTED = "write its digest into `hashes`, as `turnout key hash` prints it; replace the key if the file was shared"


def secret(path: Path, value: Any, tree: Tree, report: Report) -> Diagnostic:
    """Return what to say of a value that should be `env:NAME` or `file:/path`; unless it meant one, it is masked."""
    span = tree.value(*path)
    place = what(path, tree)
    if isinstance(value, dict | list):
        for where, leaf in _leaves(value, path):
            if not _means_one(leaf):
                remember(leaf, tree.value(*where), report)
        return _no_reference(place, span, "write `env:NAME` or `file:/path`")
    text = str(value)
    if text in {"env:", "file:"}:
        return _no_reference(place, span, "write `env:NAME` with letters, digits and `_`, or `file:/path`")
    if text.startswith("env:"):
        name, default, given = text[4:].strip().partition(":-")
        if default and NAME.fullmatch(name) and not drawn(name):
            remember(given, span, report)
            return _no_reference(place, span, "a secret has no default: write `env:NAME`")
        if NEARLY.fullmatch(text[4:].strip()) and not drawn(text):
            meant = re.sub(r"[. -]+", "_", text[4:].strip())
            return _no_reference(place, span, f"did you mean `env:{meant}`?")
        remember(text[4:].strip(), span, report)
    elif _means_one(text):
        variable = VARIABLE_FORMS.fullmatch(text)
        meant = f"env:{variable['shell'] or variable['other'] or variable['bare']}" if variable else f"file:{text}"
        return _no_reference(place, span, f"did you mean `{meant}`?")
    else:
        remember(text, span, report)
    return Diagnostic(code="literal-secret", message=f"{place} is the secret itself", span=span, help=REVOKE)


def address(path: Path, text: str, tree: Tree, report: Report) -> Diagnostic:
    """Return what to say of a value that should be an address without a password, `env:NAME` or `file:/path`."""
    span = tree.value(*path)
    place = what(path, tree)
    before, user, _ = text.rpartition("@")
    if user:
        for secret_ in (text, before.rpartition("//")[2], before.rpartition(":")[2]):
            remember(secret_, span, report)
        return Diagnostic(code="literal-secret", message=f"{place} holds a password", span=span, help=REVOKE)
    variable = VARIABLE_FORMS.fullmatch(text)
    if variable and not drawn(text):
        meant = variable["shell"] or variable["other"] or variable["bare"]
        return _no_reference(place, span, f"did you mean `env:{meant}`?")
    return Diagnostic(code="wrong-value", message=f"{place} is no address of a Redis or Valkey", span=span, help=FORMS)


def _no_reference(place: str, span: Span | None, help_: str) -> Diagnostic:
    return Diagnostic(code="bad-reference", message=f"{place} is no reference to a secret", span=span, help=help_)


def _means_one(text: str) -> bool:
    """Whether `text` is meant to say where a secret is."""
    named = VARIABLE_FORMS.fullmatch(text) or FILE_FORM.fullmatch(text) or text.startswith("file:")
    return bool(named) and not drawn(text)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, (*path, step))
    elif value is not None:
        yield path, str(value)


def client_key(path: Path, value: Any, known: Mapping[str, Any], tree: Tree, report: Report) -> None:
    """Have masked what stands below `keys` where it means nothing: often the key itself."""
    if len(path) > 2 and path[2] != "hashes":
        return
    options = value.items() if isinstance(value, dict) and len(path) == 2 else [(None, value)]
    for name, option in options:
        if name is None or (name not in known and similar(str(name), list(known)) in (None, "hashes")):
            for where, leaf in _leaves(option, path if name is None else (*path, name)):
                text = leaf.removeprefix("sha256:")
                digest = DIGEST.fullmatch(leaf) or (path[2:3] == ("hashes",) and BARE_DIGEST.fullmatch(leaf))
                if len(text) >= SHORT and not digest:
                    remember(text, tree.value(*where), report)


def remember(text: str, span: Span | None, report: Report) -> None:
    """Have the value masked, and the way the file spells it: escapes and numbers read otherwise than they look."""
    report.secrets.update((text, *(part for part in text.split() if len(part) >= SHORT)))
    written = report.source(span).strip("'\"")
    if not written.startswith(("|", ">", "env:", "sha256:", "{", "[")):
        report.secrets.add(written)


def guess(text: str, report: Report) -> None:
    """Have every value masked that stands beside a word for secrets; whether it is a mistake is for others to say."""
    for pattern in (NAMED, UNMARKED, USER, PERHAPS):
        for match in pattern.finditer(text):
            value = _hidden(match["value"])
            if value and (pattern is not PERHAPS or (drawn(value) and not _digest(match.group(), value))):
                report.secrets.add(value)


def named_secret(name: str) -> bool:
    """Whether the name of a file or a variable that is not there looks like the secret itself."""
    return drawn(name) and "/" not in name


def _digest(written: str, value: str) -> bool:
    named = written.lower().startswith("hash")
    return bool(DIGEST.fullmatch(value) or (named and BARE_DIGEST.fullmatch(value)))


def _hidden(value: str) -> str | None:
    """Return the part of `value` that is to be masked: nothing of what says where a secret is."""
    if value.startswith("env:"):
        name, default, given = value[4:].partition(":-")
        if default and NAME.fullmatch(name) and not drawn(name):
            return given
        return None if not drawn(value[4:]) and (NAME.fullmatch(name) or NEARLY.fullmatch(name)) else value[4:]
    if value.startswith("file:"):
        return value[5:] if named_secret(value[5:]) else None
    if _means_one(value) or value.startswith(("$", "os.environ")):
        return None
    return None if TARGET_FORM.fullmatch(value) and not drawn(value) else value


def anywhere(report: Report) -> None:
    """Report everything in the files, comments too, that looks like a credential, unless it already is reported."""
    known = [found.span for found in report.diagnostics if found.code == "literal-secret" and found.span]
    told = [found.span for found in report.errors if found.span]
    for name, text in report.sources.items():
        for number, line in enumerate(BREAK.split(text), start=1):
            for start, end in looks(line):
                report.secrets.add(line[start:end])
                span = Span(name, number, start + 1, end + 1)
                ours = line.startswith("tk-", start)
                if not any(_overlap(span, other) for other in (told if ours else known)):
                    help_ = DIGESTED if ours else REVOKE
                    report.error("literal-secret", "this looks like a credential", span, help=help_)


def _overlap(one: Span, other: Span) -> bool:
    return (one.file, one.line) == (other.file, other.line) and one.column < other.end and other.column < one.end
