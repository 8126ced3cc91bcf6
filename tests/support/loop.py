"""The other half of a tool loop: what a model would do to find out what a sealed file says.

The prompt names a file `.../seal.txt`. As long as the conversation does not hold the seal, the answer is a call of a
tool that can read the file; once a tool result has brought it, the answer is a text that repeats it. So a client
shows the text only if the whole loop ran: the seal is in the file and nowhere else. Stateless, by request.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SEAL = re.compile(r"SEAL-[0-9a-f]{16}")
FILE = re.compile(r"(/[^\s\"'`<>\\]*/seal\.txt)")
READERS = ("read", "read_file", "read_files", "view")
MOST_RESULTS = 4


@dataclass(frozen=True)
class Call:
    """A tool call, before any API's form."""

    tool: str
    arguments: dict[str, Any]


def sealed_file(folder: Path) -> tuple[Path, str, str]:
    """Write a file with a fresh seal; return it, the seal, and the prompt to give a client."""
    seal = f"SEAL-{secrets.token_hex(8)}"
    path = folder / "seal.txt"
    path.write_text(seal + "\n")
    return path, seal, f"Read the file {path} and tell me what it says."


def next_move(messages: Any, tools: Sequence[dict[str, Any]]) -> str | list[Call]:
    """Say what the model does next: a text, or calls. `tools` have `name` and `parameters`."""
    texts = list(_texts(messages))
    said = "\n".join(texts)
    if seals := SEAL.findall(said):
        return f"The file says {seals[-1]}."
    files = FILE.findall(said)
    reader = next((tool for name in READERS for tool in tools if tool["name"].lower() == name), None)
    if not files or reader is None or _results(messages) >= MOST_RESULTS:
        return "Hello there"
    return [Call(reader["name"], _arguments(reader["parameters"], files[-1]))]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _results(messages: Any) -> int:
    answered = [message for message in messages if message.get("role") == "tool"]
    blocks = [block for message in messages if isinstance(message.get("content"), list) for block in message["content"]]
    return len(answered) + sum(isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)


def _arguments(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """Fill every required field of a reading tool: the one that can hold a path gets it."""
    fields = schema.get("properties", {})
    return {name: _value(fields[name], path) for name in schema.get("required", list(fields)[:1])}


def _value(schema: dict[str, Any], path: str) -> Any:
    kind = schema.get("type", "string")
    if kind == "array":
        return [_value(schema.get("items", {}), path)]
    if kind == "object":
        return _arguments(schema, path)
    return {"integer": 1, "number": 1, "boolean": False}.get(kind, path)
