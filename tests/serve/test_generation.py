"""A generation: how its upstreams are, and what it keeps to itself."""

from __future__ import annotations

import pytest

from engine.chat import Failure
from engine.secret import Secret
from engine.serve.generation import DOWN_FOR, Live
from engine.upstreams.echo import Echo
from engine.upstreams.openai import OpenAI

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


def keyed(credential: str) -> Live:
    return Live(b"key", OpenAI().build("up", None), Secret(credential, "env:KEY"))


@pytest.mark.parametrize("body", [None, f'{{"error": "bad key {CANARY}"}}'.encode()])
def test_a_failure_that_quotes_the_credential_is_scrubbed(body: bytes | None) -> None:
    headers = [(b"x-debug", CANARY.encode())]
    failure = Failure(reason="server_error", message=f"bad key {CANARY}", status=500, body=body, headers=headers)
    scrubbed = keyed(CANARY).scrubbed(failure)
    assert CANARY not in repr(scrubbed)
    assert (scrubbed.reason, scrubbed.status) == ("server_error", 500)


@pytest.mark.parametrize("credential", [CANARY, "e"], ids=["not quoted", "too short to tell from words"])
def test_what_quotes_nothing_stays_as_it_is(credential: str) -> None:
    failure = Failure(reason="bad_request", message="prompt is too long", status=400, body=b'{ "error" :1}')
    assert keyed(credential).scrubbed(failure) == failure
