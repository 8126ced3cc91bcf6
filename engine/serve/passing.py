"""A `pass` route: a plain reverse proxy for what needs no understanding (rule R6). One try, nothing buffered."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.chat import Failed, Failure, Problem
from engine.plan.nodes import Target
from engine.serve.body import check_length, stream_body
from engine.serve.failures import no_credential, problem_of
from engine.serve.headers import down, first, own_credentials, up
from engine.serve.reply import marks, with_ids
from engine.upstreams.base import Call

if TYPE_CHECKING:
    from litestar.types import HTTPScope, Receive

    from engine.serve.reply import Reply, Visit


REFUSED = frozenset({"TRACE", "CONNECT", "OPTIONS"})
"""TRACE would have our credential reflected; routes do not apply to OPTIONS (rule R3)."""
ERROR_LIMIT = 16 * 1024 * 1024
"""Largest error of an upstream that is passed on, in bytes."""
METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"


async def passing(
    scope: HTTPScope, receive: Receive, reply: Reply, visit: Visit, path: str, upstream: str, *, route: str | None
) -> None:
    """Send the request to `upstream` as it is, and its answer back. Raises `Problem`."""
    if scope["method"] in REFUSED:
        raise Problem(405, "method_not_allowed", f"{scope['method']} is not passed on", headers=((b"allow", METHODS),))
    plan = visit.generation.plan
    live = visit.generation.live.get(upstream)
    if live is None:
        raise problem_of(Failure(reason="off", message=f"upstream `{upstream}` is off: {plan.off.get(upstream)}"), None)
    headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
    credential = own_credentials(plan, headers) if plan.upstreams[upstream].forward else []
    if plan.upstreams[upstream].forward and not credential:
        raise no_credential()
    check_length(headers, plan.body_limit)
    encoding = first(headers, b"content-encoding")
    declared = (first(headers, b"content-length") or b"").strip() or None  # a tab may stand around it
    has_body = first(headers, b"transfer-encoding") is not None or declared not in (None, b"0")
    call = Call(
        api=None,
        method=scope["method"],
        path=path,
        query=scope["query_string"],
        headers=[*up(headers), *([(b"content-encoding", encoding)] if encoding is not None else [])],
        body=stream_body(receive, plan.body_limit) if has_body else b"",
        length=int(declared) if declared is not None and declared.isdigit() else None,
        credential=credential,
    )
    try:
        answer = await live.driver.send(call)
    except Failed as failed:
        raise problem_of(failed.failure, None) from failed
    try:
        if not 200 <= answer.status <= 599:
            told = Failure(reason="disconnect", message=f"`{upstream}` answered with the status {answer.status}")
            raise problem_of(told, None)
        if answer.status in (401, 403, 407) and not credential:
            told = Failure(reason="auth", message="", status=answer.status)  # its text may quote what we sent
            raise problem_of(told, Target(upstream=upstream, model=""))
        ours = marks(visit, route=route, target=upstream, tries=1)
        if answer.status >= 400 and scope["method"] != "HEAD":
            body = live.scrub(await answer.read(ERROR_LIMIT))
            told_by = [(name, live.scrub(value)) for name, value in with_ids(down(answer.headers), visit)]
            await reply.whole(answer.status, [*told_by, *ours], body)
            return
        length = first(answer.headers, b"content-length")
        known = [(b"content-length", length)] if length is not None else []
        await reply.open(answer.status, [*with_ids(down(answer.headers), visit), *ours, *known])
        while data := await answer.chunk():
            await reply.piece(data, list)
        await reply.end()
    finally:
        answer.close()
