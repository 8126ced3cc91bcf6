"""Golden pairs: what goes in on one side of a translation, and what must come out on the other.

One JSON file each, golden/<section>/<row>[-variant].json; rows.yaml beside them names the rows. Fields:

requests  row, model, host (optional), in, out, losses {path: grade}, headers {name: value} (those that must be there),
          or `refused: {param: path}` instead of out and losses
answers   row, in, out, asked (fields of `Asked`), losses {path in the upstream's answer: grade}, or `failed: reason`
          instead of out, asked and losses
streams   row, in, out (lists of events: objects, "[DONE]", ": comment"), asked, losses, or `failed: reason` where the
          stream of the upstream is not complete: `out` is then what the client got before

`odd: [in, out]` names the sides that are not as the vendor's SDK has them, on purpose.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from engine.dialects.codec import Asked

FOLDER = Path(__file__).parent / "golden"
STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
HOSTS = {"chat": "api.openai.com", "messages": "api.anthropic.com"}

Sections = dict[str, dict[str, dict[str, str]]]


@dataclass(frozen=True)
class Pair:
    name: str
    """<section>/<file>."""
    section: str
    fields: dict[str, Any] = field(repr=False)

    @property
    def row(self) -> str:
        """Return <section>/<row>, whether or not the file names the section."""
        row: str = self.fields["row"]
        return row if "/" in row else f"{self.section}/{row}"

    @property
    def kind(self) -> str:
        return self.section.partition("-")[0]

    @property
    def source(self) -> str:
        """The API of `in`."""
        return self.section.split("-")[1]

    @property
    def target(self) -> str:
        """The API of `out`."""
        return self.section.split("-")[3]

    @property
    def host(self) -> str:
        host: str = self.fields.get("host", HOSTS[self.target])
        return host

    @cached_property
    def body(self) -> bytes:
        """`in` as it comes over the wire."""
        value = self.fields["in"]
        return stream(value, self.source) if self.kind == "stream" else json.dumps(value).encode()

    @property
    def asked(self) -> Asked:
        given = {"model": "asked", "id": "x", "created": 0, "source": "up/model", **self.fields.get("asked", {})}
        return Asked(**given)

    def meant(self, side: str) -> bool:
        """Say whether `side` is meant to be as the vendor's SDK has it."""
        return side in self.fields and side not in self.fields.get("odd", [])


def stream(events: list[Any], api: str) -> bytes:
    """Return a list of events as the bytes of a stream."""
    return b"".join(_event(one, api) for one in events)


def _event(one: Any, api: str) -> bytes:
    if isinstance(one, str):
        return (one if one.startswith(":") else f"data: {one}").encode() + b"\n\n"
    name = f"event: {one['type']}\n" if api == "messages" else ""
    return f"{name}data: {json.dumps(one)}\n\n".encode()


def events(body: bytes) -> list[Any]:
    """Return the bytes of a stream, as an encoder writes them, as a list of events."""
    found: list[Any] = []
    for one in body.decode().removesuffix("\n\n").split("\n\n") if body else []:
        name, _, data = one.rpartition("data: ")
        if not data or one.startswith(":"):
            found.append(one)
        elif data == "[DONE]":
            found.append(data)
        else:
            found.append(json.loads(data))
            assert not name or name == f"event: {found[-1]['type']}\n", one
    return found


def stands_in(path: str, body: Any) -> bool:
    """Say whether something stands at a path such as messages[0].content[1].cache_control."""
    for name, index in STEP.findall(path):
        if index and not (isinstance(body, list) and int(index) < len(body)):
            return False
        if name and not (isinstance(body, dict) and name in body):
            return False
        body = body[int(index) if index else name]
    return True


def load() -> list[Pair]:
    """Return every pair there is."""
    files = sorted(FOLDER.glob("*/*.json"))
    return [Pair(f"{file.parent.name}/{file.stem}", file.parent.name, json.loads(file.read_text())) for file in files]


def rows() -> Sections:
    """Return the rows: section -> row -> {from, to, policy}."""
    found: Sections = yaml.safe_load((FOLDER / "rows.yaml").read_text())
    return found


PAIRS = load()
