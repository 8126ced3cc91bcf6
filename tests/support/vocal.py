"""An upstream on loopback that speaks the Responses API over WebSocket, and remembers what it was sent.

A server of the `websockets` library, in a thread of its own. Like the vendor's it keeps the latest response of a
connection, so that the next request may go on from it with only what is new. It knows nothing of Turnout.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.support.items import response_events
from tests.support.script import STALL

if TYPE_CHECKING:
    from websockets.http11 import Request, Response

Json = dict[str, Any]
Step = str | threading.Event | Any


@dataclass
class Call:
    """One connection: its handshake, and the frames that came."""

    headers: dict[str, str]
    path: str
    frames: list[Json] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)


class Vocal:
    """The server. `script` queues what the next requests are answered; without, a response that says two words."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.refuses: HTTPStatus | None = None
        """The status with which handshakes are answered."""
        self._queue: deque[list[Step]] = deque()
        self._server: Server = serve(self._talk, "127.0.0.1", 0, process_request=self._knock, max_size=None)
        self.port: int = self._server.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="vocal", daemon=True)
        self._thread.start()
        self._turn = 0

    @property
    def frames(self) -> list[Json]:
        """Every frame that came, in order."""
        return [frame for call in self.calls for frame in call.frames]

    def script(self, *answers: list[Step]) -> None:
        """Answer the next requests so: frames, events to wait for, `STALL`; None closes the connection."""
        self._queue.extend(answers)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(5)

    def _knock(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.refuses is None:
            return None
        return connection.respond(self.refuses, json.dumps({"error": {"message": "no", "type": "t", "code": "c"}}))

    def _talk(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        headers = {name.lower(): value for name, value in connection.request.headers.raw_items()}
        call = Call(headers, connection.request.path)
        self.calls.append(call)
        kept: str | None = None
        try:
            with suppress(ConnectionClosed):
                for message in connection:
                    frame = json.loads(message)
                    call.frames.append(frame)
                    kept = self._answer(connection, frame, kept)
        finally:
            call.closed.set()

    def _answer(self, connection: ServerConnection, frame: Json, kept: str | None) -> str | None:
        if self._queue:
            for step in self._queue.popleft():
                if isinstance(step, threading.Event):
                    step.wait(20)
                elif step is STALL:
                    return kept
                elif step is None:
                    connection.close()
                else:
                    connection.send(step)
            return None
        previous = frame.get("previous_response_id")
        if previous is not None and previous != kept:
            error = {"type": "invalid_request_error", "code": "previous_response_not_found", "message": "no such"}
            connection.send(json.dumps({"type": "error", "status": 400, "error": error}))
            return None
        self._turn += 1
        words = () if frame.get("generate") is False else ("Hello", " there")
        sent = said(*words, model=frame["model"], turn=str(self._turn))
        for one in sent:
            connection.send(one)
        return str(json.loads(sent[0])["response"]["id"])


def said(*words: str, **how: Any) -> list[str]:
    """Return the frames of a response that says `words`."""
    events = response_events(words or ("Hello", " there"), **how)
    return [event.partition(b"data: ")[2].strip().decode() for event in events]
