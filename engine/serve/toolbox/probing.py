"""`turnout check --probe`: starts the sources of tools of a file, asks what they have, and ends them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.plan.tools import tool_sources
from engine.serve.toolbox.base import Unready

if TYPE_CHECKING:
    from engine.plan.layers import ToolSource
    from engine.plan.read import Reading
    from engine.serve.toolbox.base import Source


def probed(reading: Reading, made: dict[str, Source]) -> dict[str, list[str]]:
    """Return what each of the sources that are `made` has. One that has nothing is in the reading's report."""
    if reading.plan is None or not made:
        return {}
    nodes = [node for node in tool_sources(reading.plan) if node.key in made]
    answers = asyncio.run(_asked([made[node.key] for node in nodes]))
    found = {}
    for node, answer in zip(nodes, answers, strict=True):
        if isinstance(answer, str):
            _lacks(reading, node, answer)
        else:
            found[node.name] = answer
            _only(reading, node, answer)
    reading.report.sort()
    return found


async def _asked(sources: list[Source]) -> list[list[str] | str]:
    return await asyncio.gather(*(_names(source) for source in sources))


async def _names(source: Source) -> list[str] | str:
    """Return the tools of a source, or why there are none."""
    try:
        return [tool.offered.name for tool in await source.tools()]
    except Unready as why:
        return str(why)
    finally:
        await source.close()


def _lacks(reading: Reading, node: ToolSource, why: str) -> None:
    message = f"the tools of `{node.name}` cannot be used: {why}"
    if node.declared.required:
        help_ = "until it runs, requests are refused (503); `required: false` lets them go on without it"
        reading.report.error("tools-unavailable", message, node.span, help=help_)
    else:
        reading.report.warning("tools-unavailable", message, node.span, help="requests go on without it")


def _only(reading: Reading, node: ToolSource, names: list[str]) -> None:
    missing = len(node.declared.only or ()) - len(names)
    if missing > 0:
        told = f"{missing} of the tools that `only` names are not there; offered: {', '.join(names) or 'none'}"
        reading.report.warning("no-such-tool", told, node.span, help="correct the names")
