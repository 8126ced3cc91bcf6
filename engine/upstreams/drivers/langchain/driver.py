"""The live LangChain upstream: reads the neutral request, has the code answer it, and keeps time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Failed, Failure, Problem
from engine.dialects.fold import fold
from engine.dialects.neutral.codec import read
from engine.dialects.neutral.stream import NeutralEncoder, clean, write_answer
from engine.units import seconds
from engine.upstreams.base import Unbuildable
from engine.upstreams.drivers.langchain import embeddings
from engine.upstreams.drivers.langchain.answering import Streaming, Whole
from engine.upstreams.drivers.langchain.asking import answer
from engine.upstreams.drivers.langchain.errors import failure_of, place_of
from engine.upstreams.drivers.langchain.load import Code, Thing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from engine.chat import Event, Request
    from engine.dialects.neutral.takes import Takes
    from engine.upstreams.base import Answer, Call
    from engine.upstreams.langchain import LangChain

LOG = logging.getLogger("turnout.langchain")
MODELS = 64
"""How many models of one class are kept: a `*` in the file lets clients name any."""


class LangChainDriver:
    """Implements `Driver` (upstreams/base.py)."""

    remote = False

    def __init__(self, name: str, options: LangChain, models: Iterable[str] = ()) -> None:
        """Import the code, and make it for `models`. Raises `Unbuildable`."""
        self.name = name
        (self._key,) = options.imports
        self._code = Code(options, self._key)
        self._first = seconds(options.timeouts.first)
        self._idle = seconds(options.timeouts.idle)
        self._total = seconds(options.timeouts.total)
        self._things: dict[str, Any] = {}
        self._streams: set[asyncio.Task[None]] = set()
        self._usual = self._code.takes()
        self._families: dict[str, Takes] = {}
        for model in models or ([""] if self._code.made else []):
            self._things[model] = self._make(model)

    def __repr__(self) -> str:
        return f"<LangChainDriver {self.name}>"

    def family(self, model: str) -> Takes:
        """Return what `model` can be asked: as it says of itself, or as its class is able."""
        return self._families.get("" if self._code.made else model, self._usual)

    @property
    def limits(self) -> dict[str, None]:
        """What clients cannot ask of the models that are made, each once."""
        found = self._families.values() or [self._usual]
        return dict.fromkeys(lack for family in found if (lack := family.lacks))

    async def send(self, call: Call) -> Answer:
        """Answer `call`. Raises `Failed`."""
        if call.api is None:
            message = f"upstream `{self.name}` is no server: requests cannot be passed on to it"
            raise Failed(Failure(reason="bad_request", message=message))
        body = call.body if isinstance(call.body, bytes) else b"".join([piece async for piece in call.body])
        until = asyncio.get_running_loop().time() + self._total - call.spent
        thing = await self._thing(call.model or "")
        try:
            if self._key == "embeddings":
                return Whole(await self._timed(embeddings.answer(thing, body, call.model or ""), until))
            request = read(body)
            if not request.stream:
                return Whole(await self._timed(self._whole(thing, request), until))
        except Problem as problem:
            raise Failed(Failure(reason="bad_request", message=problem.message, status=problem.status)) from None
        answer = Streaming(self._pieces(thing, request), self._failed, self._idle, until)
        self._streams.add(answer.task)
        answer.task.add_done_callback(self._streams.discard)
        try:
            await answer.begun(min(self._first, self._total - call.spent))
        except BaseException:
            answer.close()
            raise
        return answer

    async def close(self) -> None:
        """End everything that still runs."""
        streams = list(self._streams)
        for task in streams:
            task.cancel()
        if streams:
            await asyncio.wait(streams)

    def _make(self, model: str) -> Any:
        made = self._code.make(model)
        if self._key == "embeddings":
            return made
        self._families[model] = self._code.takes(made)
        try:
            return Thing(made)
        except ValueError as error:
            raise Unbuildable("not-a-model", str(error), (self._key,), None) from None

    async def _thing(self, model: str) -> Any:
        """Return what answers for `model`, made in a thread where it is asked for the first time."""
        name = "" if self._code.made else model
        if name not in self._things:
            try:
                made = await asyncio.to_thread(self._make, name)
            except Unbuildable as error:
                raise Failed(Failure(reason="server_error", message=f"upstream `{self.name}`: {error}")) from None
            while len(self._things) >= MODELS:
                oldest = next(iter(self._things))
                self._things.pop(oldest)
                self._families.pop(oldest, None)
            self._things[name] = made
        return self._things[name]

    async def _timed(self, work: Any, until: float) -> bytes:
        """Return what `work` makes in time. Raises `Failed`, also for whatever it raises."""
        left = min(self._first, until - asyncio.get_running_loop().time())
        clock = asyncio.timeout(max(0.0, left))
        try:
            async with clock:
                made: bytes = await work
                return made
        except (Problem, Failed):
            raise
        except (Exception, SystemExit) as error:
            if isinstance(error, TimeoutError) and clock.expired():
                message = f"upstream `{self.name}`: the code gave no answer within {left:g} s"
                raise Failed(Failure(reason="timeout", message=message)) from None
            raise Failed(self._failed(error)) from error

    async def _whole(self, thing: Thing, request: Request) -> bytes:
        events: list[Event] = []
        async with aclosing(answer(thing, request)) as told:
            async for some in told:
                events += some
        try:
            return write_answer(fold(events))
        except UnicodeEncodeError:
            return write_answer(fold([clean(event) for event in events]))

    async def _pieces(self, thing: Thing, request: Request) -> AsyncGenerator[bytes, None]:
        encoder = NeutralEncoder()
        async with aclosing(answer(thing, request)) as told:
            async for some in told:
                if piece := encoder.feed(some):
                    yield piece

    def _failed(self, error: BaseException) -> Failure:
        """Return what the code raised as a failure; what it was, and where, goes to the log."""
        failure = failure_of(error, self.name)
        if failure.reason == "server_error" and failure.status is None:
            LOG.warning("upstream `%s`: %s", self.name, self._code.scrubbed(place_of(error)))
        return msgspec.structs.replace(
            failure,
            message=self._code.scrubbed(failure.message),
            body=None,
            headers=[
                (key, self._code.scrubbed(value.decode("latin-1")).encode("latin-1")) for key, value in failure.headers
            ],
        )
