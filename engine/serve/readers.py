"""Who may read /metrics and /status: whoever calls from an address in `observe.allow`, with or without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chat import Problem
from engine.plan.peers import address

if TYPE_CHECKING:
    from litestar.types import HTTPScope

    from engine.plan.nodes import Plan

HOPS = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via"})
"""What proxies say. One that `server.trusted_proxies` does not name would have everybody come from its own address."""


def check_reader(plan: Plan, scope: HTTPScope) -> None:
    """Refuse (403) whoever may not read what the process tells of itself.

    The client in `scope` is already the one that trusted proxies name.
    """
    client = scope["client"]
    peer = address(client[0].encode("latin-1")) if client is not None else None
    named = client is not None and client[1] == 0  # by a proxy: see engine.serve.switch
    trusted = plan.trusted is not None and plan.trusted.holds(peer)
    if not named and not trusted and any(name in HOPS for name, _ in scope["headers"]):
        raise Problem(
            403,
            "not_allowed",
            "this came through a proxy; name it in `server.trusted_proxies`, and who may read this in `observe.allow`",
        )
    if plan.readers is None or (client is not None and peer is None) or not plan.readers.holds(peer):
        raise Problem(403, "not_allowed", "this may be read from the addresses in `observe.allow` only")
