"""The one road from files to a Plan: `check`, `explain`, `graph`, `show`, `serve` and every reload take it.

Four layers, all errors of a layer at once: syntax, schema, graph, environment.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import msgspec

from engine import resources
from engine.config.beside import beside
from engine.config.certificates import certificates
from engine.config.load import load
from engine.config.secrets import resolve
from engine.config.shared import Shared, shared
from engine.config.tree import Files, Tree
from engine.config.variables import hide
from engine.diagnostics import Report
from engine.plan.compile import compile_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config.document import Document
    from engine.config.tree import Loaded
    from engine.plan.nodes import Plan
    from engine.secret import Secret
    from engine.transport.certificates import Certificates


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What came of reading a file. `plan` is None when `report` has errors before the environment layer."""

    report: Report
    files: Files
    tree: Tree | None = None
    document: Document | None = None
    """None when the syntax or the schema layer has errors."""
    plan: Plan | None = None
    """None also without the environment, where a variable without a value would lead on."""
    secrets: dict[str, Secret] = {}
    """Reference (`env:NAME`, `file:/path`) -> value, for every reference that resolved."""
    tls: Certificates | None = None
    """The files of `server.tls`, which fit each other."""
    shared: Shared | None = None
    """The Redis of `state`."""


def read(main: str, environ: Mapping[str, str] | None, *, text: str | None = None) -> Reading:
    """Read `main` and what it includes; `text` replaces its content (stdin).

    `environ` None leaves the environment layer out: nothing is asked of variables or secret files, and every
    enabled upstream counts as on.
    """
    reading = _read(main, environ, text)
    reading.report.sort()
    return reading


def _read(main: str, environ: Mapping[str, str] | None, text: str | None) -> Reading:
    loaded = load(main, environ, text=text)
    if loaded.document is None or loaded.tree is None:
        return Reading(report=loaded.report, files=loaded.files, tree=loaded.tree)
    plan = compile_plan(loaded.document, loaded.tree, loaded.report, beside(loaded))
    _placeholders(loaded, loaded.tree)
    hide(loaded)
    found = Reading(report=loaded.report, files=loaded.files, tree=loaded.tree, document=loaded.document, plan=plan)
    if environ is None or not loaded.report.ok:
        return found
    secrets, off = resolve(loaded, environ)
    tls = certificates(loaded)
    state = shared(loaded, secrets)
    if plan is not None:
        _journal(plan, loaded.report)
        off |= _extras(plan, off, loaded.report)
        plan = msgspec.structs.replace(plan, off={**plan.off, **off})
    return msgspec.structs.replace(found, plan=plan, secrets=secrets, tls=tls, shared=state)


def _extras(plan: Plan, off: Mapping[str, str], report: Report) -> dict[str, str]:
    """Return upstream -> why it is off, for those that are optional and lack a package; of others it is an error."""
    found: dict[str, str] = {}
    for name, upstream in plan.upstreams.items():
        package = upstream.options.package
        if package is None or name in off or name in plan.off or find_spec(package) is not None:
            continue
        kind = str(upstream.options.__struct_config__.tag)
        told = f"upstream `{name}` needs an extra: {resources.extra(kind)}"  # noqa: S610 - not Django
        if upstream.options.optional:
            found[name] = told
            report.warning("missing-extra", told, upstream.span, help="until then requests go to other targets")
        else:
            report.error("missing-extra", told, upstream.span, help="install it, or remove the upstream")
    return found


def _journal(plan: Plan, report: Report) -> None:
    """Say what is wrong with the file of the journal, where it exists, or with the place where it would be made."""
    if plan.journal is None:
        return
    from engine.observe.journal.file import unfit  # with sqlite3, which nobody else needs

    wrong = unfit(plan.journal.path)
    if wrong is not None:
        report.error("bad-journal", wrong.message, plan.journal.span, help=wrong.help)


def _placeholders(loaded: Loaded, tree: Tree) -> None:
    """Take out what the graph says of placeholders: that a variable has no value is for the environment layer to say.

    Where that is not asked (CI has no values), nothing is wrong with the file.
    """
    spans = {tree.value(*path) for path, _ in loaded.unset}
    found = loaded.report.diagnostics
    found[:] = [item for item in found if item.span not in spans]
