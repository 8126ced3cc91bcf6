"""`memory`: what was said in a session before, put in front of what a client says now.

A client that sends only its new turn is answered as if it had sent them all. What is kept belongs to the key, the
entry, the API and the session; nobody else ever finds it. What becomes too much is cut by LangChain's `trim_messages`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from engine.clients.session import session
from engine.dialects import CODECS, COUNTS
from engine.dialects.codec import Asked
from engine.dialects.history import PLACES, answered, going_on, text_of, turns_of, unsaid
from engine.dialects.instructions import instructed, role_of
from engine.dialects.measure import tokens
from engine.plan.nodes import Room
from engine.serve.shelves import Shelves
from engine.serve.steps.held import Heard
from engine.serve.steps.summary import INTRODUCED, summed
from engine.serve.threads import aside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.chat import Api
    from engine.dialects.base import Peek
    from engine.plan.layers import Memory
    from engine.plan.nodes import Decision
    from engine.serve.continued import Continued
    from engine.serve.exchange import Exchange

MOST_BYTES = 64 * 1024 * 1024
"""All that is kept in this process, in bytes; who keeps most gives way."""
MOST_SESSIONS = 100_000
OVERHEAD = 512
Place = tuple[str, str, str]
"""Entry, API, session."""


class Past(msgspec.Struct, frozen=True):
    """What was said in a session: the last turns, and a summary of those before them, where the file asks for one."""

    turns: tuple[Raw, ...] = ()
    summary: str = ""


PAST = msgspec.json.Decoder(Past)


class Memories:
    """What the process remembers; it outlives reloads."""

    def __init__(self) -> None:
        self.shelves: Shelves[Place, Past] = Shelves()


class Remembering:
    """One request in a session, and what is kept of it once it has been answered."""

    def __init__(
        self, exchange: Exchange, memory: Memory, place: Place, caller: str, form: Api, now: Sequence[Raw]
    ) -> None:
        self._exchange = exchange
        self._memory = memory
        self._place = place
        self._caller = caller
        self._form = form
        self._now = now
        self._said = Past()
        self._dropped: Sequence[Raw] = ()
        """What this request has left out, and no summary tells yet."""
        self._heard: Heard | None = None

    async def begin(self, peek: Peek) -> Peek:
        """Return the request with what was said before."""
        past, now = await self._before(), self._now
        before = unsaid(past.turns, now)
        kept = await trimmed([*before, *now], self._memory)
        start = min(len(before) + len(now) - len(kept), open_at(before, now))
        history = before[start:]
        self._dropped = before[:start]
        self._said = Past((*history, *now), past.summary)
        self._heard = Heard(self._exchange.reply)
        return msgspec.structs.replace(peek, fields=going_on(self._form, peek.fields, history))

    async def summed(self, peek: Peek, body: bytes) -> tuple[Peek, bytes]:
        """Return the request, which limits have admitted, with the summary of what is left out."""
        summary = self._said.summary
        if self._memory.summary is not None and self._dropped:
            summary = await summed(self._exchange, self._memory, summary, self._dropped)
            self._said = msgspec.structs.replace(self._said, summary=summary)
        if not summary:
            return peek, body
        fields = instructed(self._form, peek.fields, INTRODUCED + summary, "after")
        return msgspec.structs.replace(peek, fields=fields), msgspec.json.encode(fields)

    async def end(self) -> None:
        """Keep the conversation, if it has been answered."""
        assert self._heard is not None
        answer = self._heard.response(self._form)
        if answer is None:
            return
        asked = Asked(model=answer.model, id="memory", created=0)
        turns = answered(self._form, CODECS[self._form].write_answer(answer, asked))
        if not turns:
            return
        value = Past((*self._said.turns, *turns), self._said.summary)
        size = OVERHEAD + len(value.summary.encode()) + sum(len(bytes(one)) for one in value.turns)
        visit = self._exchange.visit
        shelf = visit.generation.store.memories
        if shelf is not None:
            data = msgspec.json.encode(value)
            shelf.put(self._name(), data, self._memory.seconds, MOST_SESSIONS, MOST_BYTES)
        room = Room(entries=MOST_SESSIONS, bytes=MOST_BYTES, seconds=self._memory.seconds)
        self._exchange.memories.shelves.keep(self._caller, self._place, value, size, room, visit.loop.time())

    async def _before(self) -> Past:
        visit = self._exchange.visit
        shelf = visit.generation.store.memories
        if shelf is not None:
            found = await shelf.get([self._name()])
            if found is not None:  # else nobody can be asked, and what this process knows is better than nothing
                return PAST.decode(found[0]) if found[0] is not None else Past()
        return self._exchange.memories.shelves.find(self._caller, self._place, visit.loop.time()) or Past()

    def _name(self) -> str:
        return hashlib.sha256(msgspec.json.encode((self._caller, *self._place))).hexdigest()


async def remembering(
    exchange: Exchange, decision: Decision, form: Api, goes_on: Continued, caller: str
) -> Remembering | None:
    """Return what a request needs to be remembered.

    None without `memory`, where the client names no session or says nothing, and where it says itself what it goes on
    from.
    """
    pool = decision.pools[0]
    memory = pool.tuning.memory
    if memory is None or form not in PLACES or decision.facts.api in COUNTS:
        return None
    if goes_on.previous is not None or goes_on.keeper is not None:
        return None
    named = session(exchange.headers, exchange.client, goes_on.peek.fields, cached=False)
    now = turns_of(form, goes_on.peek.fields) if named is not None else []
    if named is None or not now:
        return None
    return Remembering(exchange, memory, (pool.entry, form, named), caller, form, now)


async def trimmed(turns: Sequence[Raw], memory: Memory) -> tuple[Raw, ...]:
    """Return the last of `turns` that fit, beginning with what a person said."""
    if _loaded() is None:
        await aside(_load)
    trim, human, other = _LOADED[0]
    count: Any = len if memory.messages is not None else _tokens
    most = memory.messages if memory.messages is not None else memory.tokens
    assert most is not None
    messages = [
        (human if _is_human(turn) else other)(content=text_of(turn), id=str(place)) for place, turn in enumerate(turns)
    ]
    kept = trim(messages, max_tokens=most, token_counter=count, strategy="last", start_on="human", allow_partial=False)
    return tuple(turns[int(one.id)] for one in kept)


def open_at(before: Sequence[Raw], now: Sequence[Raw]) -> int:
    """Return where in `before` the round of tools begins that `now` goes on with; its end where it begins anew.

    A result may not be parted from its call, however long the round gets.
    """
    if _is_human(now[0]):
        return len(before)
    return next((place for place in range(len(before) - 1, -1, -1) if _is_human(before[place])), len(before))


_LOADED: list[Any] = []


def _loaded() -> Any:
    return _LOADED[0] if _LOADED else None


def _load() -> None:
    """Import what cuts messages: once for the process, and not on the event loop."""
    from langchain_core.messages import AIMessage, HumanMessage, trim_messages

    _LOADED[:] = [(trim_messages, HumanMessage, AIMessage)]


def _tokens(messages: list[Any]) -> int:
    return sum(tokens(len(str(one.content).encode())) for one in messages)


def _is_human(turn: Raw) -> bool:
    """Say whether a turn is what a person said, and no result of a tool."""
    return role_of(turn) == "user" and b'"tool_result"' not in bytes(turn)
