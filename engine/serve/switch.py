"""The outer ASGI callable: who may knock at all, and which generation a request runs on.

It checks Host and Origin (rule P0), leases the current generation into `scope["turnout"]`, and gives it back whatever
happens. A reload is one assignment to `generation`.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import TYPE_CHECKING, Any, cast

from engine.chat import Problem
from engine.diagnostics.mask import mask
from engine.plan.admission import check_host, check_origin
from engine.plan.peers import forwarded
from engine.serve.cors import announcing, is_preflight, preflight
from engine.serve.failures import stopping
from engine.serve.refusal import refusal
from engine.serve.reply import Reply, Visit, form_of, marks
from engine.serve.sockets.upgrade import is_message

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

    from engine.chat import Headers
    from engine.observe.records import Records
    from engine.plan.peers import Trusted
    from engine.serve.gate import Gate
    from engine.serve.generation import Generation
    from engine.serve.sockets.registry import Sockets

MOST_DRAINING = 8
HOSTLESS = frozenset({b"/health", b"/ready"})
"""Probes come by address and reveal nothing, so any Host may ask for them."""
NOBODY = HOSTLESS | {b"/status", b"/metrics"}
"""What whoever watches asks for: a server that is asked for nothing else is idle."""


class Switch:
    """Stands in front of the one Litestar app. `generation` is the live one."""

    def __init__(self, app: ASGIApp, generation: Generation, records: Records, gate: Gate, sockets: Sockets) -> None:
        self.app = app
        self.sockets = sockets
        self.gate = gate
        self.generation = generation
        self.draining: list[Generation] = []
        self.records = records
        self.asked_at = asyncio.get_running_loop().time()
        """When anything was last asked, or its answer ended, by the loop's clock; probes do not count."""
        gate.fit(generation.plan.overload)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = cast("HTTPScope", scope)
        if "turnout" in scope:
            return  # its body could not be read, and the wire has answered already
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        visit = Visit(self.generation, task.get_loop(), task)
        visit.generation.leases.add(task)
        if (trusted := visit.generation.plan.trusted) is not None and not is_message(scope):  # its handshake said it
            _forwarded(scope, trusted)
        cast("dict[str, Any]", scope)["turnout"] = visit
        try:
            await self._admit(scope, receive, send, visit)
        except asyncio.CancelledError:
            if not visit.gone:
                await self._apologise(scope, send, visit, stopping())
        except Exception:
            self.records.log.event("error", f"internal error in {visit.id}", mask(traceback.format_exc()))
            problem = Problem(500, "internal", f"an error inside Turnout; its log tells more under {visit.id}")
            await self._apologise(scope, send, visit, problem)
        finally:
            visit.generation.release(task)  # a long one may have gone over to a later one
            if scope["raw_path"].rstrip(b"/") not in NOBODY:
                self.asked_at = visit.loop.time()

    def rest(self) -> None:
        """Nobody has asked anything since now."""
        self.asked_at = asyncio.get_running_loop().time()

    @property
    def busy(self) -> bool:
        """Whether any request runs, a client holds a WebSocket open, or runs tools for a model that waits for them."""
        pools = (getattr(one.driver, "pool", None) for one in self.generation.live.values())
        held = any(pool.held for pool in pools if pool is not None)
        return bool(self.generation.leases or self.draining or self.sockets.open or held)

    def swap(self, generation: Generation, drain: float) -> None:
        """Make `generation` the live one; the old one drains.

        Old generations take as long as their requests need; but at most eight may, lest saving a file all day fills
        the memory: past that the oldest has `drain` seconds left, then its requests end with an in-band error.
        """
        old, self.generation = self.generation, generation
        self.gate.fit(generation.plan.overload)
        self.sockets.swapped(generation, drain)
        self.draining.append(old)
        old.retire(self.draining.remove)
        for oldest in self.draining[:-MOST_DRAINING]:
            if oldest.ends_at is None:
                oldest.ends_at = asyncio.get_running_loop().call_later(drain, oldest.end)

    async def _admit(self, scope: HTTPScope, receive: Receive, send: Send, visit: Visit) -> None:
        headers = cast("Headers", scope["headers"])
        try:
            if scope["raw_path"] not in HOSTLESS:
                check_host(visit.generation.plan, headers)
            origin = check_origin(visit.generation.plan, headers, scope["scheme"])
        except Problem as problem:
            await Reply(send, visit).refuse(problem, form_of(scope), marks(visit))
            self.records.request(refusal(visit, scope["method"], scope["raw_path"], problem))
            return
        if origin is not None:
            send = announcing(send, origin, visit.generation.plan)
            if is_preflight(scope):
                await preflight(send, scope)
                return
        await self.app(scope, receive, send)

    async def _apologise(self, scope: Scope, send: Send, visit: Visit, problem: Problem) -> None:
        # If an answer had begun, the server closes the connection, which is all that can still be said.
        with contextlib.suppress(RuntimeError):
            await Reply(send, visit).refuse(problem, form_of(scope), [])


def _forwarded(scope: HTTPScope, proxies: Trusted) -> None:
    """Have the client that a trusted proxy names stand in `scope` as if it had called by itself."""
    peer = scope["client"]
    address, scheme = forwarded(proxies, peer[0] if peer else None, cast("Headers", scope["headers"]))
    if address is not None and (peer is None or address != peer[0]):
        scope["client"] = (address, 0)
    if scheme is not None:
        scope["scheme"] = scheme
