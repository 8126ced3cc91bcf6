"""Every live source of tools of the process, by the content it was declared with: what an edit keeps lives on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from engine.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config.sections.steps import ToolSource
    from engine.plan.layers import ToolSource as Node
    from engine.serve.toolbox.base import Source


class Box(msgspec.Struct):
    """A source in use."""

    key: bytes
    name: str
    source: Source
    users: int = 0


class Boxes:
    """The sources, counted by the generations that use them."""

    def __init__(self) -> None:
        self._live: dict[bytes, Box] = {}

    def take(self, node: Node, secrets: Mapping[str, Secret], made: Source | None = None) -> Box:
        """Return the source that is declared so; if there is none, `made`, or one that is made."""
        declared = filled(node.declared, secrets)
        key = content(declared)
        box = self._live.get(key)
        if box is None:
            box = self._live[key] = Box(key, node.name, made or make(node.name, declared))
        box.users += 1
        return box

    def lives(self, node: Node, secrets: Mapping[str, Secret]) -> bool:
        return content(filled(node.declared, secrets)) in self._live

    def forget(self, box: Box) -> None:
        """Give one back that has never begun."""
        box.users -= 1
        if box.users == 0:
            self._live.pop(box.key, None)

    async def give(self, box: Box) -> None:
        """Give one back; the last user ends it."""
        box.users -= 1
        if box.users == 0:
            self._live.pop(box.key, None)
            await box.source.close()


def make(name: str, declared: ToolSource) -> Source:
    """Return the source that `declared`, with its secrets, describes. Raises `Unbuildable`, `ImportError`."""
    if declared.mcp is not None:
        from engine.serve.toolbox.server import McpServer

        return McpServer(name, declared)
    from engine.serve.toolbox.code import CodeTools

    return CodeTools(declared)


def filled(declared: ToolSource, secrets: Mapping[str, Secret]) -> ToolSource:
    """Return `declared` with secrets in place of their references."""
    mcp = declared.mcp
    if mcp is None:
        return declared

    def known(values: dict[str, Any]) -> dict[str, Any]:
        return {name: secrets.get(value, value) for name, value in values.items()}

    inner = msgspec.structs.replace(mcp, env=known(mcp.env), headers=known(mcp.headers))
    return msgspec.structs.replace(declared, mcp=inner)


def content(declared: ToolSource) -> bytes:
    """Return what tells a source from all others, secrets too."""
    return hashlib.sha256(msgspec.json.encode(declared, enc_hook=Secret.reveal)).digest()
