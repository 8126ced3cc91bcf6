"""A request of each client as it came in, or as its source has it: tests/data/profiles/CLIENT/NAME.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parents[1] / "data" / "profiles"
OTHERS = Path(__file__).parents[1] / "data" / "requests"
SDKS = ("openai-python", "openai-js", "anthropic-python")


@dataclass(frozen=True)
class Captured:
    client: str
    name: str
    source: str
    path: str
    sent: dict[str, str]
    json: dict[str, Any]

    @property
    def body(self) -> bytes:
        return json.dumps(self.json).encode()

    @property
    def fields(self) -> dict[str, msgspec.Raw]:
        return msgspec.json.decode(self.body, type=dict[str, msgspec.Raw])

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """As a server gets them: names in lower case."""
        return [(name.lower().encode(), value.encode()) for name, value in self.sent.items()]

    @property
    def form(self) -> str | None:
        """The API whose body came to the chat endpoint."""
        return "responses" if self.path.endswith("/chat/completions") and "input" in self.json else None


def load(file: Path) -> Captured:
    request = json.loads(file.read_text())
    headers = {name: value for name, value in request["headers"].items() if name.lower() != "content-length"}
    return Captured(
        client=file.parent.name,
        name=f"{file.parent.name}/{file.stem}",
        source=request.get("source", ""),
        path=request["target"].partition("?")[0],
        sent=headers,
        json=request["body"],
    )


CAPTURED = [load(file) for file in sorted(FOLDER.glob("*/*.json"))]
assert len(CAPTURED) > 25, "the captured requests are missing"
STRANGERS = [load(file) for sdk in SDKS for file in sorted((OTHERS / sdk).glob("*.json"))]


def of(name: str) -> Captured:
    """Return the request called CLIENT/NAME."""
    return next(one for one in CAPTURED if one.name == name)
