"""One HTTP exchange, read top to bottom: place, identify, read, decode, route, relay, record."""

from __future__ import annotations

import hashlib
import traceback
from functools import partial
from typing import TYPE_CHECKING, cast

import msgspec

from engine.chat import Failed, Problem
from engine.clients import detect
from engine.clients.quirks import kept
from engine.diagnostics.mask import mask
from engine.dialects import COUNTS, ENDPOINTS, OWNERS, opened
from engine.dialects.realtime import PATH as REALTIME
from engine.dialects.seal import NEEDLE
from engine.facts import ANONYMOUS, NO_DEPTH, Facts
from engine.plan.admission import check_base, credentials, identify
from engine.plan.demand import spent
from engine.plan.limited import UNCOUNTED, deep
from engine.plan.paths import MODELS, canonical, place
from engine.plan.peers import address_key
from engine.plan.pinned import PREVIOUS
from engine.plan.reach import MODEL_PATHS
from engine.plan.route import asked_name, needs_depth, route
from engine.policies.base import Demand
from engine.serve import lookup, objects
from engine.serve.body import ClientGone, read_body
from engine.serve.clock import today
from engine.serve.continued import Continued, continued, kept_by, text_of
from engine.serve.failures import problem_of
from engine.serve.guard import NOTHING, Guard
from engine.serve.headers import CREDENTIALS, first, own_credentials, up
from engine.serve.heads import marked
from engine.serve.knock import PROBES, is_json, misfit, nowhere, only
from engine.serve.order import Order
from engine.serve.passing import passing
from engine.serve.recording import recorded
from engine.serve.relay import Relay
from engine.serve.reply import JSON, Reply, Visit, form_of, is_local, marks, with_ids
from engine.serve.sockets.opening import PATHS as SOCKETS
from engine.serve.sockets.opening import open_socket
from engine.serve.sockets.realtime import Connection
from engine.serve.sockets.upgrade import asked, turn_of
from engine.serve.steps import prepared
from engine.serve.steps.conversing import conversed
from engine.serve.steps.memory import Memories, Remembering, remembering
from engine.serve.steps.tools import Kit, equipped

if TYPE_CHECKING:
    from litestar.types import HTTPScope, Receive, Send

    from engine.chat import Api, Headers
    from engine.clients.profile import Profile
    from engine.dialects.base import Dialect, Endpoint, Peek
    from engine.observe.records import Records
    from engine.plan.nodes import Decision, Key, Plan
    from engine.serve.gate import Gate
    from engine.serve.recall import Recall
    from engine.serve.sockets.registry import Sockets
    from engine.serve.stored import Responses

WHOLE = frozenset({"embeddings", "count_tokens", "input_tokens"})
"""The APIs that answer in one piece whatever `stream` says."""
SEALED = frozenset({"messages", "count_tokens", "responses", "input_tokens"})
"""The APIs whose clients may carry reasoning under our own seal."""
HANDSHAKE = b"sec-websocket-key"
"""What every request for a WebSocket has; its `upgrade` the wire has taken out (engine.serve.http)."""


