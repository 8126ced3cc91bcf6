"""/v1/realtime: a handshake that is routed like a request, and then relayed to the upstream that has accepted it.

What is refused is refused before the client is accepted, with a status and a body. The exchange lasts as long as the
connection: its limits are held so long, and its record is written at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.chat import Problem
from engine.clients import detect
from engine.dialects import OPENAI
from engine.dialects.base import Peek
from engine.dialects.realtime import MODEL, PATH, SUBPROTOCOL, asked_model
from engine.facts import Depth
from engine.plan.admission import IN_PROTOCOL
from engine.plan.route import route
from engine.serve.body import ClientGone
from engine.serve.continued import Continued
from engine.serve.headers import own_credentials, up
from engine.serve.heads import marked
from engine.serve.order import Order
from engine.serve.sockets.opening import admitted
from engine.serve.sockets.upgrade import accepted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.plan.nodes import Key
    from engine.serve.exchange import Exchange
    from engine.serve.generation import Generation
    from engine.serve.sockets.bridge import Bridge
    from engine.serve.sockets.reaching import Reaching
    from engine.serve.sockets.upgrade import Upgrade


class Connection:
    """One client at /v1/realtime, from its handshake on."""

    def __init__(self, exchange: Exchange, upgrade: Upgrade, key: Key) -> None:
        """Raise `Problem` for a handshake that is none, or one too many."""
        self._limits = admitted(exchange)
        self._accept = accepted(exchange.headers)
        self._exchange = exchange
        self._upgrade = upgrade
        self._key = key
        self._bridge: Bridge | None = None

    def swapped(self, generation: Generation, drain: float) -> None:
        if self._bridge is not None:
            self._bridge.swapped(generation, drain)

    async def run(self) -> None:
        """Serve it to its end. Raises `Problem` while nothing is accepted, `ClientGone`."""
        sockets = self._exchange.sockets
        sockets.open.add(self)
        try:
            await self._serve()
        finally:
            sockets.leave(self)

    async def _serve(self) -> None:
        """Route it, connect to a target, accept the client, and relay."""
        from engine.serve.sockets.reaching import Reaching

        exchange = self._exchange
        await exchange.enter()
        order = await self._order()
        offered = [one for one in self._upgrade.offered if not one.startswith(IN_PROTOCOL.decode())]
        exchange.relay = reaching = Reaching(order, exchange.reply, offered)
        try:
            await reaching.run()
            exchange.leave()  # from here on it asks nothing: how many may be open is said elsewhere
            if reaching.reached:
                await self._relay(reaching, offered)
        finally:
            reaching.end(self._bridge.failure if self._bridge is not None else None)

    async def _relay(self, reaching: Reaching, offered: Sequence[str]) -> None:
        """Accept the client, and relay until one side leaves. Raises `ClientGone`."""
        from engine.serve.sockets.bridge import Bridge
        from engine.serve.sockets.client import wire_for

        exchange, switch = self._exchange, self._exchange.sockets.switch
        assert switch is not None
        assert reaching.target is not None
        client = wire_for(switch, exchange.visit.loop, exchange.plan.body_limit)
        bridge = Bridge(exchange, reaching, reaching.target, client, self._limits)
        chosen = reaching.wire.subprotocol or (SUBPROTOCOL if SUBPROTOCOL in offered else None)
        self._upgrade.take(client, self._accept, marked(reaching), chosen)
        if client.closed is not None:
            raise ClientGone
        exchange.reply.opened, exchange.reply.status = True, 101
        self._bridge = bridge
        if switch.generation is not exchange.visit.generation:  # an edit came meanwhile; no name here may keep it
            bridge.swapped(switch.generation, switch.generation.plan.drain)
        if exchange.gate.closed:
            bridge.stop()
        await bridge.run()

    async def _order(self) -> Order:
        """Return what is asked, admitted by its limits. Raises `Problem`."""
        exchange, plan, key = self._exchange, self._exchange.plan, self._key
        query = exchange.scope["query_string"]
        model = asked_model(query)
        if model is None:
            told = f"name the model in the query: {PATH}?model=NAME"
            raise Problem(400, "invalid_request", told, param=MODEL)
        exchange.client = client = detect(exchange.headers)
        peek = Peek(fields={}, model=model, stream=False)
        facts = exchange.facts_for("realtime", exchange.base, key, peek)
        if exchange.guard is not None:
            facts = msgspec.structs.replace(facts, depth=Depth())  # nothing is known of it, but it will take something
        exchange.facts = facts
        exchange.decision = decision = route(plan, facts)
        if decision.refusal is not None:
            raise decision.refusal
        if exchange.guard is not None:
            await exchange.guard.admit(decision)
        forwards = any(one.forward for one in plan.upstreams.values())
        return Order(
            visit=exchange.visit,
            decision=decision,
            dialect=OPENAI,
            api="realtime",
            form="realtime",
            peek=peek,
            body=b"",
            path=PATH,
            query=query,
            sent=exchange.headers,
            headers=up(exchange.headers),
            credential=own_credentials(plan, exchange.headers) if forwards else [],
            caller=exchange.caller(key),
            faults=None,
            recall=exchange.recall,
            responses=exchange.responses,
            continued=Continued(peek=peek),
            guard=exchange.guard,
            client=client,
            started=exchange.started,
        )
