"""`tools`: where they come from, and whether the file may run them. Nothing is imported or started to find that out."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from engine import resources
from engine.config.pasted import REVOKE, remember
from engine.config.sections.steps import Tools as Declared
from engine.plan.code import allows, pasted
from engine.plan.layers import Tools, ToolSource
from engine.units import seconds, size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from engine.config.sections.steps import ToolSource as Source
    from engine.plan.nodes import Plan
    from engine.plan.source import Source as Known

    Path: TypeAlias = tuple[str | int, ...]

NAMED = 100
"""Characters of a command or address that people are shown."""


def compile_tools(known: Known, path: Path, declared: Any) -> Tools | None:
    """Return what `declared`, which stands at `path`, has run. What is wrong is in the report, at its line."""
    written = declared.tools
    if written is None:
        return None
    whole = Declared(use=written) if isinstance(written, list) else written
    place = (*path, "tools") if isinstance(written, list) else (*path, "tools", "use")
    if not whole.use:
        known.report.error("no-tools", "there is no tool in it", known.tree.key(*path, "tools"), help="name one")
        return None
    found = [_source(known, (*place, index), one) for index, one in enumerate(whole.use)]
    sources = tuple(one for one in found if one is not None)
    if len(sources) < len(found):
        return None
    return Tools(
        name="tools",
        span=known.tree.key(*path, "tools"),
        sources=sources,
        rounds=whole.max_rounds,
        timeout=seconds(whole.timeout),
        result=size(whole.result),
        announced=whole.announce,
    )


def tool_sources(plan: Plan) -> Iterator[ToolSource]:
    """Yield every source of tools that the file declares, each once."""
    layers = [plan.layer, *(entry.layer for entry in plan.entries.values()), *(rule.layer for rule in plan.rules)]
    found = {one.key: one for layer in layers if layer.tools is not None for one in layer.tools.sources}
    yield from found.values()


def module_of(source: Source) -> tuple[str, str]:
    """Return the module that an `object` names, and the name in it."""
    path = source.object or ""
    module, _, name = path.partition(":") if ":" in path else path.rpartition(".")
    return module, name


def _source(known: Known, path: Path, declared: Source) -> ToolSource | None:
    tree, report = known.tree, known.report
    span = tree.values.get(path) or tree.keys.get(path)
    if (declared.object is None) == (declared.mcp is None):
        report.error("bad-tools", "tools come from one of `object` and `mcp`", span, help="keep one of them")
        return None
    before = len(report.errors)
    needs = "mcp" if declared.mcp is not None else "langchain"
    if find_spec("mcp" if declared.mcp is not None else "langchain_core") is None:
        told = f"these tools need an extra: {resources.extra(needs)}"  # noqa: S610 - not Django
        report.error("missing-extra", told, span, help="install it, or remove them")
    if declared.object is not None:
        _allowed(known, (*path, "object"), module_of(declared)[0])
        name = declared.object
    else:
        name = _mcp(known, (*path, "mcp"), declared)
    if len(report.errors) > before:
        return None
    return ToolSource(name=name, span=span, key=msgspec.json.encode(declared).decode(), declared=declared)


def _allowed(known: Known, path: Path, module: str) -> None:
    allowed = known.document.server.allow_code
    if not any(allows(pattern, module) for pattern in allowed):
        known.report.error(
            "code-not-allowed",
            f"`server.allow_code` does not allow the import of `{module}`",
            known.tree.value(*path),
            help=f"if this code is to be trusted, write `allow_code: [{', '.join([*allowed, module])}]` under `server`",
        )


def _mcp(known: Known, path: Path, declared: Source) -> str:
    """Check a server; return what people call it."""
    mcp, tree, report = declared.mcp, known.tree, known.report
    assert mcp is not None
    if (not mcp.command) == (mcp.url is None):
        report.error(
            "bad-tools", "a server is spoken to by `command` or by `url`", tree.key(*path), help="write one of them"
        )
        return ""
    stray = "headers" if mcp.command is not None and mcp.headers else "env" if mcp.url is not None and mcp.env else ""
    if stray:
        other = "url" if stray == "headers" else "command"
        report.error("bad-tools", f"`{stray}` belongs to `{other}`", tree.key(*path, stray), help="take it out")
    for where, text in pasted({"env": mcp.env, "headers": mcp.headers}, path):
        span = tree.value(*where)
        report.error("literal-secret", f"`{where[-1]}` is the secret itself", span, help=REVOKE)
        remember(text, span, report)
    program = [PurePath(mcp.command[0]).name, *mcp.command[1:]] if mcp.command else []
    shown = shlex.join(program) if program else str(mcp.url).partition("?")[0]
    return "mcp " + (shown if len(shown) <= NAMED else shown[: NAMED - 1] + "…")