class Exchange:
    """One request of one client. `run` answers it; what it learns on the way ends in the record."""

    def __init__(
        self,
        scope: HTTPScope,
        receive: Receive,
        send: Send,
        records: Records,
        recall: Recall,
        responses: Responses,
        gate: Gate,
        sockets: Sockets,
        memories: Memories,
    ) -> None:
        self.scope = scope
        self.receive = receive
        self.visit = Visit.of(scope)
        self.plan: Plan = self.visit.generation.plan
        self.reply = Reply(send, self.visit)
        self.headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
        self.records = records
        self.recall = recall
        self.responses = responses
        self.gate = gate
        self.sockets = sockets
        self.memories = memories
        self.form: Dialect = form_of(scope)
        self.started = self.visit.loop.time()
        self.path = ""
        self.base: str | None = None
        self.key: Key | None = None
        self.facts: Facts | None = None
        self.decision: Decision | None = None
        self.client: Profile | None = None
        self.guard: Guard | None = None
        """Set where the file has limits."""
        self.relay: Relay | None = None
        self.kit: Kit | None = None
        """Set where Turnout runs tools itself."""
        self.connection: Connection | None = None
        """Set where the request is a handshake, and its answer outlives the file that it was asked under."""
        self.problem: Problem | None = None
        self.body = b""
        self.queued = 0.0
        """Seconds it waited in line for a place."""
        self._inside = False

    async def run(self) -> None:
        try:
            await self._answer()
            if self.connection is not None:
                connection, self.connection = self.connection, None  # it knows us: both would wait for the collector
                await connection.run()
        except Problem as problem:
            self.problem = without_frames(problem)
            if not self.reply.opened:
                await self.reply.refuse(problem, self.form, self._marks())
        except Failed as failed:  # of a `pass` route; after its head, leaving the answer unfinished says it is cut
            self.problem = told = problem_of(failed.failure, None)
            if not self.reply.opened:
                await self.reply.refuse(told, self.form, self._marks())
        except ClientGone:
            self.visit.gone = True
        except Exception:  # here, because Litestar would answer for us in a form no client knows
            told = Problem(500, "internal", f"an error inside Turnout; see {self.visit.id} in its log")
            self.problem = told
            if self.reply.opened:
                raise
            self.records.log.event("error", f"internal error in {self.visit.id}", mask(traceback.format_exc()))
            await self.reply.refuse(told, self.form, self._marks())
        finally:
            self.leave()
            self.reply.close()
            try:
                if self.guard is not None:
                    await self.guard.leave(self._used())
            finally:
                self._tell()

    async def _answer(self) -> None:
        scope, plan = self.scope, self.plan
        base, path = place(plan.bases, canonical(scope["raw_path"], plan.bases), MODEL_PATHS)
        self.path, self.base = path, base
        method = scope["method"]
        owned = ENDPOINTS.get(path)
        if owned is not None:
            self.form = owned[0]
        elif path in PROBES and method in ("GET", "HEAD"):
            await self.json(b'{"name":"turnout"}')
            return
        if plan.limits:
            client = scope.get("client")
            self.guard = Guard(plan, self.visit.generation.store, address_key(client[0] if client else ""))
            self.reply.over = partial(self.guard.figures.over, vendor=self.form.name)
            await self.guard.door(self.facts_for(MODEL_PATHS.get(path), base, None, None))
        self.key = key = identify(plan, self.headers, today())
        check_base(key, base)
        if path in SOCKETS and (upgrade := asked(scope)) is not None:
            if path == REALTIME:
                self.connection = Connection(self, upgrade, key)
                return
            await self._costs_nothing()
            open_socket(self, path, upgrade)
        elif owned is not None and method == "POST":
            await self._model_request(*owned, base, key)
        elif owned is not None or path in SOCKETS:
            raise misfit(method, path, handshake=first(self.headers, HANDSHAKE) is not None)
        elif path == MODELS or path.startswith(MODELS + "/"):
            if method not in ("GET", "HEAD"):
                raise only("GET, HEAD", path)
            await self._costs_nothing()
            await lookup.models(self, path, key)
        elif (found := objects.PATH.fullmatch(path)) and method in objects.METHODS[found["part"]]:
            await self._costs_nothing()
            await lookup.response(self, found["id"], found["part"], key)
        else:
            await self._pass(base, key)

    async def _model_request(self, dialect: Dialect, endpoint: Endpoint, base: str | None, key: Key) -> None:
        plan = self.plan
        if not is_json(first(self.headers, b"content-type")):
            raise Problem(415, "unsupported_media_type", "send the request with `content-type: application/json`")
        await self.enter()
        self.body = await read_body(self.receive, self.headers, plan.body_limit)
        peek = opened(endpoint.api, self.body)
        if peek.stream and endpoint.api in WHOLE:
            peek = msgspec.structs.replace(peek, stream=False)  # the field goes up as it came; there is no such stream
        self.client = client = detect(self.headers, peek.form, peek.fields)
        sent = peek
        fields = kept(client, peek.form, peek.fields)
        if fields is not peek.fields:
            peek = msgspec.structs.replace(peek, fields=fields)
        form = peek.form or COUNTS.get(endpoint.api, endpoint.api)
        caller = self.caller(key)
        goes_on = await self._continued(form, peek, caller)
        peek = goes_on.peek
        body = self.body if peek is sent else msgspec.json.encode(peek.fields)
        facts = self.facts_for(endpoint.api, base, key, peek)
        if endpoint.api in UNCOUNTED:
            await self._costs_nothing()
        if needs_depth(plan, facts):
            facts = msgspec.structs.replace(facts, depth=OWNERS[form].depth(form, body))
        self.facts = facts
        self.decision = decision = route(plan, facts)
        if decision.refusal is not None:
            raise decision.refusal
        self.decision = decision = kept_by(decision, plan, goes_on)
        if decision.passes is not None:
            # compile refuses a `pass` that can match a model endpoint
            raise Problem(500, "internal", "a pass route took a model endpoint")
        recollection: Remembering | None = None
        if decision.pools[0].tuning.steps:
            recollection = await remembering(self, decision, form, goes_on, caller)
            peek = await recollection.begin(peek) if recollection is not None else peek
            self.kit = kit = await equipped(self.visit, decision, form, peek)
            decision, peek, body = prepared(decision, form, kit.offer(peek) if kit is not None else peek)
        self.decision = decision = await self._admitted(decision, form, body)
        if recollection is not None:  # a summary costs something too
            peek, body = await recollection.summed(peek, body)
        order = self._order(dialect, endpoint.api, form, peek, body, goes_on, caller)
        if self.kit is not None or decision.pools[0].tuning.output is not None:
            await conversed(self, order, self.kit)
        else:
            self.relay = Relay(order, self.reply, self.relay)
            await self.relay.run()
        if recollection is not None:
            await recollection.end()

    def _order(
        self, dialect: Dialect, api: Api, form: Api, peek: Peek, body: bytes, goes_on: Continued, caller: str
    ) -> Order:
        """Return the request, ready for any target of the decision."""
        assert self.decision is not None
        forwards = any(one.forward for one in self.plan.upstreams.values())
        return Order(
            visit=self.visit,
            decision=self.decision,
            dialect=dialect,
            api=api,
            form=form,
            peek=peek,
            body=body,
            path=self.path,
            query=self.scope["query_string"],
            sent=self.headers,
            headers=up(self.headers),
            credential=own_credentials(self.plan, self.headers) if forwards else [],
            caller=caller,
            faults=self._faults(),
            recall=self.recall,
            responses=self.responses,
            continued=goes_on,
            guard=self.guard,
            client=self.client,
            turn=turn_of(self.scope),
            sealed=api in SEALED and NEEDLE in body,
            started=self.started,
        )

    async def _admitted(self, decision: Decision, form: Api, body: bytes) -> Decision:
        """Ask the limits on the road of `decision`; return it with what they needed to know. Raises `Problem`."""
        facts = decision.facts
        if self.guard is None:
            return decision
        if facts.depth is NO_DEPTH and deep(self.plan, decision):
            facts = msgspec.structs.replace(facts, depth=OWNERS[form].depth(form, body))
            decision = msgspec.structs.replace(decision, facts=facts)
        await self.guard.admit(decision)
        return decision

    async def enter(self) -> None:
        """Take a place among the requests that run at once, in line if need be; nothing of the body is read before."""
        if not self.gate.enter():
            begun = self.visit.loop.time()
            try:
                await self.gate.wait()
            finally:
                self.queued = self.visit.loop.time() - begun
        self._inside = True

    def leave(self) -> None:
        """Give that place back, if it has one."""
        if self._inside:
            self._inside = False
            self.gate.leave()

    async def _pass(self, base: str | None, key: Key) -> None:
        """Hand a request that is no model endpoint to the `pass` route that takes it; 404 without one."""
        if not any(rule.passes for rule in self.plan.rules):
            raise nowhere(self.path)
        self.client = detect(self.headers)
        self.facts = facts = self.facts_for(None, base, key, None)
        self.decision = decision = route(self.plan, facts)
        if decision.refusal is not None:
            raise decision.refusal
        if decision.passes is None:
            raise nowhere(self.path)
        await self.enter()
        upstream, name = decision.passes, decision.route
        if self.guard is not None:
            await self.guard.admit(decision)
        await passing(self.scope, self.receive, self.reply, self.visit, self.path, upstream, route=name)

    async def _continued(self, form: str, peek: Peek, caller: str) -> Continued:
        """Return the request with what it goes on from."""
        if form != "responses":
            return Continued(peek=peek)
        previous = text_of(peek.fields, PREVIOUS)
        if previous is not None:
            await lookup.share(self, caller, previous)
        now = self.visit.loop.time()
        self.responses.fit(self.plan.responses, now)
        return continued(peek, self.responses, caller, now)

    def _used(self) -> Demand | None:
        """Return what the exchange has used; None: nobody knows, and the estimates stay."""
        relay = self.relay
        if relay is None or not relay.sent:
            return NOTHING
        return spent(relay.usage, relay.cost) if relay.usage is not None else None

    async def _costs_nothing(self) -> None:
        """Let this request not count for limits (rule L3)."""
        if self.guard is not None:
            await self.guard.uncounted()

    async def json(self, body: bytes) -> None:
        await self.reply.whole(200, [JSON, *with_ids([], self.visit), *marks(self.visit)], body)

    def facts_for(self, api: str | None, base: str | None, key: Key | None, peek: Peek | None) -> Facts:
        name, suffix = asked_name(peek.model) if peek else (None, None)
        if name == "":
            raise Problem(400, "invalid_request", "`model` is empty", param="model")
        return Facts(
            api=api,
            form=peek.form if peek else None,
            client=self.client.name if self.client else None,
            method=self.scope["method"],
            path=self.path,
            base=base,
            key=key.name if key else ANONYMOUS,
            model=name,
            suffix=suffix,
            stream=peek.stream if peek else False,
            headers=self.header_facts() if self.plan.rules or self.plan.limits else {},
        )

    def header_facts(self) -> dict[str, str]:
        return {
            name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers if name not in CREDENTIALS
        }

    def caller(self, key: Key) -> str:
        """Return who asks. Anonymous callers may present credentials that nobody checks: each is one of its own."""
        if key.name != ANONYMOUS:
            return key.name
        presented = b"".join(value for _, value in credentials(self.headers))
        return f"{ANONYMOUS} {hashlib.sha256(presented).hexdigest()}"

    def _faults(self) -> str | None:
        """Return the fault a client on this machine asked an echo upstream for."""
        asked = first(self.headers, b"x-turnout-fault")
        if asked is None or self.scope.get("client") is None or not is_local(self.scope):
            return None
        return asked.decode("latin-1")

    def _marks(self) -> Headers:
        route_name = self.decision.route if self.decision else None
        if self.relay is not None:
            return marked(self.relay)
        return marks(self.visit, route=route_name)

    def _tell(self) -> None:
        """Tell whoever listens how it went."""
        refused = self.visit.refused
        problem = refused or self.problem or (self.relay.problem if self.relay else None)
        status = refused.status if refused else 499 if self.visit.gone else self.reply.status
        if self.records.wants(status, problem):
            self.records.request(recorded(self, status, problem))


def without_frames(problem: Problem) -> Problem:
    """Return `problem` without its traceback: through it an exchange would hold itself, and the body it read, until
    the garbage collector comes by, which is seldom."""
    problem.__cause__ = problem.__context__ = None
    return problem.with_traceback(None)
