"""The client's side of one exchange: a visit with its lease, and the answer as it goes out."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from engine.chat import Problem
from engine.dialects import ANTHROPIC, OPENAI
from engine.serve.headers import IDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from litestar.types import Scope, Send

    from engine.chat import Headers, Loss
    from engine.dialects.base import Dialect
    from engine.serve.generation import Generation

JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
LOOPBACK = ("127.", "::1")
PLAIN = re.compile(r"[A-Za-z0-9._/ -]*")
MOST_LOSSES, LOSS_BYTES = 8, 1024
LOSS_SAFE = "!#$&'*+-./:;?@^_`|~ ()[]{}<>"
"""Everything printable but what parts the header: `,`, `=`, `%` and quotes."""
BEAT = (1.0, 10.0)
"""Least and most seconds between keep-alives. Claude Code shows a stall banner after 20 s of silence."""

_start = os.urandom(5).hex()
_count = itertools.count(1)


class Visit:
    """One request on one generation. It stands in the ASGI scope as `scope["turnout"]`."""

    __slots__ = ("generation", "gone", "id", "loop", "refused", "task")

    def __init__(
        self, generation: Generation, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any] | None = None
    ) -> None:
        self.generation = generation
        self.task = task
        """None: refused by the wire, before anybody looked at it."""
        self.loop = loop
        self.id = f"req_{_start}{next(_count):08x}"
        self.gone = False
        """The client closed its connection; the protocol says so before it cancels the task."""
        self.refused: Problem | None = None
        """What the wire says of it: how it answered, since it could not read the body, or why it dropped the client."""

    @staticmethod
    def of(scope: Scope) -> Visit:
        return cast("Visit", cast("dict[str, Any]", scope)["turnout"])


def is_local(scope: Scope) -> bool:
    """Say whether a request comes from this machine: by loopback, or by a unix socket."""
    client = scope.get("client")
    return client is None or client[0].startswith(LOOPBACK)


def form_of(scope: Scope) -> Dialect:
    """Return the dialect in whose form this caller expects an error, before any endpoint is known."""
    if b"/messages" in scope.get("raw_path", b""):
        return ANTHROPIC
    for name, _ in scope["headers"]:
        if name == b"anthropic-version":
            return ANTHROPIC
    return OPENAI


class Reply:
    """Sends the answer: as a whole, or opened once and then piece by piece with keep-alives in silence."""

    def __init__(self, send: Send, visit: Visit) -> None:
        self.send = send
        """Takes what goes out."""
        self._visit = visit
        self._loop = visit.loop
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self._said = 0.0
        self._every = 0.0
        """Seconds of silence after which a keep-alive is sent."""
        self.opened = False
        """The status line is out."""
        self.status = 0
        self.first: float | None = None
        """When the first content left, by the loop's clock."""
        self.over: Callable[[Headers], Headers] | None = None
        """What is done to the fields of every head: our own rate limits stand in for the upstream's."""
        self.on_first: Callable[[], None] | None = None
        """Called when the first content leaves."""

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a complete answer."""
        await self._quiet()
        self.opened, self.status = True, status
        self._begin(self._loop.time())
        headers = [*self._told(headers), (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    async def refuse(self, problem: Problem, form: Dialect, marks: Headers) -> None:
        """Send `problem` as a complete error in the client's form."""
        headers = [JSON, *with_ids([*marks, *problem.headers], self._visit)]
        if not any(name == b"date" for name, _ in headers):
            headers.append((b"date", formatdate(usegmt=True).encode()))
        await self.whole(form.status(problem), headers, form.error(problem, self._visit.id))

    def hold(self, seconds: float, beat: bytes, head: Callable[[], Headers]) -> None:
        """Open the stream after `seconds` without content, and send `beat` in every silence from then on."""
        self._every = min(max(seconds, BEAT[0]), BEAT[1])
        self._timer = self._loop.call_later(seconds, self._tick, beat, head)

    def _tick(self, beat: bytes, head: Callable[[], Headers]) -> None:
        silent = self._loop.time() - self._said
        if self.opened and silent < self._every:
            self._timer = self._loop.call_later(self._every - silent, self._tick, beat, head)
            return
        if self._beating is None or self._beating.done():  # else the client does not even take the last one
            self._beating = self._loop.create_task(self._say(beat, head))
        self._timer = self._loop.call_later(self._every, self._tick, beat, head)

    async def _say(self, beat: bytes, head: Callable[[], Headers]) -> None:
        if not self.opened:
            await self._open(200, head())
        self._said = self._loop.time()
        await self.send({"type": "http.response.body", "body": beat, "more_body": True})

    async def piece(self, data: bytes, head: Callable[[], Headers]) -> None:
        """Send content; the first piece opens the stream if it is not open yet."""
        if self._beating is not None:
            await self._still(self._beating)
        if not self.opened:
            await self._open(200, head())
        self._said = self._loop.time()
        if self.first is None:
            self._begin(self._said)
        await self.send({"type": "http.response.body", "body": data, "more_body": True})

    async def open(self, status: int, headers: Headers) -> None:
        """Send the head of a streamed answer."""
        await self._quiet()
        await self._open(status, headers)

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece."""
        await self._quiet()
        await self.send({"type": "http.response.body", "body": data, "more_body": False})

    def _begin(self, now: float) -> None:
        self.first = now
        if self.on_first is not None:
            self.on_first()

    def close(self) -> None:
        """Stop the keep-alives."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None

    async def _open(self, status: int, headers: Headers) -> None:
        self.opened, self.status = True, status
        await self.send({"type": "http.response.start", "status": status, "headers": self._told(headers)})

    def _told(self, headers: Headers) -> Headers:
        return headers if self.over is None else self.over(headers)

    async def _quiet(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._beating is not None:
            await self._still(self._beating)

    async def _still(self, beating: asyncio.Task[None]) -> None:
        """Let a keep-alive that has begun finish, and one that has not give way."""
        if self.opened:
            await beating
        else:
            beating.cancel()  # what comes now may still have a status of its own
        self._beating = None


def marks(
    visit: Visit,
    *,
    route: str | None = None,
    target: str | None = None,
    tries: int | None = None,
    losses: Iterable[Loss] = (),
    estimate: str | None = None,
) -> Headers:
    """Return the headers by which an answer can be held against `turnout explain`."""
    if not visit.generation.plan.document.observe.headers:
        return []
    headers = [(b"x-turnout-request", visit.id.encode())]
    if route is not None:
        headers.append((b"x-turnout-route", plain(route)))
    if target is not None:
        headers.append((b"x-turnout-target", plain(target)))
    if tries is not None:
        headers.append((b"x-turnout-attempts", str(tries).encode()))
    if lost := loss_header(losses):
        headers.append((b"x-turnout-loss", lost))
    if estimate is not None:
        headers.append((b"x-turnout-estimate", estimate.encode()))
    headers.append((b"x-turnout-generation", visit.generation.id.encode()))
    return headers


def loss_header(losses: Iterable[Loss]) -> bytes:
    """Return `path=reason, ..., +N` of what was dropped: at most eight of them, 1 KB, percent-encoded; b"" for nothing.

    Parameters come before what was dropped inside of messages; N is how many more there are.
    """
    dropped = [loss for loss in losses if loss.grade == "dropped"]
    dropped.sort(key=lambda loss: "[" in loss.path)
    told: list[bytes] = []
    room = LOSS_BYTES - len(b", +1000000")
    for loss in dropped[:MOST_LOSSES]:
        one = f"{quote(loss.path, safe=LOSS_SAFE)}={quote(loss.reason, safe=LOSS_SAFE)}".encode()
        room -= len(one) + 2
        if room < 0:
            break
        told.append(one)
    if len(told) < len(dropped):
        told.append(b"+%d" % (len(dropped) - len(told)))
    return b", ".join(told)


def with_ids(headers: Headers, visit: Visit) -> Headers:
    """Add our request id under the vendors' names, where the upstream gave none."""
    for name, _ in headers:
        if name in IDS:
            return headers
    return [*headers, (b"x-request-id", visit.id.encode()), (b"request-id", visit.id.encode())]


def plain(value: str) -> bytes:
    """Return `value` fit for a header: ASCII as it is, anything else percent-encoded, 200 bytes at most."""
    if PLAIN.fullmatch(value):
        return value.encode()[:200]
    return quote(value, safe="!#$&'*+-./:;=?@^_`|~ ()[]{},<>").encode()[:200]
