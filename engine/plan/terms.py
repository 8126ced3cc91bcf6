"""Upstreams that only one person may use: a plan of Claude is its owner's, and nobody else may be served from it.

https://code.claude.com/docs/en/legal-and-compliance (read 2026): a plan is for ordinary use by who bought it; requests
may not be routed through it on behalf of others. So: the terms accepted, a listener that only this machine reaches, and
one key.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.plan.source import Source

PAGE = "https://code.claude.com/docs/en/legal-and-compliance"
UNIX = "unix:"


def check_terms(source: Source) -> None:
    """Report what of the file lets anybody but the owner of a plan use it."""
    personal = [name for name, one in source.document.upstreams.items() if one.personal and one.enabled]
    for name in personal:
        if not getattr(source.document.upstreams[name], "accept_terms", None):
            source.report.error(
                "terms",
                f"upstream `{name}` answers from your own plan of Claude, which is for your personal use alone",
                source.tree.key("upstreams", name),
                help=f"read {PAGE}, then write `accept_terms: personal-use` if nobody else uses this server",
            )
    if not personal:
        return
    listen = source.document.server.listen
    if not is_private(listen):
        source.report.error(
            "terms",
            f"upstream `{personal[0]}` is for your personal use, but others can reach {listen}",
            source.tree.values.get(("server", "listen")) or source.tree.key("upstreams", personal[0]),
            help="listen on 127.0.0.1, or on a unix socket; or use an API key (`kind: anthropic`) to serve others",
        )
    keys = [name for name, key in source.document.keys.items() if key.enabled]
    if len(keys) > 1:
        source.report.error(
            "terms",
            f"upstream `{personal[0]}` is for your personal use, but the file has {len(keys)} keys: {', '.join(keys)}",
            source.tree.key("keys", keys[1]),
            help="keep one key, your own; or use an API key (`kind: anthropic`) to serve others",
        )
    proxies = source.document.server.trusted_proxies
    if proxies:
        source.report.error(
            "terms",
            f"upstream `{personal[0]}` is for your personal use, but proxies bring callers from elsewhere",
            source.tree.value("server", "trusted_proxies", 0),
            help="remove `trusted_proxies`; or use an API key (`kind: anthropic`) to serve others",
        )


def is_private(listen: str) -> bool:
    """Say whether only this machine reaches `listen` (host:port, or unix:/path)."""
    if listen.startswith(UNIX):
        return True
    host = listen.rpartition(":")[0].strip("[]")
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
