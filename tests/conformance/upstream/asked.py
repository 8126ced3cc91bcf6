"""A request that is to be answered, and the means to do so in the wire form of its API."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.conformance.upstream import chat, messages, responses
from tests.conformance.upstream.sse import plain
from tests.conformance.words import Call, Said, Thought
from tests.support.script import Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.conformance.upstream.heard import Heard
    from tests.conformance.words import Api

VOICES: dict[Api, Any] = {"chat": chat, "messages": messages, "responses": responses}
RETRY_AFTER = "2"


@dataclass
class Asked:
    """A request to be answered."""

    api: Api
    body: dict[str, Any]
    heard: Heard
    nonce: str
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def voice(self) -> Any:
        return VOICES[self.api]

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))

    def says(self, said: Said) -> Reply:
        """Answer whole, or as a stream if one was asked for."""
        if self.streams:
            return as_stream(self.events(said), *self.headers)
        return as_json(plain(self.voice.whole(said, self.body)), 200, *self.headers)

    def fails(self, kind: str) -> Reply:
        """Answer with an error."""
        status, body = self.voice.error(kind)
        more = (("retry-after", RETRY_AFTER),) if kind == "rate-limit" else ()
        return as_json(body, status, *self.headers, *more)

    def events(self, said: Said) -> list[bytes]:
        """Return the events of a stream that says it."""
        made: list[bytes] = self.voice.events(said, self.body)
        return made

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("request-id" if self.api == "messages" else "x-request-id", f"req_{self.nonce}"),)

    def call(self, name: str, arguments: Any) -> Call | None:
        """Return a call of the offered tool whose name has `name` in it; None if there is none."""
        tool = next((tool for tool in self.heard.tools if name in tool.name), None)
        if tool is None:
            return None
        if tool.kind == "custom":
            return Call(self.call_id(), tool.name, arguments, "custom", tool.namespace)
        given = arguments if isinstance(arguments, dict) else {_only_text(tool.schema): arguments}
        return Call(self.call_id(), tool.name, json.dumps(given, ensure_ascii=False), namespace=tool.namespace)

    def call_id(self) -> str:
        """Return an id as the vendor mints it."""
        return f"toolu_01{secrets.token_hex(11)}" if self.api == "messages" else f"call_{secrets.token_hex(12)}"


def _only_text(schema: dict[str, Any]) -> str:
    """Return the property that can hold the input of a custom tool which is offered as a function."""
    properties = schema.get("properties") or {"input": {}}
    return next(name for name, inner in properties.items() if inner.get("type", "string") == "string")


def thought(api: Api, nonce: str) -> Thought:
    """Return the thought of a test, sealed as the vendor does it."""
    raw = hashlib.sha512(f"only the vendor knows {nonce}".encode()).digest() * 3
    seal = {
        "messages": base64.b64encode(raw).decode(),
        "responses": "gAAAAAB" + base64.urlsafe_b64encode(raw).decode(),
        "chat": "",
    }[api]
    return Thought(f"First I think about {nonce}, then I act.", seal)


def refused(api: Api, flaws: list[str]) -> Reply:
    """Answer 400 as the vendor does, and say why."""
    status, body = VOICES[api].error("bad-request")
    body["error"]["message"] = "; ".join(flaws)
    return as_json(body, status)
