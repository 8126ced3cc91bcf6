"""The Responses API on a socket: `response.create`, `response.cancel` and `response.steer` in, its events out.

Facts: openai 3.57 (types/responses/responses_client_event.py, responses_server_event.py), the vendor's guide to the
WebSocket mode, and what Codex 0.169 sends: first a request with `generate: false`, then only what is new, going on from
the response before it, although nothing is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Raw

from engine.chat import Problem
from engine.serve.sockets.answered import Answered, failing
from engine.serve.sockets.memory import Memory
from engine.serve.sockets.steering import failed
from engine.serve.sockets.talk import Ask, Cancel, Heard, Say, opened, text_of

if TYPE_CHECKING:
    from engine.upstreams.turn import Line

PATH = "/v1/responses"
CREATE, CANCEL, STEER = "response.create", "response.cancel", "response.steer"
KINDS = (CREATE, CANCEL, STEER)
BESIDE = frozenset({"type", "stream_id", "generate", "background", "stream"})
"""Fields of a frame that are none of the body: of the transport, or without a meaning on it."""
STREAMED = Raw(b"true")
MOST_LANES = 32
"""The vendor's own number of named lanes on a connection."""
CROWDED, AGED = "websocket_stream_limit_reached", "websocket_connection_limit_reached"


class Responses:
    """One connection."""

    def __init__(self, room: int) -> None:
        """`room`: bytes of conversations that it remembers."""
        self.memory = Memory(room, MOST_LANES + 1)
        self._lines: dict[str, dict[object, Line]] = {}
        """Lane -> its connections to upstreams."""
        self._active: dict[str, Answered] = {}
        """Lane -> the request that began last."""

    def hear(self, data: bytes) -> Heard:
        fields = opened(data)
        kind = text_of(fields, "type")
        lane = text_of(fields, "stream_id")
        if kind == CREATE:
            return self._create(fields, lane, len(data))
        if kind == CANCEL:
            return self._cancel(text_of(fields, "response_id"), lane)
        if kind == STEER:
            return self._steer(fields)
        told = f"`type` is one of {', '.join(KINDS)}"
        raise Problem(400, "invalid_request", f"{told}, and not `{kind}`"[:200], param="type")

    def _create(self, fields: dict[str, Raw], lane: str | None, size: int) -> Ask:
        raw = bytes(fields.get("generate", Raw(b"true")))
        if raw not in (b"true", b"false", b"null"):
            raise Problem(400, "invalid_request", "`generate` must be true or false", param="generate")
        body = {name: value for name, value in fields.items() if name not in BESIDE} | {"stream": STREAMED}
        answered = Answered(body, lane, self.memory, self, generate=raw != b"false")
        return Ask(path=PATH, size=size, answering=answered, lane=lane or "", name=lane)

    def lines(self, answered: Answered) -> dict[object, Line]:
        """Return the connections of a lane whose next request begins. Raises `Problem` where it is one too many."""
        lane = answered.lane or ""
        if lane and lane not in self._lines and len(self._lines.keys() - {""}) >= MOST_LANES:
            raise Problem(400, CROWDED, f"this connection has {MOST_LANES} lanes already: use one of them")
        self._active[lane] = answered
        return self._lines.setdefault(lane, {})

    def _cancel(self, response: str | None, lane: str | None) -> Heard:
        """Say which lane is meant: the one that is named, or in which that response is under way."""
        if response is not None:
            found = [name for name, one in self._active.items() if one.response == response and not one.over]
            if not found:
                raise Problem(404, "response_not_found", f"no response `{response[:100]}` is under way here")
            return Cancel(lane=found[0], name=found[0] or None, waiting=False)
        return Cancel(lane=lane or "", name=lane, waiting=False)

    def _steer(self, fields: dict[str, Raw]) -> Heard:
        """Take input for a response that is under way: its successor begins with it."""
        target = text_of(fields, "previous_response_id") or ""
        sent = fields.get("input", Raw(b"null"))
        active = next((one for one in self._active.values() if one.response == target), None)
        if active is None:
            known = self.memory.find(target) is not None
            code = "response_already_completed" if known else "response_not_found"
            return Say(frames=[failed(code, sent, target, None)])
        if active.over:
            return Say(frames=[failed("response_already_completed", sent, target, active.lane)])
        return Say(frames=[active.steering.take(sent, target, active.lane)])

    def problem(self, problem: Problem, data: bytes = b"") -> bytes:
        lane: str | None = None
        try:
            lane = text_of(opened(data), "stream_id") if data else None
        except Problem:
            lane = None
        return failing(problem, lane)

    def crowded(self, most: int) -> Problem:
        told = f"{most} responses of this connection run or wait (server.websocket.requests); wait until one has ended"
        return Problem(429, CROWDED, told)

    def aged(self, seconds: float) -> bytes | None:
        told = f"this connection has been open for {seconds:g} s (server.websocket.total); open another one"
        return failing(Problem(400, AGED, told), None)

    def close(self) -> None:
        for lines in self._lines.values():
            for line in lines.values():
                line.close()
        self._lines.clear()
        self._active.clear()
        self.memory.clear()
