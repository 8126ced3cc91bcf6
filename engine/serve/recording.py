"""The record of one exchange: what the log and whoever else listens are told of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from engine.chat import Usage
from engine.diagnostics.mask import mask
from engine.dialects.clip import clipped
from engine.observe.record import Request
from engine.plan.admission import credentials
from engine.plan.reach import MODEL_PATHS
from engine.serve.sockets.upgrade import is_message

if TYPE_CHECKING:
    from engine.chat import Problem
    from engine.observe.record import Attempt
    from engine.serve.exchange import Exchange

BODY_SHOWN = 4096
PROBLEM_SHOWN = 500
"""How much of an error is recorded: it may hold words of the client, and of the upstream."""
NAME_SHOWN = 200
LOSSES_SHOWN = 50
"""How many losses of one request are recorded."""


RUNS_SHOWN = 100
"""How many calls of tools of one request are recorded."""
NOTHING = Usage()
SWITCHED = 101
MESSAGE = "WS"
"""What stands for the method of a request that was a message on a WebSocket."""


def recorded(exchange: Exchange, status: int, problem: Problem | None) -> Request:
    """Return the record of an exchange that is over, with its API even if nobody read its body."""
    reply, relay, facts = exchange.reply, exchange.relay, exchange.facts
    visit, decision, body = exchange.visit, exchange.decision, exchange.body

    def masked(text: str) -> str:
        """Return what the log may hold of an error: upstreams like to quote the credential they were sent."""
        if not text:
            return text
        return mask(text, [value.decode("latin-1") for name, value in credentials(exchange.headers)])

    def told(tries: list[Attempt]) -> tuple[Attempt, ...]:
        replace = msgspec.structs.replace
        return tuple(replace(one, message=masked(one.message)) if one.message else one for one in tries)

    lost = relay.losses[:LOSSES_SHOWN] if relay else ()
    return Request(
        request=visit.id,
        method=MESSAGE if is_message(exchange.scope) else exchange.scope["method"],
        path=exchange.path or exchange.scope["raw_path"].decode("latin-1")[:200],
        status=status,
        seconds=round(visit.loop.time() - exchange.started, 6),
        generation=visit.generation.id,
        at=time.time(),
        api=facts.api if facts else _api(exchange, status),
        key=exchange.key.name if exchange.key else None,
        model=clipped(facts.model, NAME_SHOWN) if facts and facts.model else None,
        client=facts.client if facts else None,
        route=decision.route if decision else None,
        target=clipped(str(relay.target), NAME_SHOWN) if relay and relay.target else None,
        attempts=told(relay.tries) if relay else (),
        skipped=told(relay.skipped) if relay else (),
        stream=facts.stream if facts else False,
        tools=tuple(exchange.kit.ran[:RUNS_SHOWN]) if exchange.kit else (),
        queued=round(exchange.queued, 6),
        first=round(reply.first - exchange.started, 6) if reply.first is not None else None,
        reason=problem.code if problem else None,
        problem=clipped(masked(f"{problem.code}: {problem.message}"), PROBLEM_SHOWN) if problem else None,
        losses=tuple(f"{one.path}: {one.grade} ({one.reason})" for one in lost),
        corrected=tuple(relay.corrected) if relay else (),
        usage=relay.usage if relay and relay.usage != NOTHING else None,
        cost=relay.cost if relay else None,
        limit=exchange.guard.refusing if exchange.guard else None,
        charges=tuple(exchange.guard.charges) if exchange.guard else (),
        body=body[:BODY_SHOWN].decode("utf-8", "replace") if exchange.records.log.bodies and body else None,
    )


def _api(exchange: Exchange, status: int) -> str | None:
    """Return the API of an exchange whose body nobody read. A handshake that is taken asks nothing yet."""
    return MODEL_PATHS.get(exchange.path) if status != SWITCHED else None
