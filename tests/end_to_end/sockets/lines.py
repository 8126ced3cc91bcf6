"""A client of the Responses API on a socket of its own, which says frame by frame what it heard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from websockets.sync.client import ClientConnection, connect

from tests.end_to_end.responses.house import ADA, by

if TYPE_CHECKING:
    from tests.support.turnout import Turnout

Json = dict[str, Any]
ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


@dataclass
class Line:
    connection: ClientConnection

    def send(self, frame: Json | str) -> None:
        self.connection.send(frame if isinstance(frame, str) else json.dumps(frame))

    def create(self, model: str, said: Any = "Hi", **fields: Any) -> None:
        self.send({"type": "response.create", "model": model, "input": said, **fields})

    def hear(self) -> Json:
        """Return the next frame."""
        frame = self.connection.recv(timeout=20)
        assert isinstance(frame, str)
        got: Json = json.loads(frame)
        return got

    def rest(self) -> list[Json]:
        """Return the frames up to the end of a response."""
        heard = [self.hear()]
        while heard[-1]["type"] not in ENDS:
            heard.append(self.hear())
        return heard

    def ask(self, model: str, said: Any = "Hi", **fields: Any) -> Json:
        """Ask, and return the response, complete."""
        self.create(model, said, **fields)
        last = self.rest()[-1]
        assert last["type"] == "response.completed", last
        response: Json = last["response"]
        return response

    def refusal(self) -> Json:
        """Return the next frame, which must be an error in the form of this transport."""
        frame = self.hear()
        assert frame["type"] == "error"
        assert {"type", "code", "message"} <= set(frame["error"])
        return frame


@contextmanager
def talking(turnout: Turnout, key: str = ADA, path: str = "/v1/responses", **how: Any) -> Iterator[Line]:
    url = turnout.url.replace("http", "ws", 1)
    with connect(f"{url}{path}", additional_headers=by(key), max_size=None, close_timeout=5, **how) as connection:
        yield Line(connection)


def text_of(response: Json) -> str:
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])
