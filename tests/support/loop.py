"""The other half of a tool loop: what a model would do to find out what sealed files say.

The prompt names files such as `.../seal.txt`. As long as not all of them were read, the answer is calls of a tool that
can read a file, as many at a time as the model likes; after that it is a text that repeats the seals in the order of
the calls. So a client shows the text only if the whole loop ran: a seal is in its file and nowhere else. Stateless, by
request.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SEAL = re.compile(r"SEAL-[0-9a-f]{16}")
FILE = re.compile(r"(/[^\s\"'`<>\\]*/seal(?:-\d+)?\.txt)")
NO_TOOLS = "Do NOT call any tools"
"""How Claude Code asks for a summary of a conversation that has become too long."""
MOST_CALLS = 20
CALLS = ("function", "custom", "tool_use", "function_call", "custom_tool_call")
READERS = ("read", "read_file", "read_files", "view", "exec_command", "exec")
ASKED = {"cmd": "cat {}", "input": 'text((await tools.exec_command({{cmd: "cat {}"}})).output)'}
"""Field of a reading tool that is no path -> what is in it; Codex runs commands, or JavaScript that runs them."""


@dataclass(frozen=True)
class Call:
    """A tool call, before any API's form."""

    tool: str
    arguments: Any
    """An object, or the text that a tool without parameters takes."""
    mark: str = "0"
    """What tells its id from that of any other; it ends with a number."""
    namespace: str | None = None
    """Where the tool was offered, if it was not among the others."""


@dataclass(frozen=True)
class Manner:
    """How a model goes about its task."""

    parallel: int = 1
    """How many calls it makes at a time."""
    before: str = ""
    """What it says before it makes calls."""
    thinks: bool = False
    interleaves: bool = False
    """Whether the calls of a stream of responses are told at once, not one by one; those of chat always are."""


def sealed_file(folder: Path) -> tuple[Path, str, str]:
    """Write a file with a fresh seal; return it, the seal, and the prompt to give a client."""
    path = folder / "seal.txt"
    seal = _write(path)
    return path, seal, f"Read the file {path} and tell me what it says."


def sealed_files(folder: Path, count: int) -> tuple[list[str], str]:
    """Write `count` files with a fresh seal each; return the seals in order, and the prompt to give a client."""
    paths = [folder / f"seal-{number}.txt" for number in range(count)]
    seals = [_write(path) for path in paths]
    return seals, f"Read the files {' and '.join(map(str, paths))} and tell me what they say."


def says(*seals: str) -> str:
    """Return what the model says at the end."""
    return f"The file says {seals[0]}." if len(seals) == 1 else f"The files say {', '.join(seals)}."


def next_move(messages: Any, tools: Sequence[dict[str, Any]], parallel: int = 1) -> str | list[Call]:
    """Say what the model does next: a text, or calls. `tools` have `name` and `parameters`, None if they take text."""
    said = "\n".join(_texts(messages))
    reader = next((tool for name in READERS for tool in tools if tool["name"].lower() == name), None)
    files = list(dict.fromkeys(FILE.findall(said)))
    if NO_TOOLS in said:
        return f"<summary>I was asked to read the files {' and '.join(files)} and to tell what they say.</summary>"
    read = _read(messages)
    left = [file for file in files if file not in read][:parallel]
    if reader is not None and left and len(read) < MOST_CALLS:
        mark = secrets.token_hex(4)
        place = reader.get("namespace")
        return [
            Call(reader["name"], _arguments(reader["parameters"], file), f"{mark}_{len(read) + number}", place)
            for number, file in enumerate(left)
        ]
    seals = [found.group() for file in files if (found := SEAL.search(read.get(file, "")))]
    return says(*seals) if seals else "Hello there"


def wanted(schema: dict[str, Any] | None, move: str | list[Call]) -> tuple[str, list[Call]]:
    """Return the text and the calls of an answer: an instance of `schema` if there is one, else what is to be done."""
    if schema:
        return json.dumps(_instance(schema)), []
    return (move, []) if isinstance(move, str) else ("", move)


def _instance(schema: dict[str, Any]) -> Any:
    kinds: dict[str, Any] = {"string": "Ada", "integer": 3, "number": 3, "boolean": True, "array": []}
    if schema.get("type") == "object":
        return {name: _instance(inner) for name, inner in schema.get("properties", {}).items()}
    return kinds[schema["type"]]


def _write(path: Path) -> str:
    seal = f"SEAL-{secrets.token_hex(8)}"
    path.write_text(seal + "\n")
    return seal


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _read(messages: Any) -> dict[str, str]:
    """Return what was read: of every call that was answered the file it named, and what its result says."""
    called: dict[str, str] = {}
    read: dict[str, str] = {}
    for message in messages:
        blocks = message["content"] if isinstance(message.get("content"), list) else []
        for one in [message, *(message.get("tool_calls") or ()), *(each for each in blocks if isinstance(each, dict))]:
            if one.get("type") in CALLS:
                called[one.get("call_id", one.get("id"))] = "".join(FILE.findall("\n".join(_texts(one))))
            elif answered := one.get("tool_call_id") or one.get("tool_use_id") or one.get("call_id"):
                read[called.get(answered, "")] = "\n".join(_texts(one))
    return read


def _arguments(schema: dict[str, Any] | None, path: str) -> Any:
    """Fill every required field of a reading tool: the one that can hold a path gets it."""
    if schema is None:
        return ASKED["input"].format(path)
    fields = schema.get("properties", {})
    asked = {name: ASKED.get(name, "{}").format(path) for name in schema.get("required", list(fields)[:1])}
    return {name: _value(fields[name], text) for name, text in asked.items()}


def _value(schema: dict[str, Any], path: str) -> Any:
    kind = schema.get("type", "string")
    if kind == "array":
        return [_value(schema.get("items", {}), path)]
    if kind == "object":
        return _arguments(schema, path)
    return {"integer": 1, "number": 1, "boolean": False}.get(kind, path)
