"""The live echo upstream: decides what goes wrong, has the answer made, and paces it out."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast
from weakref import WeakSet

import msgspec

from engine.chat import Failed, Failure, Problem
from engine.dialects import ANTHROPIC, OPENAI
from engine.dialects.body import TOO_DEEP, mismatch, refused
from engine.units import seconds
from engine.upstreams.drivers.echo import chat, completions, embeddings, messages
from engine.upstreams.drivers.echo.fault import asked
from engine.upstreams.drivers.echo.reply import mark
from engine.upstreams.echo import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Api, Headers
    from engine.dialects.base import Dialect
    from engine.upstreams.base import Call
    from engine.upstreams.echo import Echo

ANSWERS: dict[str, tuple[Dialect, Callable[[bytes, str, bool], tuple[bool, list[bytes]]]]] = {
    "chat": (OPENAI, chat.answer),
    "completions": (OPENAI, completions.answer),
    "embeddings": (OPENAI, embeddings.answer),
    "messages": (ANTHROPIC, messages.answer),
    "count_tokens": (ANTHROPIC, messages.count),
}
CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    404: "model_not_found",
    408: "request_timeout",
    429: "rate_limited",
    503: "overloaded",
    529: "overloaded",
}
"""The code that a status asked for by `fail` is given."""
SLICE = 64
"""How many bytes of a JSON answer are one piece when it is to be cut or stalled."""

JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")


class EchoDriver:
    """Implements `Driver` (upstreams/base.py)."""

    remote = False

    def __init__(self, name: str, options: Echo) -> None:
        self.name = name
        self._options = options
        self._pace = seconds(options.pace)
        self._closed = asyncio.Event()
        self._answers: WeakSet[EchoAnswer] = WeakSet()

    async def send(self, call: Call) -> EchoAnswer:
        """Answer `call`. Raises `Failed` where the fault says so, or when the driver is closed meanwhile."""
        try:
            fault = self._fault(call)
        except Problem as problem:
            return self._refusal(call, problem)
        if fault.refuse:
            raise Failed(Failure(reason="connect", message=f"echo upstream `{self.name}` refuses, as it was told"))
        body = call.body if isinstance(call.body, bytes) else b"".join([piece async for piece in call.body])
        if fault.slow:
            await self._wait(seconds(fault.slow))
        if fault.stall == "head":
            await self._wait(None)
        if fault.fail is not None:
            message = f"echo upstream `{self.name}` fails with {fault.fail}, as it was told"
            return self._refusal(call, Problem(fault.fail, CODES.get(fault.fail, "echo_fault"), message), fault)
        return self._answer(call, body, fault)

    async def close(self) -> None:
        """End everything that still waits or speaks."""
        self._closed.set()
        for answer in list(self._answers):
            answer.close()

    def _fault(self, call: Call) -> Fault:
        if self._options.faults and call.faults is not None:
            return asked(call.faults)
        return self._options.fault or Fault()

    def _answer(self, call: Call, body: bytes, fault: Fault) -> EchoAnswer:
        if call.api is None:
            seen = {"method": call.method, "path": call.path, "query": call.query.decode("latin-1"), "bytes": len(body)}
            return self._spoken(200, [JSON], [msgspec.json.encode({"echo": seen})], fault)
        dialect, make = ANSWERS[call.api]
        try:
            stream, pieces = make(body, call.model or "echo", self._options.demo)
        except msgspec.ValidationError as error:
            return self._refusal(call, mismatch(error, ""))
        except RecursionError:
            return self._refusal(call, refused(TOO_DEEP))
        except Problem as problem:
            return self._refusal(call, problem)
        content = 1
        if stream:
            tap = dialect.tap(cast("Api", call.api), None)
            content = next((at for at, piece in enumerate(pieces, 1) if tap.feed(piece)), len(pieces))
        elif fault.cut is not None or fault.stall:
            pieces = [pieces[0][at : at + SLICE] for at in range(0, len(pieces[0]), SLICE)]
        headers: Headers = [EVENT_STREAM if stream else JSON, *identity(dialect, body)]
        return self._spoken(200, headers, pieces, fault, content)

    def _refusal(self, call: Call, problem: Problem, fault: Fault | None = None) -> EchoAnswer:
        dialect = OPENAI if call.api is None else ANSWERS[call.api][0]
        headers: Headers = [JSON, *identity(dialect, problem.message.encode())]
        if fault is not None and fault.retry_after is not None:
            wait = seconds(fault.retry_after)
            headers.append((b"retry-after", f"{wait:g}".encode()))
        body = dialect.error(problem, headers[1][1].decode())
        return self._spoken(problem.status, headers, [body], Fault())

    def _spoken(self, status: int, headers: Headers, pieces: list[bytes], fault: Fault, content: int = 1) -> EchoAnswer:
        answer = EchoAnswer(status, headers, pieces, self._pace, fault, content)
        self._answers.add(answer)
        return answer

    async def _wait(self, limit: float | None) -> None:
        """Wait so long, or for ever. Raises `Failed` when the driver is closed meanwhile."""
        try:
            async with asyncio.timeout(limit):
                await self._closed.wait()
        except TimeoutError:
            return
        raise Failed(Failure(reason="disconnect", message=f"echo upstream `{self.name}` was closed"))


def identity(dialect: Dialect, body: bytes) -> Headers:
    """Return the request id, under the vendor's name for it."""
    return [(b"request-id" if dialect is ANTHROPIC else b"x-request-id", f"req_{mark(body)}".encode())]


class EchoAnswer:
    """Implements `Answer` (upstreams/base.py): pieces at a pace, and the faults of the body."""

    framed: bool = True

    def __init__(
        self, status: int, headers: Headers, pieces: list[bytes], pace: float, fault: Fault, content: int
    ) -> None:
        self.status = status
        self.headers = headers
        self._pieces = pieces
        self._pace = pace
        self._fault = fault
        self._content = content
        """The number of the first piece that holds content."""
        self._sent = 0
        self._over = asyncio.Event()

    async def chunk(self) -> bytes:
        over = self._sent == len(self._pieces)
        if self._fault.stall == "body" and self._sent >= self._content:
            await self._over.wait()
        elif self._sent and not over:
            await self._rest()
        if self._over.is_set():
            raise Failed(Failure(reason="disconnect", message="the echo upstream's answer was closed"))
        if self._fault.cut is not None and (self._sent >= self._fault.cut or over):
            raise Failed(Failure(reason="disconnect", message="the echo upstream broke off, as it was told"))
        if over:
            return b""
        self._sent += 1
        return self._pieces[self._sent - 1]

    async def read(self, limit: int) -> bytes:
        body = b""
        while piece := await self.chunk():
            body += piece
            if len(body) > limit:
                self.close()
                raise Failed(Failure(reason="disconnect", message=f"the answer is larger than {limit} bytes"))
        return body

    def close(self) -> None:
        self._over.set()

    async def _rest(self) -> None:
        """Pause between two pieces; at no pace at all, let others run."""
        if not self._pace:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace):
                await self._over.wait()
