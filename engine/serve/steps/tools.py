"""`tools`: what Turnout offers a model beside the client's own tools, and runs itself, round for round.

A call of a client's tool ends the rounds and goes to the client. Where a model calls both at once, ours are run, and
of the others it is told to call them again by themselves: a client never sees half of a turn.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Call, Problem
from engine.dialects import CODECS
from engine.dialects.codec import Asked
from engine.dialects.retold import is_whole, told_whole, untold
from engine.dialects.rounds import PLACES, Told, gone_on, names, offered
from engine.observe.record import Run
from engine.serve.failures import NO_RETRY, stopping
from engine.serve.toolbox.base import Outcome, Unready
from engine.texts import printable
from engine.texts import told as told_of

if TYPE_CHECKING:
    from msgspec import Raw

    from engine.chat import Api, Response
    from engine.dialects.base import Peek
    from engine.plan.layers import Tools
    from engine.plan.nodes import Decision
    from engine.serve.order import Order
    from engine.serve.reply import Visit
    from engine.serve.toolbox.base import Tool
    from engine.serve.toolbox.boxes import Box

AT_ONCE = 16
"""Calls of one turn that run at the same time; the others wait."""
ALONE = "This tool was not run, because it was called beside others. Call it again, by itself."
SHOWN = 120
"""Characters of arguments and results that an announcement quotes."""


class Kit:
    """The tools of one request, and the rounds that they have taken."""

    def __init__(self, tools: Tools, found: dict[str, tuple[Box, Tool]], form: Api, visit: Visit) -> None:
        self._tools = tools
        self._found = found
        """Name as the model is told -> whose it is."""
        self._form = form
        self._visit = visit
        self._own: Any = []
        """What the client declares itself."""
        self._rounds = 0
        self._lines: list[str] = []
        self._room = asyncio.Semaphore(AT_ONCE)
        self.ran: list[Run] = []
        """What was run so far."""

    def offer(self, peek: Peek) -> Peek:
        """Return the request with the tools."""
        own = peek.fields.get("tools")
        self._own = msgspec.json.decode(own) if own is not None else []
        told = [msgspec.structs.replace(tool.offered, name=name) for name, (_, tool) in self._found.items()]
        return msgspec.structs.replace(peek, fields=offered(self._form, peek.fields, told)) if told else peek

    async def again(self, order: Order, answer: Response, body: bytes) -> dict[str, Raw] | None:
        """Return the request that goes on with the results; None where the answer calls none of ours.

        `body` is the answer as it came. Raises `Problem` (502) where the model has called often enough.
        """
        calls = [block for block in answer.blocks if isinstance(block, Call)]
        if not any(call.name in self._found for call in calls):
            return None
        if self._rounds == self._tools.rounds:
            raise Problem(
                502,
                "tool_rounds",
                f"the model still called tools after {self._rounds} rounds, which `tools` allows at most",
                headers=(NO_RETRY,),
            )
        self._rounds += 1
        try:
            outcomes = await asyncio.gather(*(self._run(call) for call in calls))
        except asyncio.CancelledError:
            if self._visit.gone:
                raise
            raise stopping() from None
        if self._tools.announced:
            self._lines += [
                _line(call, told) for call, told in zip(calls, outcomes, strict=True) if call.name in self._found
            ]
        results = [
            Told(id=call.id, text=told.text, error=told.error, custom=call.kind == "custom")
            for call, told in zip(calls, outcomes, strict=True)
        ]
        whole = body if is_whole(body) else told_whole(body) or _written(order, answer)
        return gone_on(order.form, order.peek.fields, whole, results)

    def finished(self, api: Api, body: bytes) -> bytes:
        """Return the last answer with no tools but the client's own."""
        return untold(body, self._own) if api == "responses" else body

    @property
    def announcement(self) -> str:
        """What stands in front of the answer, "" for nothing."""
        return "".join(f"{line}\n" for line in (*self._lines, "")) if self._lines else ""

    async def _run(self, call: Call) -> Outcome:
        if call.name not in self._found:
            return Outcome(ALONE, error=True)
        box, tool = self._found[call.name]
        try:
            arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
        except msgspec.DecodeError as error:
            self.ran.append(Run(tool=call.name, seconds=0.0, failed=True))
            return Outcome(f"the arguments are no JSON object: {error}", error=True)
        begun = self._visit.loop.time()
        clock = asyncio.timeout(self._tools.timeout)
        try:
            async with self._room, clock:
                told = await box.source.call(tool.own, arguments)
        except (Exception, SystemExit) as error:
            why = f"{type(error).__name__}: {told_of(error)}".removeprefix("RuntimeError: ")
            if isinstance(error, TimeoutError) and clock.expired():  # a tool may raise one of its own
                why = f"it did not answer within {self._tools.timeout:g} s"
            told = Outcome(why, error=True)
        seconds = round(self._visit.loop.time() - begun, 6)
        self.ran.append(Run(tool=call.name, seconds=seconds, failed=told.error))
        return msgspec.structs.replace(told, text=cut(told.text, self._tools.result))


async def equipped(visit: Visit, decision: Decision, form: Api, peek: Peek) -> Kit | None:
    """Return the tools of a request; None where its entry has none, or its API has no tools.

    Raises `Problem` (503) where a source that is required has none at present.
    """
    tools = decision.pools[0].tuning.tools
    if tools is None or form not in PLACES:
        return None
    boxes = [visit.generation.tools[source.key] for source in tools.sources]
    found: dict[str, tuple[Box, Tool]] = {}
    taken = names(peek.fields)
    every = await asyncio.gather(*(box.source.tools() for box in boxes), return_exceptions=True)
    for source, box, each in zip(tools.sources, boxes, every, strict=True):
        if isinstance(each, Unready):
            if source.declared.required:
                told = f"the tools of `{source.name}` cannot be used: {each}"
                raise Problem(503, "tools_unavailable", told, headers=((b"retry-after", b"1"),))
            continue
        if isinstance(each, BaseException):
            raise each
        for tool in each:
            name = free(tool.offered.name, taken)
            taken.add(name)
            found[name] = (box, tool)
    return Kit(tools, found, form, visit)


def free(name: str, taken: set[str]) -> str:
    """Return `name`, or with a number where something else is called so: `search_2`."""
    number, one = 2, name
    while one in taken:
        one = f"{name[:60]}_{number}"
        number += 1
    return one


def cut(text: str, most: int) -> str:
    """Return at most `most` bytes of `text`, and what is missing."""
    data = printable(text).encode()
    if len(data) <= most:
        return data.decode()
    return f"{data[:most].decode(errors='ignore')}\n[cut: the first {most} of {len(data)} bytes]"


def _written(order: Order, answer: Response) -> bytes:
    """Return a streamed answer as a whole one."""
    try:
        tools = order.request().tools
    except Problem:  # it asks for something that no other API has: then no tool has a name of ours
        tools = ()
    asked = Asked(model=answer.model, id=answer.id, created=0, tools=tools)
    return CODECS[order.api].write_answer(answer, asked)


def _line(call: Call, told: Outcome) -> str:
    verb = "failed" if told.error else "said"
    arguments = "" if call.arguments == "{}" else _short(call.arguments)
    return f"[{call.name}({arguments}) {verb}: {_short(told.text)}]"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"
