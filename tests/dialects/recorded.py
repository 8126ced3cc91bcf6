"""Requests that real coding agents and SDKs sent, their free text made filler: tests/data/requests/CLIENT/NN.json.

Those of the Responses API are apart, for not everything that takes the others takes them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.dialects import ENDPOINTS

if TYPE_CHECKING:
    from engine.chat import Api
    from engine.dialects.base import Dialect

FOLDER = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Recorded:
    name: str
    dialect: Dialect
    api: Api
    path: str
    json: dict[str, Any]

    @property
    def body(self) -> bytes:
        return json.dumps(self.json, ensure_ascii=False).encode()


def load(folder: str) -> list[Recorded]:
    found = []
    for file in sorted((FOLDER / folder).glob("*/*.json")):
        request = json.loads(file.read_text())
        path = request["target"].partition("?")[0]
        dialect, endpoint = ENDPOINTS[path]
        name = f"{file.parent.name}/{file.stem}"
        found.append(Recorded(name, dialect, endpoint.api, path, request["body"]))
    return found


RECORDED = load("requests")
RECORDED_RESPONSES = load("responses-requests")
EVERY = [*RECORDED, *RECORDED_RESPONSES]
assert len(RECORDED) > 30, "the recorded requests are missing"
assert len(RECORDED_RESPONSES) > 10, "the recorded requests of the Responses API are missing"
