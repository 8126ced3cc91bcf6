"""The one road from files to a Plan: `check`, `explain`, `graph`, `show`, `serve` and every reload take it.

Four layers, all errors of a layer at once: syntax, schema, graph, environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.config.load import Files, Tree, load
from engine.config.secrets import resolve
from engine.diagnostics import Report
from engine.plan.compile import compile_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config.load import Loaded
    from engine.plan.nodes import Plan
    from engine.secret import Secret


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What came of reading a file. `plan` is None when `report` has errors before the environment layer."""

    report: Report
    files: Files
    tree: Tree | None = None
    plan: Plan | None = None
    secrets: dict[str, Secret] = {}
    """Reference (`env:NAME`, `file:/path`) -> value, for every reference that resolved."""


def read(main: str, environ: Mapping[str, str] | None, *, text: str | None = None) -> Reading:
    """Read `main` and what it includes; `text` replaces its content (stdin).

    `environ` None leaves the environment layer out: nothing is asked of variables or secret files, and every
    enabled upstream counts as on.
    """
    loaded = load(main, environ, text=text)
    if loaded.document is None or loaded.tree is None:
        return Reading(report=loaded.report, files=loaded.files, tree=loaded.tree)
    plan = compile_plan(loaded.document, loaded.tree, loaded.report)
    _forgive(loaded, loaded.tree)
    if environ is None or not loaded.report.ok:
        return Reading(report=loaded.report, files=loaded.files, tree=loaded.tree, plan=plan)
    secrets, off = resolve(loaded, environ)
    if plan is not None:
        plan = msgspec.structs.replace(plan, off={**plan.off, **off})
    return Reading(report=loaded.report, files=loaded.files, tree=loaded.tree, plan=plan, secrets=secrets)


def _forgive(loaded: Loaded, tree: Tree) -> None:
    """Drop what the graph says of placeholders: that a variable has no value is the finding, of the next layer."""
    places = {tree.value(*path) for path, _ in loaded.unset}
    loaded.report.diagnostics[:] = [found for found in loaded.report.diagnostics if found.span not in places]
