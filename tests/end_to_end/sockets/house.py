"""A server that is asked over WebSocket by clients of every API, and one that says frame by frame what it heard."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.apis import CHAT, MESSAGES, Api, digest
from tests.support.http import get, post

if TYPE_CHECKING:
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

Json = dict[str, Any]
Frame = dict[str, Any]

ADA, EVE = "tk-ada-0123456789abcdef", "tk-eve-0123456789abcdef"
KEYS = f"""\
keys:
  ada: {{hashes: ["{digest(ADA)}"]}}
  eve: {{hashes: ["{digest(EVE)}"]}}
"""
FILE = """\
version: 1
server: {{{server}}}
observe: {{log: {{format: text}}}}
upstreams:
  openai: {{kind: openai, circuit: off, base_url: "{openai}", apis: [chat, embeddings], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0, hold: 1h}}}}
models:
  gpt: openai/gpt-5.5
  claude: anthropic/claude-sonnet-5
  text-*: openai/text-*
"""


def written(openai: Upstream, anthropic: Upstream, server: str = "", more: str = KEYS) -> str:
    """Return a proxy.yaml; `server` is what stands in that section, `more` are sections on top."""
    return FILE.format(openai=openai.url, anthropic=anthropic.url, server=server) + more


@dataclass(frozen=True)
class Way:
    """A client of one API and a model that is served in the same, or in another."""

    client: Api
    server: Api

    @property
    def name(self) -> str:
        return f"{self.client.name} to {self.server.name}"

    @property
    def model(self) -> str:
        return "claude" if self.server is MESSAGES else "gpt"

    def body(self, *, stream: bool = True, **fields: Any) -> Json:
        return self.client.body(self.model, stream=stream, **fields)


EVERY = (Way(CHAT, CHAT), Way(CHAT, MESSAGES), Way(MESSAGES, MESSAGES), Way(MESSAGES, CHAT))
SAME = (EVERY[0], EVERY[2])
WAYS = pytest.mark.parametrize("way", EVERY, ids=lambda way: way.name)
FORMS = pytest.mark.parametrize("way", SAME, ids=lambda way: way.client.name)
"""One for each form in which errors are told."""


def by(key: str) -> dict[str, str]:
    return {"x-api-key": key} if key else {}


@dataclass
class Talk:
    """One connection of a client."""

    connection: ClientConnection

    def say(self, frame: Json | str | bytes) -> None:
        self.connection.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    def hear(self) -> Frame:
        """Return the next frame."""
        frame = self.connection.recv(timeout=20)
        assert isinstance(frame, str)
        got: Frame = json.loads(frame)
        return got

    def rest(self, ident: Any = None) -> list[Frame]:
        """Return the frames up to the end of a request; none may be of another."""
        heard = [self.hear()]
        while heard[-1].get("type") not in ("done", "error"):
            heard.append(self.hear())
        assert {frame.get("stream_id") for frame in heard} == {ident}
        return heard

    def until(self, ident: Any, kind: str = "error") -> Frame:
        """Return the next frame of a kind that is of one request; what comes before it does not matter."""
        while True:
            frame = self.hear()
            if frame.get("stream_id") == ident and frame.get("type") == kind:
                return frame

    def ask(self, frame: Json) -> list[Frame]:
        """Ask, and return the frames of the answer without the last, which must say that it is whole."""
        self.say(frame)
        *heard, last = self.rest(frame.get("id"))
        assert last == done(frame.get("id"))
        return heard

    def refusal(self, status: int, ident: Any = None) -> Json:
        """Return the inner error of the next frame, which must be one that tells a whole error."""
        frame = self.hear()
        assert (frame["type"], frame["status"]) == ("error", status), frame
        assert frame.get("id") == frame.get("stream_id") == ident
        error: Json = frame["error"]
        assert error["message"]
        return error

    def closed(self) -> tuple[int, str]:
        """Wait until the other side closes; return its code and reason. Nothing more may be said before."""
        with pytest.raises(ConnectionClosed) as caught:
            self.connection.recv(timeout=30)
        close = caught.value.rcvd
        return (close.code, close.reason) if close is not None else (1006, "")

    def is_well(self, way: Way) -> None:
        """Hold that the connection is of use."""
        assert self.ask(way.body(id="is well"))


def done(ident: Any = None, **more: Any) -> Frame:
    """Return the frame that ends an answer."""
    return {"type": "done", **({"id": ident, "stream_id": ident} if ident is not None else {}), **more}


@contextmanager
def talking(turnout: Turnout, path: str, key: str = ADA, headers: Json | None = None, **how: Any) -> Iterator[Talk]:
    url = turnout.url.replace("http", "ws", 1)
    fields = {**by(key), **(headers or {})}
    with connect(
        f"{url}{path}", additional_headers=fields, max_size=None, compression=None, close_timeout=5, proxy=None, **how
    ) as connection:
        yield Talk(connection)


@dataclass
class House:
    turnout: Turnout
    openai: Upstream
    anthropic: Upstream

    def upstream(self, way: Way) -> Upstream:
        return self.anthropic if way.server is MESSAGES else self.openai

    def post(self, way: Way, body: Json, key: str = ADA) -> Any:
        return post(self.turnout.url, way.client.path, body, by(key))

    def talk(self, way: Way, key: str = ADA, **how: Any) -> Any:
        return talking(self.turnout, way.client.path, key, **how)

    def status(self) -> Json:
        found: Json = get(self.turnout.url, "/status").json
        return found


def wait(true: Callable[[], object], what: str = "", seconds: float = 30.0) -> None:
    """Wait until something holds; the bound is there so that a hang ends."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what or "it never came true"
        time.sleep(0.02)
