"""The pages of operators: /metrics for Prometheus, /status for programs and people. Nothing here changes anything."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, cast

import msgspec
from litestar import Request, Response, route

from engine.chat import Problem
from engine.serve.control import METHODS
from engine.serve.readers import check_reader
from engine.serve.reply import Visit, form_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from engine.observe.metrics import Metrics
    from engine.serve.panel import Panel

STYLE = """
:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
th { font-weight: 600; }
.bad { color: #c22; font-weight: 600; }
code { font-family: ui-monospace, monospace; }
"""
PAGE = {
    "content-security-policy": "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "vary": "accept",
}


def showing(panel: Panel) -> list[Any]:
    """Return the handlers of the Litestar app."""

    @route("/status", http_method=METHODS, sync_to_thread=False)
    def status(request: Request[Any, Any, Any]) -> Response[bytes]:
        """How the process is: a page for browsers, JSON for everybody else."""
        check_reader(Visit.of(request.scope).generation.plan, request.scope)
        look = msgspec.to_builtins(panel.look())
        if "text/html" not in request.headers.get("accept", ""):
            return Response(msgspec.json.encode(look), media_type="application/json", headers=PAGE)
        from engine.templating import render  # with Jinja, which nobody else needs

        page = render("status.html.j2", style=STYLE, **look)
        return Response(page.encode(), media_type="text/html", headers=PAGE)

    @route("/metrics", http_method=METHODS, sync_to_thread=False)
    def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        """What requests add up to, and how the process is."""
        check_reader(Visit.of(request.scope).generation.plan, request.scope)
        counted = panel.observers.metrics
        if counted is None:
            raise Problem(404, "not_found", "metrics are off; `observe: {metrics: true}` in the file serves them")
        from prometheus_client.exposition import choose_encoder

        encode, form = choose_encoder(request.headers.get("accept", ""))
        return Response(
            encode(cast("Any", Collected(counted, panel))), headers={"content-type": form, "cache-control": "no-store"}
        )

    return [status, metrics]


class Collected:
    """Everything that /metrics tells, as prometheus_client reads it."""

    def __init__(self, counted: Metrics, panel: Panel) -> None:
        self._counted = counted
        self._panel = panel

    def collect(self) -> Iterator[Metric]:
        from engine.serve.gauges import gauges

        yield from self._counted.collect()
        yield from gauges(self._panel.look())


def refused(request: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    """Answer a `Problem` of a handler in the form of the API called."""
    body = form_of(request.scope).error(problem, Visit.of(request.scope).id)
    return Response(body, status_code=problem.status, media_type="application/json")
