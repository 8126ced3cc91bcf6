"""One `response.create` on a socket: its body as its turn comes, and the events of its answer as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Raw

from engine.chat import Problem
from engine.dialects import RESPONSES
from engine.serve.continued import items_of, listed
from engine.serve.sockets.partial import Partial
from engine.serve.sockets.steering import Steering
from engine.serve.sockets.talk import Ask, lost, opened, told
from engine.upstreams.turn import Turn

if TYPE_CHECKING:
    from engine.chat import Headers
    from engine.serve.sockets.memory import Memory
    from engine.upstreams.turn import Line

PREVIOUS = "previous_response_id"
PATH = "/v1/responses"
ENDS = frozenset({"response.completed", "response.incomplete"})
TELLING = ENDS | {"response.created", "response.in_progress", "response.failed"}
"""The events that tell the whole response."""
FAILED = "response.failed"
CALLS = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "computer_call": "computer_call_output",
    "shell_call": "shell_call_output",
    "local_shell_call": "local_shell_call_output",
    "apply_patch_call": "apply_patch_call_output",
    "tool_search_call": "tool_search_output",
}
"""Items that wait for the client -> what it answers them with."""


class Lanes(Protocol):
    """The lanes of a connection."""

    def lines(self, answered: Answered, /) -> dict[object, Line]:
        """Return the connections of a lane whose next request begins. Raises `Problem` where it is one too many."""


class Head(msgspec.Struct):
    """What every event has."""

    type: str = ""
    sequence_number: int = 0


class Response(msgspec.Struct):
    """As far as it matters here."""

    id: str | None = None
    output: list[Raw] = []


class Told(msgspec.Struct):
    """What of an event matters here."""

    response: Response | None = None
    item: Raw = Raw(b"")


class Item(msgspec.Struct):
    type: str | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None


HEAD = msgspec.json.Decoder(Head)
TOLD = msgspec.json.Decoder(Told)
ITEM = msgspec.json.Decoder(Item)


class Answered:
    """One request in its lane, and its answer."""

    def __init__(
        self, fields: dict[str, Raw], lane: str | None, memory: Memory, lanes: Lanes, *, generate: bool
    ) -> None:
        """`fields`: those of the POST. `generate` false: only prepare."""
        self.lane = lane
        self.over = False
        self.response: str | None = None
        """The id of the response, once it is under way."""
        self.steering = Steering()
        self.turn: Turn | None = None
        self._lanes = lanes
        self._partial = Partial()
        self._lost: dict[str, str] = {}
        self._fields = fields
        self._memory = memory
        self._generate = generate
        self._items: tuple[Raw, ...] = ()
        """The conversation that was asked about."""
        self._output: list[Raw] = []
        self._number = 0
        self._begun = Raw(b"{}")
        """The response as it was when it began."""
        self._follow: Ask | None = None

    @property
    def _stored(self) -> bool:
        """Whether somebody else keeps the response: then it need not be remembered here."""
        return self._generate and bytes(self._fields.get("store", b"true")) != b"false"

    def body(self) -> bytes:
        self.turn = Turn(self._lanes.lines(self), generate=self._generate)
        fields = self._fields
        peek = RESPONSES.peek("responses", msgspec.json.encode(fields))
        fresh = items_of(peek)
        previous = _text(fields.get(PREVIOUS))
        kept = self._memory.find(previous) if previous is not None else None
        if kept is None:
            self._items = fresh
            return msgspec.json.encode(fields)
        self._items = (*kept.items, *kept.queued, *fresh)
        self.turn.previous, self.turn.fresh = previous, listed((*kept.queued, *fresh))
        fields = {name: value for name, value in fields.items() if name != PREVIOUS}
        return msgspec.json.encode(fields | {"input": listed(self._items)})

    def refused(self, problem: Problem) -> list[bytes]:
        self._fail()
        return [failing(problem, self.lane), *self.steering.fail("successor_creation_failed", self.lane)]

    def begin(self, headers: Headers) -> None:
        self._lost = lost(headers)

    def event(self, data: bytes) -> list[bytes]:
        if self.over:
            return []
        try:
            head = HEAD.decode(data)
        except msgspec.DecodeError:
            return []  # `[DONE]` of a server that sends it
        self._number = head.sequence_number
        kind = head.type
        self._partial.see(kind, data)
        if kind in TELLING:
            data = self._told(data, last=kind in ENDS)
        if kind == "error":
            self._fail()
            return [nested(data, self.lane), *self.steering.fail("successor_creation_failed", self.lane)]
        if kind == "response.created":
            if (response := _told(data).response) is not None:
                self.response = response.id
                self._begun = opened(data)["response"]
        elif kind == "response.output_item.done":
            if item := bytes(_told(data).item):
                self._output.append(Raw(item))
        elif kind == FAILED:
            self._fail()
            return [marked(data, self.lane), *self.steering.fail("successor_creation_failed", self.lane)]
        elif kind in ENDS:
            self.over = True
            return [marked(data, self.lane), *self._kept(_told(data).response)]
        return [marked(data, self.lane)]

    def _told(self, data: bytes, *, last: bool) -> bytes:
        """Return an event that tells the response with what it goes on from, which the upstream was not told; the last
        one with what was left out of the request."""
        previous = self.turn.previous if self.turn is not None else None
        if previous is None and not (last and self._lost):
            return data
        fields = opened(data)
        if previous is not None and "response" in fields:
            response = opened(bytes(fields["response"])) | {PREVIOUS: Raw(msgspec.json.encode(previous))}
            fields["response"] = Raw(msgspec.json.encode(response))
        if last and self._lost:
            fields["headers"] = Raw(msgspec.json.encode(self._lost))
        return msgspec.json.encode(fields)

    def end(self) -> list[bytes]:
        return [] if self.over else self.broken()

    def whole(self, status: int, headers: Headers, body: bytes) -> list[bytes]:
        if status < 400:
            return self.event(b'{"type":"response.completed","sequence_number":0,"response":%b}' % body)
        self._fail()
        try:
            error = opened(body).get("error")
        except Problem:
            error = None
        return [_error(status, error, told(headers), self.lane)]

    def broken(self) -> list[bytes]:
        return self.refused(Problem(502, "upstream_disconnect", "the answer broke off"))

    def cancelled(self) -> list[bytes]:
        """Say that it was taken back: what has come of it stands, and it is not complete."""
        if self.response is None:
            told = Problem(499, "response_cancelled", "the response was cancelled before it began")
            frames = [failing(told, self.lane)]
        else:
            closing, item = self._partial.close()
            output = [*self._output, *([item] if item is not None else [])]
            changed = {"status": "incomplete", "incomplete_details": {"reason": "cancelled"}, "output": output}
            response = opened(bytes(self._begun)) | changed
            said = [*closing, {"type": "response.incomplete", "response": response}]
            frames = [
                marked(msgspec.json.encode({**one, "sequence_number": number}), self.lane)
                for number, one in enumerate(said, self._number + 1)
            ]
        self._fail()
        return [*frames, *self.steering.fail("response_not_active", self.lane)]

    def follow(self) -> Ask | None:
        """Return the successor that steering has asked for. It is over: nothing of it need be held any more."""
        self._fields, self._items, self._output, self._begun = {}, (), [], Raw(b"{}")
        return self._follow

    def _fail(self) -> None:
        """A turn that has failed takes with it what it went on from, as with the vendor."""
        self.over = True
        if (previous := _text(self._fields.get(PREVIOUS))) is not None:
            self._memory.forget(previous)

    def _kept(self, response: Response | None) -> list[bytes]:
        """Remember the response, and say what becomes of what was steered meanwhile."""
        ident = self.response or (response.id if response else None)
        if ident is None:
            return []
        output = self._output or (response.output if response else [])
        if not self._stored or self.steering.waiting:
            self._memory.keep(self.lane or "", ident, (*self._items, *filter(_replayable, output)))
        waiting = [item for item in map(_item, output) if item.type in CALLS]
        steered = self.steering.items()
        if not steered:
            return []
        if waiting:
            self._memory.queue(ident, steered)
            required = [_stub(item) for item in waiting]
            return self.steering.pend(required, self.lane, self._number + 1)
        fields = {**self._fields, PREVIOUS: Raw(msgspec.json.encode(ident)), "input": listed(steered)}
        next_one = Answered(fields, self.lane, self._memory, self._lanes, generate=True)
        size = sum(len(bytes(item)) for item in steered)
        self._follow = Ask(path=PATH, size=size, answering=next_one, lane=self.lane or "", name=self.lane)
        return []


def _told(data: bytes) -> Told:
    try:
        return TOLD.decode(data)
    except msgspec.DecodeError:
        return Told()  # of a shape that nobody knows: the client may


def _item(raw: Raw) -> Item:
    try:
        return ITEM.decode(raw)
    except msgspec.DecodeError:
        return Item()


def _replayable(raw: Raw) -> bool:
    """Say whether an item can be sent again where nobody stores it: reasoning only with its content."""
    item = _item(raw)
    return item.type != "reasoning" or item.encrypted_content is not None


def _stub(item: Item) -> dict[str, Any]:
    assert item.type is not None
    stub = {"type": CALLS[item.type], "call_id": item.call_id}
    return stub | {"name": item.name} if item.type == "function_call" else stub


def _text(raw: Raw | None) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str) if raw is not None else None
    except msgspec.DecodeError:
        return None


def marked(data: bytes, lane: str | None) -> bytes:
    """Return an event with the lane it belongs to."""
    if lane is None:
        return data
    rest = data.lstrip()[1:].lstrip()
    mark = b'{"stream_id":%b' % msgspec.json.encode(lane)
    return mark + (rest if rest.startswith(b"}") else b"," + rest)


def nested(data: bytes, lane: str | None) -> bytes:
    """Return the flat `error` event of a stream in the form of this transport."""
    fields = opened(data)
    if "error" in fields:
        return marked(data, lane)
    error = {name: fields.get(name, Raw(b"null")) for name in ("code", "message", "param")}
    return _error(500, {"type": Raw(b'"server_error"'), **error}, {}, lane)


def failing(problem: Problem, lane: str | None) -> bytes:
    """Return the frame that says `problem`."""
    error = opened(RESPONSES.error(problem, ""))["error"]
    return _error(RESPONSES.status(problem), error, {}, lane)


def _error(status: int, error: object, headers: dict[str, str], lane: str | None) -> bytes:
    """Return the error form of this transport: `error` is nested, and holds the headers that HTTP would have."""
    said: Any = error if error is not None else {"type": "server_error", "code": None, "message": "it failed"}
    if isinstance(said, Raw):
        said = msgspec.json.decode(said, type=dict[str, Raw])
    frame: dict[str, Any] = {
        "type": "error",
        "status": status,
        "error": said | ({"headers": headers} if headers else {}),
    }
    return msgspec.json.encode(frame if lane is None else {**frame, "stream_id": lane})
