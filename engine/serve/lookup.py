"""What is looked up and not asked of a model: the names that a key may ask for, and responses by their id."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from engine.dialects.base import ModelCard
from engine.plan.paths import MODELS
from engine.plan.resolve import names
from engine.plan.route import asked_name, check_name
from engine.serve import objects
from engine.serve.passing import passing
from engine.serve.reply import marks, with_ids
from engine.serve.shared import borrow_response, drop_response

if TYPE_CHECKING:
    from engine.plan.nodes import Key
    from engine.serve.exchange import Exchange


async def models(exchange: Exchange, path: str, key: Key) -> None:
    """Answer GET /v1/models and /v1/models/{id} from the plan (rule N6)."""
    plan, created = exchange.plan, exchange.visit.generation.made_at
    if path == MODELS:
        cards = [ModelCard(id=name, owner="turnout", created=created) for name in names(plan, key)]
        await exchange.json(exchange.form.models(cards, _query(exchange)))
        return
    name = path.removeprefix(MODELS + "/")
    check_name(plan, key, asked_name(name)[0])
    await exchange.json(exchange.form.model(ModelCard(id=name, owner="turnout", created=created)))


async def response(exchange: Exchange, ident: str, part: str | None, key: Key) -> None:
    """Answer what is asked of one response, by its id."""
    caller, responses, visit = exchange.caller(key), exchange.responses, exchange.visit
    await share(exchange, caller, ident)
    now = visit.loop.time()
    responses.fit(exchange.plan.responses, now)
    stored = responses.find(caller, ident, now)
    if stored is None or (stored.upstream is not None and stored.upstream not in exchange.plan.upstreams):
        raise objects.not_found(ident)
    deletes = exchange.scope["method"] == "DELETE"
    if stored.upstream is not None:
        await exchange.enter()
        await passing(
            exchange.scope, exchange.receive, exchange.reply, visit, exchange.path, stored.upstream, route=None
        )
        if deletes and exchange.reply.status < 400:
            _drop(exchange, caller, ident)
        return
    if part == "cancel":
        raise objects.uncancelled()
    if deletes:
        _drop(exchange, caller, ident)
        form, body = objects.deleted(stored)
    else:
        query = _query(exchange)
        form, body = objects.input_items(stored, query) if part else objects.read(stored, query)
    await exchange.reply.whole(200, [form, *with_ids([], visit), *marks(visit)], body)


async def share(exchange: Exchange, caller: str, ident: str) -> None:
    """Find out what other processes know of a response. Raises `Problem` where it is somebody else's."""
    shelf, now = exchange.visit.generation.store.responses, exchange.visit.loop.time()
    if shelf is not None and await borrow_response(
        shelf, exchange.responses, caller, ident, exchange.plan.responses, now
    ):
        raise objects.not_found(ident)


def _drop(exchange: Exchange, caller: str, ident: str) -> None:
    exchange.responses.drop(caller, ident)
    shelf = exchange.visit.generation.store.responses
    if shelf is not None:
        drop_response(shelf, caller, ident)


def _query(exchange: Exchange) -> dict[str, str]:
    return dict(parse_qsl(exchange.scope["query_string"].decode("latin-1")))
