"""How a place of the file is called in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config.tree import Path, Tree

NOUNS = {
    "upstreams": "upstream",
    "models": "model",
    "routes": "route",
    "bases": "base",
    "limits": "limit",
    "keys": "key",
}
"""What an entry of a section is called."""


def dotted(path: Path) -> str:
    """Return `path` with `*` for the names and numbers a user gave: upstreams.*.timeouts.idle."""
    steps = ["*" if isinstance(step, int) else step for step in path]
    if len(steps) > 1 and steps[0] in NOUNS:
        steps[1] = "*"
    return ".".join(steps)


def what(path: Path, tree: Tree) -> str:
    """Return the place in words: upstream `openai`, `timeouts.idle` of upstream `openai`, `server.cors`."""
    if not path:
        return "the file"
    noun = NOUNS.get(str(path[0]))
    if noun is None or len(path) == 1:
        return f"`{_steps(path)}`"
    entry = f"{noun} `{path[1]}`"
    if isinstance(path[1], int):
        entries = tree.data.get(str(path[0]))
        item = entries[path[1]] if isinstance(entries, list) else None
        name = item.get("name") if isinstance(item, dict) else None
        entry = f"{noun} `{name}`" if isinstance(name, str) and len(path) > 1 else f"{noun} {path[1] + 1}"
    return f"`{_steps(path[2:])}` of {entry}" if len(path) > 2 else entry


def _steps(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
