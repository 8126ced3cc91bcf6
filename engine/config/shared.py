"""The environment layer of `state`: where the Redis is, with what its certificate is checked, and whether it can be
spoken to at all."""

from __future__ import annotations

import os
import ssl
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import msgspec

from engine import resources
from engine.store.url import redis_url_flaw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config.tree import Loaded
    from engine.diagnostics import Span
    from engine.secret import Secret


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """A Redis or Valkey, as the file and the environment have it."""

    url: Secret
    ca: str | None
    """Certificates in PEM."""


def shared(loaded: Loaded, secrets: Mapping[str, Secret]) -> Shared | None:
    """Return the Redis of `state`; None without one. What is wrong is in the report."""
    assert loaded.document is not None
    assert loaded.tree is not None
    state = loaded.document.state
    if state.kind != "redis" or state.url is None or state.url not in secrets:  # what has no value is told already
        return None
    before = len(loaded.report.errors)
    report, url = loaded.report, secrets[state.url]
    if find_spec("redis") is None:
        missing = f"`kind: redis` needs redis-py: {resources.extra('redis')}"  # noqa: S610 - not Django
        report.error("missing-extra", missing, loaded.tree.value("state", "kind"))
    flaw = redis_url_flaw(url.reveal())
    if flaw is not None:
        where = "" if url.reveal() == state.url else f", as {state.url} has it,"
        report.error(
            "wrong-value", f"`state.url`{where} {flaw.message}", loaded.tree.value("state", "url"), help=flaw.help
        )
    ca = None
    if state.ca is not None:
        span = loaded.tree.value("state", "ca")
        ca = _certificates(state.ca, span, loaded)
        if flaw is None and not url.reveal().startswith("rediss:"):
            help_ = "write rediss:// in the URL, or take `ca` out"
            report.error("wrong-value", "`state.ca` is for TLS, which the URL does not ask for", span, help=help_)
    return Shared(url=url, ca=ca) if len(report.errors) == before else None


def _certificates(written: str, span: Span | None, loaded: Loaded) -> str | None:
    named = os.path.expanduser(written.removeprefix("file:"))  # noqa: PTH111 - it never raises
    try:
        text = loaded.files.read(FilePath(span.file if span else ".").parent / named).decode("ascii", "replace")
        ssl.create_default_context(cadata=text)
    except ssl.SSLError:
        help_ = "name a PEM file"
        loaded.report.error("bad-certificate", "`ca` holds no certificate in PEM form", span, help=help_)
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        help_ = "create it, or correct the path or permissions"
        loaded.report.error("unreadable-file", f"{written} cannot be read: {reason}", span, help=help_)
    else:
        return text
    return None
