"""A `pass` route: a plain reverse proxy for what needs no understanding (rule R6). One try, nothing buffered."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.chat import Failed, Failure
from engine.serve.body import check_length, stream_body
from engine.serve.failures import no_credential, problem_of
from engine.serve.headers import down, first, own_credentials, up
from engine.serve.reply import marks, with_ids
from engine.upstreams.base import Call

if TYPE_CHECKING:
    from litestar.types import HTTPScope, Receive

    from engine.plan.nodes import Decision
    from engine.serve.reply import Reply, Visit


async def passing(
    scope: HTTPScope, receive: Receive, reply: Reply, visit: Visit, path: str, decision: Decision
) -> None:
    """Send the request to the upstream of `decision` as it is, and its answer back. Raises `Problem`."""
    upstream = cast("str", decision.passes)
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
    declared = first(headers, b"content-length")
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
        ours = marks(visit, route=decision.route, target=upstream, tries=1)
        length = first(answer.headers, b"content-length")
        known = [(b"content-length", length)] if length is not None else []
        await reply.open(answer.status, [*with_ids(down(answer.headers), visit), *ours, *known])
        while data := await answer.chunk():
            await reply.piece(data, list)
        await reply.end()
    finally:
        answer.close()
