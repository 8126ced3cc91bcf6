"""One name for each tool, where the Responses API has a name within a namespace.

A tool `n` of the namespace `ns` is `ns__n`; one of `functions` is just `n`, unless another tool has that name. What the
tools and the calls of a conversation are called depends on nothing else, so that prompt caches hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Tool

PLAIN = "functions"
"""The namespace of Codex for tools that would have none elsewhere (0.169, with GPT-6)."""
BETWEEN = "__"


class Namespaces:
    """The tools of one request. `tools` have the names they have within their namespaces."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        declared = {(tool.namespace, tool.name): None for tool in tools}
        self._outside = {name for namespace, name in declared if namespace is None}
        self._inside: dict[str, list[str]] = {}
        self._members: dict[str, list[str]] = {}
        for namespace, name in declared:
            if namespace is not None:
                flat = self.flat(name, namespace)
                self._inside.setdefault(name, []).append(flat)
                self._members.setdefault(namespace, []).append(flat)

    def flat(self, name: str, namespace: str | None) -> str:
        """Return the one name of a tool; a name without its namespace is that of the only tool it can mean."""
        if namespace is None:
            meant = self._inside.get(name, [])
            return meant[0] if len(meant) == 1 and name not in self._outside else name
        if namespace == PLAIN and name not in self._outside and not name.startswith(PLAIN + BETWEEN):
            return name
        return f"{namespace}{BETWEEN}{name}"

    def members(self, namespace: str) -> list[str]:
        """Return the tools of a namespace."""
        return self._members.get(namespace, [])
