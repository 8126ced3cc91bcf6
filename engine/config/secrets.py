"""The environment layer: `env:NAME` and `file:/path` references -> `Secret`, programs that are run, and which upstreams
are off (rule N7)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.config import shape
from engine.config.pasted import REVOKE, named_secret
from engine.diagnostics.mask import SHORT
from engine.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config.tree import Files, Loaded, Path
    from engine.diagnostics import Span

MISSING = "install it, or write its whole path; `~` is not expanded"
DISABLED = "enabled: false"


class Lack(NamedTuple):
    """Why a reference has no value: `why` is a phrase, `next` what to do."""

    code: str
    why: str
    next: str


def resolve(loaded: Loaded, environ: Mapping[str, str]) -> tuple[dict[str, Secret], dict[str, str]]:
    """Return (reference -> secret, upstream -> why it is off), for a `loaded` that has a document.

    What lacks a value is an error at its place; in an upstream that is `optional` a warning, and that upstream is off.
    Files are read anew each time and join `loaded.files`. References of upstreams with `enabled: false` are not asked.
    """
    assert loaded.tree is not None
    secrets: dict[str, Secret] = {}
    off: dict[str, str] = {}
    upstreams: dict[str, Any] = loaded.tree.data.get("upstreams", {})
    off.update({name: DISABLED for name, options in upstreams.items() if options.get("enabled") is False})
    for path, name in loaded.unset:
        _lacks(loaded, path, _unset(name, environ), off)
    for path, value, kind in shape.walk(loaded.tree.data, shape.root()):
        if not shape.is_secret(kind, value) or (_owner(path) in off and off[str(_owner(path))] == DISABLED):
            continue
        if not str(value).startswith(("env:", "file:")):  # an address without a password
            secrets[value] = Secret(value, value)
            continue
        found = _value(str(value), loaded.tree.value(*path), loaded.files, environ)
        if isinstance(found, Lack):
            _lacks(loaded, path, found, off)
        else:
            secrets[value] = Secret(found, value)
            if len(found) >= SHORT:
                loaded.report.secrets.add(found)
    for name, options in upstreams.items():
        command = options.get("command")
        if isinstance(command, str) and name not in off and shutil.which(command, path=environ.get("PATH")) is None:
            why = f"there is no program `{command}` that could be run"
            _lacks(loaded, ("upstreams", name, "command"), Lack("no-program", why, MISSING), off)
    loaded.report.sort()
    return secrets, off


def _owner(path: Path) -> str | None:
    """Return the upstream that the value at `path` belongs to."""
    return str(path[1]) if len(path) > 1 and path[0] == "upstreams" else None


def _lacks(loaded: Loaded, path: Path, lack: Lack, off: dict[str, str]) -> None:
    assert loaded.tree is not None
    owner = _owner(path)
    span = loaded.tree.value(*path)
    if owner is None or not loaded.tree.data["upstreams"][owner].get("optional"):
        if owner is None or off.get(owner) != DISABLED:
            loaded.report.error(lack.code, lack.why, span, help=lack.next)
    elif owner not in off:
        off[owner] = lack.why
        help_ = f"{lack.next}; until then requests go to other targets"
        loaded.report.warning("upstream-off", f"upstream `{owner}` is off: {lack.why}", span, help=help_)


def _value(reference: str, span: Span | None, files: Files, environ: Mapping[str, str]) -> str | Lack:
    """Return what `reference` stands for. A relative path is relative to the file that says it."""
    scheme, _, rest = reference.partition(":")
    if scheme == "env":
        return environ.get(rest, "").strip() or _unset(rest, environ)
    path = FilePath(span.file if span else ".").parent / os.path.expanduser(rest)  # noqa: PTH111 - it never raises
    try:
        text = files.read(path).decode().strip()
    except UnicodeDecodeError:
        return Lack("unreadable-file", f"{rest} is not text", "write the secret into it, in UTF-8")
    except OSError as error:
        if named_secret(rest):
            return Lack("literal-secret", "what follows `file:` looks like the secret itself", REVOKE)
        reason = (error.strerror or "it cannot be read").lower()
        return Lack(
            "unreadable-file", f"{rest} cannot be read: {reason}", "create it, or correct the path or permissions"
        )
    if not text:
        return Lack("empty-secret", f"{rest} is empty", "write the secret into it")
    if "\n" in text or "\r" in text:
        return Lack("bad-secret", f"{rest} holds more than one line", "leave only the secret in it")
    return text


def _unset(name: str, environ: Mapping[str, str]) -> Lack:
    if named_secret(name):
        return Lack("literal-secret", "what follows `env:` looks like the secret itself", REVOKE)
    why = "empty" if name in environ else "not set"
    return Lack("unset-variable", f"{name} is {why}", f"set it before the start: `export {name}=...`")
