"""From a realtime handshake to an upstream's: the tries of one connection, until one is accepted or none is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Failed, Failure, Usage
from engine.dialects import OPENAI
from engine.dialects.edits import stripped
from engine.dialects.realtime import with_model
from engine.observe.record import Attempt
from engine.plan.demand import spent
from engine.plan.prices import priced
from engine.serve.failures import loggable
from engine.serve.relay import Relay
from engine.serve.road import placed
from engine.upstreams.base import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.plan.nodes import Pool, Target
    from engine.policies.base import Demand
    from engine.serve.generation import Live
    from engine.serve.order import Order
    from engine.serve.reply import Reply
    from engine.transport.base import Waits
    from engine.transport.ws import Rejected, UpstreamWire


GOING = 1001


class Reaching(Relay):
    """Like the relay of a request; but what a target answers is a connection, and then nothing more is tried."""

    def __init__(self, order: Order, reply: Reply, subprotocols: Sequence[str]) -> None:
        """`subprotocols` are those that the upstream is offered."""
        super().__init__(order, reply)
        self._wire: UpstreamWire | None = None
        self._live: Live | None = None
        self._subprotocols = subprotocols
        self._used = Usage() if order.visit.generation.plan.needs_usage else None
        self._cost: int | None = None

    @property
    def reached(self) -> bool:
        return self._wire is not None

    @property
    def wire(self) -> UpstreamWire:
        """The connection to `target`, once there is one."""
        assert self._wire is not None
        return self._wire

    @property
    def live(self) -> Live:
        """The upstream of `target`, likewise."""
        assert self._live is not None
        return self._live

    @property
    def waits(self) -> Waits:
        from engine.upstreams.drivers.remote import RemoteDriver

        assert isinstance(self.live.driver, RemoteDriver)
        return self.live.driver.waits

    @property
    def usage(self) -> Usage | None:
        return self._used

    @property
    def cost(self) -> int | None:
        return self._cost

    def add(self, usage: Usage) -> Demand | None:
        """Note what a response took; return what all took together, None where nobody asks for it."""
        if self._used is None or self.target is None:
            return None
        self._used += usage
        cost = priced(self.order.visit.generation.plan.prices, self.target, usage)
        if cost is not None:
            self._cost = (self._cost or 0) + cost
        return spent(self._used, self._cost)

    def end(self, failure: Failure | None) -> None:
        """Let go of the connection, if there is one; `failure`: the upstream broke it off."""
        if self._wire is None:
            return
        self._wire.close(GOING)
        assert self.target is not None
        health = self.live.health.of(self.target.model)
        if failure is not None:
            health.settle(failure, self._loop.time(), 0, ours=not self.forwards(self.target))
            self.tries[-1] = self._attempt(self.target, failure, self.tries[-1].status, self.tries[-1].seconds)
        health.end(0)

    async def _try(self, target: Target, pool: Pool) -> Failure | None:
        from engine.transport.ws import Rejected
        from engine.upstreams.drivers.remote import RemoteDriver

        live = self._ready(target)
        if isinstance(live, Failure):
            return live
        assert isinstance(live.driver, RemoteDriver)  # no other kind speaks this API
        self.target = target
        self.sent += 1
        begun = self._loop.time()
        health = live.health.of(target.model)
        trial = health.begin()
        failure: Failure | None = None
        status: int | None = None
        try:
            try:
                self._wire = await live.driver.open(self._asking(target, pool, begun), self._subprotocols)
                status = 101
                if trial:
                    health.recovered()  # it is open, perhaps for hours: others may come
                else:
                    health.spoke()
            except Failed as failed:
                failure = failed.failure
            except Rejected as rejected:
                status = rejected.status
                failure = self._classified(target, rejected.status, rejected)
            again = any(one.target == str(target) and one.reason is not None for one in self.tries)
            health.settle(failure, self._loop.time(), trial, ours=not self.forwards(target), again=again)
        finally:
            if self._wire is None:
                health.end(trial)
        if failure is None:
            self._live = live
        else:
            failure = live.scrubbed(failure)
        self.tries.append(self._attempt(target, failure, status, round(self._loop.time() - begun, 6)))
        return failure

    def _classified(self, target: Target, status: int, said: Rejected) -> Failure:
        """Say why an upstream did not accept. What is no error is no answer to a handshake either."""
        if status < 400:
            message = f"{target} answered {status} to a WebSocket handshake"
            return Failure(reason="server_error", message=message, status=status)
        return placed(OPENAI.classify(status, said.headers, said.body), target, self.order.path)

    def _asking(self, target: Target, pool: Pool, now: float) -> Call:
        order = self.order
        return Call(
            api="realtime",
            method="GET",
            path=order.path,
            query=with_model(order.query, target.model),
            headers=stripped(order.headers, pool.tuning.strip),
            body=b"",
            model=target.model,
            credential=order.credential if self.forwards(target) else [],
            spent=now - order.started,
        )

    def _attempt(self, target: Target, failure: Failure | None, status: int | None, seconds: float) -> Attempt:
        return Attempt(
            target=str(target),
            reason=failure.reason if failure else None,
            message=loggable(failure) if failure else "",
            status=status,
            seconds=seconds,
        )
