"""A generation: what it keeps to itself."""

from __future__ import annotations

import pytest

from engine.chat import Failure
from engine.secret import Secret
from engine.serve.generation import Live
from engine.upstreams.openai import OpenAI

CANARY = "sk-operator-0123456789abcdef"


def keyed(credential: str) -> Live:
    options = OpenAI()
    return Live(b"key", options.build("up", None), options, Secret(credential, "env:KEY"))


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
