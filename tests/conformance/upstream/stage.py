"""The scripted upstream as a server: all three APIs on one address, and a record of what each test sent through."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.conformance.upstream.asked import Asked, refused
from tests.conformance.upstream.heard import Heard, hear
from tests.conformance.upstream.judge import flaws
from tests.conformance.upstream.scenarios import LENIENT, SCENARIOS
from tests.conformance.words import COUNT, MARK, NOBODY, PATHS, Said
from tests.support.script import Reply, as_json
from tests.support.upstream import Seen, Upstream

if TYPE_CHECKING:
    from tests.conformance.words import Api

COUNTED: dict[str, dict[str, str]] = {COUNT: {}, "/v1/responses/input_tokens": {"object": "response.input_tokens"}}
"""Where tokens are counted, and what is said beside their number."""
ENDPOINTS: dict[str, Api] = {
    **{path: api for api, path in PATHS.items()},
    COUNT: "messages",
    "/v1/responses/input_tokens": "responses",
}


@dataclass
class Arrived:
    """A request that has come through the gateway."""

    seen: Seen
    api: Api
    body: dict[str, Any]
    flaws: list[str]
    """Why a vendor would refuse it."""
    heard: Heard = field(default_factory=Heard)
    reply: bytes = b""
    """The body of what it was answered."""


@dataclass
class Act:
    """What the stage knows of one test: which API its requests must come in, and those that have come."""

    api: Api
    arrived: list[Arrived] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    """Holds back the rest of an answer that is paced."""
    news: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, count: int = 1, timeout: float = 10.0) -> bool:
        """Wait until `count` requests have come; say whether they have."""
        with self.news:
            return self.news.wait_for(lambda: len(self.arrived) >= count, timeout)


class Stage:
    """The upstream. Tests `enter` with their nonce before they ask, and find their requests in their act."""

    def __init__(self, address: tuple[str, int]) -> None:
        """Listen on `address`. Raises `OSError` when it is taken."""
        self._acts: dict[str, Act] = {}
        self._server = Upstream(self._answer, address)
        self.url = self._server.url

    def enter(self, nonce: str, api: Api) -> Act:
        """Open the act of a test whose requests are to come in this API."""
        act = self._acts[nonce] = Act(api)
        return act

    def stop(self) -> None:
        """Close it all."""
        self._server.stop()

    def _answer(self, seen: Seen) -> Reply:
        if seen.method == "GET" and seen.path == "/v1/models":
            return as_json({"object": "list", "data": []})
        api = ENDPOINTS.get(seen.path)
        if seen.method != "POST" or api is None:
            return as_json({"error": {"message": f"Unknown request URL: {seen.method} {seen.path}"}}, 404)
        found = MARK.search(seen.body)
        scenario, nonce = (found[1].decode(), found[2].decode()) if found else ("text", "0" * 12)
        act = self._acts.get(nonce)
        body = json.loads(seen.body)
        if str(body.get("model")).startswith(NOBODY):
            return Asked(api, body, Heard(), nonce).fails("unknown-model")
        if act is None:
            return Asked(api, body, Heard(), nonce).says(Said(text="Hello"))
        return self._play(act, Arrived(seen, api, body, []), scenario, nonce)

    def _play(self, act: Act, arrived: Arrived, scenario: str, nonce: str) -> Reply:
        if arrived.seen.path in COUNTED and arrived.api == act.api:
            reply = as_json({**COUNTED[arrived.seen.path], "input_tokens": int(nonce[:4], 16) + 1000})
        else:
            betas = arrived.seen.header("anthropic-beta") or ""
            arrived.flaws = flaws(arrived.api, arrived.body, betas, lenient=scenario in LENIENT)
            reply = self._judged(act, arrived, scenario, nonce)
        arrived.reply = reply.body
        with act.news:
            act.arrived.append(arrived)
            act.news.notify_all()
        return reply

    def _judged(self, act: Act, arrived: Arrived, scenario: str, nonce: str) -> Reply:
        if arrived.api != act.api:
            return as_json({"error": {"message": f"This server does not speak {arrived.api}", "code": None}}, 404)
        if arrived.flaws:
            return refused(arrived.api, arrived.flaws)
        try:
            arrived.heard = hear(arrived.api, arrived.body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            arrived.flaws = [f"it cannot be read: {error!r}"]
            return refused(arrived.api, arrived.flaws)
        return SCENARIOS[scenario](Asked(arrived.api, arrived.body, arrived.heard, nonce, act.gate))
