"""The control plane: /health, /ready and /openapi.json. Nothing here changes anything."""

from __future__ import annotations

import asyncio
import datetime
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException

from engine.chat import Problem
from engine.serve.reply import Visit, form_of, is_local

if TYPE_CHECKING:
    from engine.diagnostics import Diagnostic
    from engine.serve.gate import Gate


METHODS = (HttpMethod.GET, HttpMethod.HEAD)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why the last edit was not taken: code and place, without a line of the file."""

    code: str
    message: str
    file: str
    line: int | None
    column: int | None


class Config(msgspec.Struct, kw_only=True):
    """What became of the last edit."""

    ok: bool = True
    changed_at: str = ""
    """When the live generation became live, RFC 3339."""
    last_error: Fault | None = None


class Status:
    """What the process knows about itself."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.config = Config(changed_at=stamp())
        self.reloads = 0
        self.refusals = 0
        """How many edits were taken, and how many were not."""

    def taken(self) -> None:
        """An edit went live."""
        self.reloads += 1
        self.config = Config(changed_at=stamp())

    def refused(self, found: Diagnostic, main: str) -> None:
        """An edit of `main` was not taken; `found` is the first error."""
        span = found.span
        self.refusals += 1
        self.config.ok = False
        self.config.last_error = Fault(
            code=found.code,
            message=f"the file has an error ({found.code}); `turnout check` and the log say more",
            file=span.file if span else main,
            line=span.line if span else None,
            column=span.column if span else None,
        )

    @property
    def uptime(self) -> float:
        return round(time.monotonic() - self._started, 3)


def handlers(status: Status, gate: Gate, file: str) -> list[Any]:
    """Return the exact, parameterless handlers of the Litestar app. `file`: what /health calls the file."""

    @route("/health", http_method=METHODS, sync_to_thread=False)
    def health(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The process lives; what it runs, and whether the file on disk is that; to callers of this machine also
        who it is, so that a second start finds it."""
        return _json(
            200,
            {
                "status": "ok" if status.config.ok else "degraded",
                "timestamp": stamp(),
                "uptime_s": status.uptime,
                "rss_bytes": rss(),
                "generation": Visit.of(request.scope).generation.id,
                "config": status.config,
                **({"pid": os.getpid(), "file": file} if is_local(request.scope) else {}),
            },
        )

    @route("/ready", http_method=METHODS, sync_to_thread=False)
    def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Whether any upstream may answer: 503 when all are off or cool down, while the server stops, and where limits
        refuse everybody because nobody can count."""
        generation = Visit.of(request.scope).generation
        now = asyncio.get_running_loop().time()
        backends = {
            name: generation.live[name].health.state(now) if name in generation.live else "off"
            for name in generation.plan.upstreams
        }
        usable = (
            not gate.closed
            and not (generation.plan.limits and generation.store.shut)
            and any(state in ("ok", "unknown", "failing") for state in backends.values())
        )
        return _json(200 if usable else 503, {"ready": usable, "backends": backends})

    @route("/openapi.json", http_method=METHODS, sync_to_thread=False)
    def openapi() -> Response[bytes]:
        """What is served, for programs and for people's tools."""
        from engine.serve.openapi import document

        return Response(document(), media_type="application/json")

    return [health, ready, openapi]


def misfit(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework refuses, such as another method on /health, in the form of the API called."""
    message = f"{request.url.path} takes {' and '.join(METHODS)}" if error.status_code == 405 else error.detail
    problem = Problem(error.status_code, error.detail.lower().replace(" ", "_"), message)
    body = form_of(request.scope).error(problem, Visit.of(request.scope).id)
    return Response(
        body, status_code=error.status_code, media_type="application/json", headers={**(error.headers or {})}
    )


def stamp() -> str:
    """Return now as RFC 3339 in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rss() -> int:
    """Return the resident memory of this process in bytes; its peak where only that is known."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - a read of 30 bytes
            return int(file.read().split()[1]) * 4096
    except OSError:
        pass
    try:
        import resource  # not on Windows
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _json(status: int, content: object) -> Response[bytes]:
    return Response(
        msgspec.json.encode(content),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )
