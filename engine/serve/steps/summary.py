"""A running summary of what a session's memory has no room for any more, written by another model of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Problem, Text
from engine.dialects import OPENAI
from engine.dialects.history import text_of
from engine.dialects.instructions import role_of
from engine.facts import Facts
from engine.plan.layers import Layer
from engine.plan.nodes import Decision
from engine.plan.resolve import Resolver
from engine.serve.continued import Continued
from engine.serve.order import Order
from engine.serve.relay import Relay
from engine.serve.steps.held import Held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msgspec import Raw

    from engine.plan.layers import Memory
    from engine.serve.exchange import Exchange

PATH = "/v1/chat/completions"
TASK = (
    "You keep the memory of a conversation. Write a new summary of at most 200 words that holds everything of the old "
    "summary and of the turns below that may matter later: names, facts, decisions, what is still to be done. "
    "Answer with the summary and nothing else."
)
LONGEST = 20_000
"""Characters of one turn that the summary is told."""
INTRODUCED = "What was said earlier in this conversation, in short:\n"


async def summed(exchange: Exchange, memory: Memory, before: str, dropped: Sequence[Raw]) -> str:
    """Return a summary of `before` and the turns that were `dropped`; `before` where nobody can write one.

    It takes part in the exchange: its tries are told and its tokens counted with it.
    """
    assert memory.summary is not None
    told = "\n\n".join(f"{role_of(turn) or 'tool'}: {text_of(turn)[:LONGEST]}" for turn in dropped)
    asked = f"Old summary:\n{before or '(none)'}\n\nTurns:\n{told}"
    messages = [{"role": "system", "content": TASK}, {"role": "user", "content": asked}]
    body = msgspec.json.encode({"model": memory.summary, "messages": messages})
    held = Held(exchange.visit)
    try:
        order = _order(exchange, memory.summary, body)
        exchange.relay = Relay(order, held)
        await exchange.relay.run()
    except Problem as problem:
        exchange.records.log.event("warning", f"no summary for {exchange.visit.id}: {problem.message}")
        return before
    answer = held.response("chat")
    text = "".join(block.text for block in answer.blocks if isinstance(block, Text)).strip() if answer else ""
    if not text:
        exchange.records.log.event("warning", f"no summary for {exchange.visit.id}: `{memory.summary}` wrote none")
    return text or before


def _order(exchange: Exchange, model: str, body: bytes) -> Order:
    """Return the request to the model that writes it. The file asks for it, whatever names the key may ask for."""
    plan, visit = exchange.plan, exchange.visit
    assert exchange.key is not None
    facts = Facts(api="chat", method="POST", path=PATH, key=exchange.key.name, model=model)
    pools, hold = Resolver(plan, facts, [], Layer()).asked(exchange.key)
    peek = OPENAI.peek("chat", body)
    return Order(
        visit=visit,
        decision=Decision(facts=facts, trace=(), pools=pools, hold=hold),
        dialect=OPENAI,
        api="chat",
        form="chat",
        peek=peek,
        body=body,
        path=PATH,
        query=b"",
        sent=[],
        headers=[(b"content-type", b"application/json")],
        credential=[],
        caller=exchange.caller(exchange.key),
        faults=None,
        recall=exchange.recall,
        responses=exchange.responses,
        continued=Continued(peek=peek),
        started=visit.loop.time(),
    )
