"""A generation: how its upstreams are, and what it keeps to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from engine.chat import Failure
from engine.secret import Secret
from engine.serve.generation import DOWN_FOR, Drivers, Generation, Live
from engine.upstreams.echo import Echo
from engine.upstreams.openai import OpenAI

if TYPE_CHECKING:
    from engine.observe.log import Log
    from engine.plan.nodes import Plan

CANARY = "sk-operator-0123456789abcdef"


def live(kind: type[OpenAI | Echo]) -> Live:
    return Live(b"key", kind().build("up", None))


def test_health_follows_traffic_and_forgets_a_failure() -> None:
    one = live(OpenAI)
    assert one.health(0) == "unknown"
    one.failed(100)
    assert (one.health(100), one.health(100 + DOWN_FOR), one.health(101 + DOWN_FOR)) == ("down", "down", "unknown")
    one.answered()
    assert one.health(200) == "ok"


def test_what_runs_inside_needs_no_traffic_to_be_known() -> None:
    assert live(Echo).health(0) == "ok"


@pytest.mark.parametrize("body", [None, f'{{"error": "bad key {CANARY}"}}'.encode()])
def test_a_failure_that_quotes_our_credential_is_scrubbed(body: bytes | None) -> None:
    secrets = (Secret(CANARY, "env:KEY"),)
    generation = Generation(cast("Plan", None), "id", {}, Drivers(), cast("Log", None), secrets)
    failure = Failure(reason="server_error", message=f"bad key {CANARY}", status=500, body=body)
    scrubbed = generation.scrubbed(failure)
    assert CANARY not in scrubbed.message
    assert CANARY.encode() not in (scrubbed.body or b"")
    assert (scrubbed.reason, scrubbed.status) == ("server_error", 500)


def test_a_failure_that_quotes_nothing_stays_as_it_is() -> None:
    generation = Generation(cast("Plan", None), "id", {}, Drivers(), cast("Log", None), (Secret(CANARY, "env:KEY"),))
    failure = Failure(reason="bad_request", message="prompt is too long", status=400, body=b'{ "error" :1}')
    assert generation.scrubbed(failure) is failure
