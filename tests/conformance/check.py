"""What a check is, and the room it works in: a pair of APIs, whole or streamed, with both ends in view."""

from __future__ import annotations

import inspect
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from tests.conformance.clients import CLIENTS
from tests.conformance.leniency import put_right
from tests.conformance.words import APIS, PATHS, Ask, mark
from tests.support.wire import violations

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.gateway import Gateway, Got, Headers
    from tests.conformance.upstream.stage import Act, Arrived, Stage
    from tests.conformance.words import Api, Reading

Mode = Literal["json", "sse"]


class Failed(Exception):  # noqa: N818 - it is a finding, not a failure of this code
    """The gateway does not do what the check asks for."""


class Skipped(Exception):  # noqa: N818 - as above
    """The check does not apply here."""


def must(holds: object, reason: str) -> None:
    """Fail for this reason unless it holds."""
    if not holds:
        raise Failed(reason)


def fail(reason: str) -> NoReturn:
    """Fail for this reason."""
    raise Failed(reason)


def same(found: object, expected: object, what: str) -> None:
    """Fail unless two values are equal."""
    must(found == expected, f"{what} is {found!r:.300}, not {expected!r:.300}")


def alike(found: Any, expected: Any, what: str) -> None:
    """Fail at the first place where two JSON values differ; the order of the names in an object counts."""
    if isinstance(found, dict) and isinstance(expected, dict):
        same(list(found), list(expected), f"the fields of {what}")
        for name in expected:
            alike(found[name], expected[name], f"{what}.{name}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            alike(one, other, f"{what}[{number}]")
    else:
        same(found, expected, what)


@dataclass(frozen=True)
class Pair:
    """A client of one API, and an upstream that speaks one."""

    client: Api
    upstream: Api

    @property
    def same(self) -> bool:
        return self.client == self.upstream

    def __str__(self) -> str:
        return f"{self.client}>{self.upstream}"


PAIRS = tuple(Pair(client, upstream) for client in APIS for upstream in APIS)


@dataclass(frozen=True)
class Check:
    """One thing that must hold. Its docstring says what, in its first line, and on which facts that rests."""

    name: str
    run: Callable[[Room], None]
    modes: tuple[Mode, ...] = ("json", "sse")
    clients: tuple[Api, ...] = APIS
    upstreams: tuple[Api, ...] = APIS
    same: bool | None = None
    """Only where client and upstream speak the same API; False: only where they do not."""
    rough: bool = False
    """It makes the upstream fail: such checks come last, lest a gateway that avoids bad upstreams fails the others."""

    @property
    def says(self) -> str:
        return inspect.getdoc(self.run).partition("\n")[0]  # type: ignore[union-attr]  # all have one

    @property
    def facts(self) -> str:
        return " ".join((inspect.getdoc(self.run) or "").partition("\n")[2].split())

    def applies(self, pair: Pair) -> bool:
        """Say whether it has a meaning for this pair."""
        fits = pair.client in self.clients and pair.upstream in self.upstreams
        return fits and self.same in (None, pair.same)


class Room:
    """Where one check runs once."""

    def __init__(self, gateway: Gateway, stage: Stage, pair: Pair, mode: Mode) -> None:
        self.gateway = gateway
        self.pair = pair
        self.streams = mode == "sse"
        self.nonce = secrets.token_hex(6)
        self.act: Act = stage.enter(self.nonce, pair.upstream)
        self.client: Any = CLIENTS[pair.client]

    def body(self, scenario: str, ask: Ask | None = None) -> dict[str, Any]:
        """Return a request in the client's form that makes the upstream play a scenario."""
        asked = ask or Ask("Hello.")
        asked = replace(asked, text=f"{asked.text} {mark(scenario, self.nonce)}")
        model = self.gateway.models[self.pair.upstream]
        made: dict[str, Any] = self.client.body(asked, model, stream=self.streams)
        return made

    def send(self, body: dict[str, Any], more: Headers = (), **how: Any) -> Got:
        """Send a request to the client's endpoint, whatever comes back; `how` as `Gateway.post` has it."""
        return self.gateway.post(self.pair.client, self.pair.upstream, PATHS[self.pair.client], body, more, **how)

    def answer(self, body: dict[str, Any], more: Headers = ()) -> Reading:
        """Send a request that must be answered, and read the answer as the client does."""
        return self.read(self.send(body, more))

    def says(self, scenario: str, ask: Ask | None = None) -> Reading:
        """Ask for a scenario, which must be answered."""
        return self.answer(self.body(scenario, ask))

    def read(self, got: Got) -> Reading:
        """Read an answer that must be a good one."""
        must(got.status == 200, f"status {got}")
        kind = "text/event-stream" if self.streams else "application/json"
        must(got.kind == kind, f"content-type {got.kind!r} where {kind} was asked for")
        must(got.whole, "the connection ended before the answer did")
        reading = self.reading(got)
        must(reading.error is None, f"an error in its place: {reading.error}")
        must(reading.ended, f"the answer has no proper end: {got.body[-200:]!r}")
        return reading

    def reading(self, got: Got) -> Reading:
        """Read an answer, good or bad."""
        try:
            read: Reading = self.client.streamed(got.frames) if self.streams else self.client.whole(got.value)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise Failed(f"clients cannot read the answer: {error!r} in {got.body[:300]!r}") from None
        return read

    def goes_on(self, body: dict[str, Any], reading: Reading, *results: Any) -> dict[str, Any]:
        """Return the client's next request in a conversation."""
        made: dict[str, Any] = self.client.follow(body, reading, results)
        return made

    def arrived(self, number: int = 0) -> Arrived:
        """Return a request that must have reached the upstream, and that its vendor takes."""
        must(self.act.wait(number + 1, 2.0), "it never came to the upstream")
        return self.act.arrived[number]

    def keeps_the_rules(self, got: Got, *, cut: bool = False) -> None:
        """Hold a stream against the rules of the client's API."""
        usage = True if self.pair.client == "chat" else None
        try:
            stream = put_right(self.pair.client, got.body)
        except (ValueError, AttributeError, KeyError) as error:
            raise Failed(f"an event cannot be read: {error!r}") from None
        found = violations(self.pair.client, stream, usage=usage, cut=cut, unknown=True)
        must(not found, "; ".join(found))
