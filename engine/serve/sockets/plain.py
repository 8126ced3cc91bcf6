"""Chat completions, messages and embeddings on a socket: the JSON of a POST in, each chunk or event out as one frame.

    -> {"id": "a", "model": "smart", "messages": [...], "stream": true}
    <- {"stream_id": "a", "id": "chatcmpl-1", "object": "chat.completion.chunk", ...} (it has its own id)
    <- {"type": "done", "id": "a", "stream_id": "a"}
    -> {"type": "cancel", "id": "a"}
    <- {"type": "error", "id": "a", "stream_id": "a", "status": 429, "error": {...}}

`id` may be left out: such requests go one after the other, and their frames carry neither field.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from engine.chat import Problem
from engine.dialects import ENDPOINTS
from engine.serve.sockets.talk import Ask, Cancel, Heard, lost, opened, text_of, told

if TYPE_CHECKING:
    from engine.chat import Headers
    from engine.dialects.base import Dialect
    from engine.upstreams.turn import Turn

ERROR = re.compile(rb'\s*\{\s*"error"\s*:')
"""How the data begins in which chat completions say an error in-band."""
ERROR_EVENT = re.compile(rb'\s*\{\s*"type"\s*:\s*"error"')
"""Likewise, messages."""
DONE = b"[DONE]"
IDENT = re.compile(rb'["\d-]')
"""How the JSON of a string or a number begins."""
MOST_ID = 256
"""Bytes of an `id`: it is said again in every frame of its answer."""
ASKING = frozenset(
    {"instructions", "stream", "tools", "text", "reasoning", "max_output_tokens", "previous_response_id", "store"}
)
"""Fields of a request with `input` that no request for embeddings has."""
APIS = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "embeddings": "/v1/embeddings",
    "responses": "/v1/responses",
}
"""The `api` that a first frame on /v1/ws may name -> where it goes."""


class Plain:
    """One connection. `path` None: the first frame says which API it speaks."""

    def __init__(self, dialect: Dialect, path: str | None, *, anthropic: bool = False) -> None:
        """`anthropic`: the handshake names a version of that API, as all its clients do."""
        self._dialect = dialect
        self._path = path
        self._anthropic = anthropic

    def hear(self, data: bytes) -> Heard:
        fields = opened(data)
        ident = ident_of(fields)
        if "id" in fields and ident is None and bytes(fields["id"]) != b"null":
            told = f"`id` must be a string or a number, of {MOST_ID} bytes at most"
            raise Problem(400, "invalid_request", told, param="id")
        changed = fields.pop("id", None) is not None
        name = bytes(ident).decode() if ident is not None else None
        if "type" in fields:
            kind = text_of(fields, "type")
            if kind == "cancel":
                return Cancel(lane=name or "", name=name)
            told = f"no frame is of type `{kind}` here: send the JSON of a POST, or a `cancel`"
            raise Problem(400, "invalid_request", told[:200], param="type")
        path = self._path
        if path is None or "api" in fields:
            changed = changed or "api" in fields
            path = self._path = self._picked(fields)
            self._dialect = ENDPOINTS[path][0]
        body = msgspec.json.encode(fields) if changed else data
        return Ask(path=path, size=len(body), answering=Said(body, ident, self._dialect), lane=name or "", name=name)

    def _picked(self, fields: dict[str, Raw]) -> str:
        """Return where a frame goes: `api` says so, else what it holds does."""
        named = text_of(fields, "api")
        fields.pop("api", None)
        if named is not None:
            path = APIS.get(named)
            if path is None or self._path not in (None, path):
                raise Problem(
                    400, "invalid_request", f"`api` is one of {', '.join(APIS)}, the same in all frames", param="api"
                )
            return path
        if self._path is not None:
            return self._path
        if "messages" in fields:
            return APIS["messages" if self._anthropic or "system" in fields else "chat"]
        if "input" in fields:
            return APIS[
                "responses" if ASKING & fields.keys() or bytes(fields["input"]).startswith(b"[{") else "embeddings"
            ]
        told = "the first frame says which API is spoken: `messages`, `input`, `type: response.create`, or an `api`"
        raise Problem(400, "invalid_request", f"{told} ({', '.join(APIS)})")

    def problem(self, problem: Problem, data: bytes = b"") -> bytes:
        ident: Raw | None = None
        with contextlib.suppress(Problem):
            ident = ident_of(opened(data)) if data else None
        return error(self._dialect.status(problem), [], self._dialect.error(problem, ""), ident)

    def crowded(self, most: int) -> Problem:
        told = f"{most} requests of this connection run or wait (server.websocket.requests); wait until one has ended"
        return Problem(429, "rate_limited", told)

    def aged(self, seconds: float) -> bytes | None:  # noqa: ARG002 - the close frame says it
        return None

    def close(self) -> None:
        """Nothing is kept."""


class Said:
    """One request, and its answer."""

    turn: Turn | None = None

    def __init__(self, body: bytes, ident: Raw | None, dialect: Dialect) -> None:
        self._body = body
        self._dialect = dialect
        self._id = ident
        self._lost: dict[str, str] = {}
        self.over = False

    def body(self) -> bytes:
        body, self._body = self._body, b""
        return body

    def refused(self, problem: Problem) -> list[bytes]:
        self.over = True
        return [error(self._dialect.status(problem), [], self._dialect.error(problem, ""), self._id)]

    def begin(self, headers: Headers) -> None:
        self._lost = lost(headers)

    def event(self, data: bytes) -> list[bytes]:
        if data == DONE or self.over:
            return []
        if ERROR_EVENT.match(data):
            self.over = True
            return [self._marked(data, also=True)]
        if ERROR.match(data):
            self.over = True
            return [self._marked(b'{"type":"error",' + data.lstrip()[1:].lstrip(), also=True)]
        return [self._marked(data)]

    def end(self) -> list[bytes]:
        if self.over:
            return []
        self.over = True
        done: dict[str, object] = {"type": "done"} | ({"headers": self._lost} if self._lost else {})
        return [self._marked(msgspec.json.encode(done), also=True)]

    def whole(self, status: int, headers: Headers, body: bytes) -> list[bytes]:
        if status >= 400:
            self.over = True
            return [error(status, headers, body, self._id)]
        self.begin(headers)
        return [self._marked(body), *self.end()]

    def broken(self) -> list[bytes]:
        return self.refused(Problem(502, "upstream_disconnect", "the answer broke off"))

    def cancelled(self) -> list[bytes]:
        self.over = True
        return [self._marked(b'{"type":"done","cancelled":true}', also=True)]

    def follow(self) -> Ask | None:
        return None

    def _marked(self, data: bytes, *, also: bool = False) -> bytes:
        """Return an object with the id of its request in it; `also` as `id`, where it has none of its own."""
        if self._id is None:
            return data
        ident = bytes(self._id)
        mark = b'{"stream_id":%b,"id":%b' % (ident, ident) if also else b'{"stream_id":%b' % ident
        rest = data.lstrip()
        if not rest.startswith(b"{"):
            return data  # an upstream's answer that is no object
        rest = rest[1:].lstrip()
        return mark + (rest if rest.startswith(b"}") else b"," + rest)


def ident_of(fields: dict[str, Raw]) -> Raw | None:
    """Return the `id` of a frame; None where it has none, or none that a request may go by."""
    ident = fields.get("id")
    if ident is None or len(bytes(ident)) > MOST_ID or not IDENT.match(bytes(ident)):
        return None
    return ident


def error(status: int, headers: Headers, body: bytes, ident: Raw | None) -> bytes:
    """Return the frame for an error that was answered as `body`."""
    try:
        said = opened(body).get("error")
    except Problem:
        said = None
    frame: dict[str, object] = {"type": "error"}
    if ident is not None:
        frame |= {"id": ident, "stream_id": ident}
    frame["status"] = status
    frame["error"] = (
        said if said is not None else {"type": "server_error", "message": body[:500].decode("utf-8", "replace")}
    )
    if fields := told(headers):
        frame["headers"] = fields
    return msgspec.json.encode(frame)
