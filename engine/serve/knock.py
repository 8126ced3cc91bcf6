"""What can be wrong with a request before anything of its body is read."""

from __future__ import annotations

from engine.chat import Problem
from engine.dialects import ENDPOINTS
from engine.plan.paths import MODELS
from engine.serve import objects
from engine.serve.sockets.opening import PATHS

SHAKEN = "`connection: upgrade`, `upgrade: websocket` and `sec-websocket-version: 13`, over HTTP/1.1"
PROBES = frozenset({"/", "/v1", "/v1/", "/api/hello"})
"""Paths that clients ask to see whether anybody is there (Claude Code: HEAD /api/hello)."""


def is_json(content_type: bytes | None) -> bool:
    if content_type == b"application/json":
        return True
    if content_type is None:
        return False
    kind = content_type.split(b";", 1)[0].strip().lower()
    return kind == b"application/json" or (kind.startswith(b"application/") and kind.endswith(b"+json"))


def only(methods: str, path: str) -> Problem:
    """Return the refusal of a method at a path that takes others."""
    return Problem(405, "method_not_allowed", f"{path[:200]} takes {methods}", headers=((b"allow", methods.encode()),))


def misfit(method: str, path: str, *, handshake: bool) -> Problem:
    """Return the refusal of what a model endpoint is not asked by. `handshake`: it means to be one of a WebSocket.

    Clients that try a WebSocket first (Codex) ask by POST at once where they are told 426.
    """
    if path not in PATHS:
        if not handshake:
            return only("POST", path)
        told = f"{path} is not spoken over WebSocket here; send the request by POST"
        return Problem(426, "upgrade_required", told, headers=((b"upgrade", b"HTTP/1.1"), (b"connection", b"upgrade")))
    if path in ENDPOINTS and not handshake:
        return only("POST", path)
    if path not in ENDPOINTS and method != "GET":
        return only("GET", path)
    told = f"{path} waits for a WebSocket: a GET with {SHAKEN}"
    return Problem(426, "upgrade_required", told, headers=((b"upgrade", b"websocket"), (b"connection", b"upgrade")))


def nowhere(path: str) -> Problem:
    """Return the refusal of what no endpoint and no `pass` route takes."""
    if path in PROBES:
        return only("GET, HEAD", path)
    if found := objects.PATH.fullmatch(path):
        return only(", ".join(objects.METHODS[found["part"]]), path)
    known = ", ".join(sorted(ENDPOINTS))
    sockets = ", ".join(sorted(PATHS - ENDPOINTS.keys()))
    told = f"nothing is served at {path[:200]}; known: {known}, {MODELS}, and over WebSocket {sockets}"
    return Problem(404, "not_found", told)
