"""CORS headers by value; what a browser makes of them is in tests/browser."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.serve.cors import announcing, is_preflight, preflight
from tests.plan.plans import UPSTREAMS, plan

OPEN = plan(UPSTREAMS + 'server: {cors: {origins: ["https://a.example"]}}\nkeys: {anonymous: {}}')
WITH_CREDENTIALS = plan(
    UPSTREAMS + 'server: {cors: {origins: ["https://a.example"], credentials: true}}\nkeys: {anonymous: {}}'
)


def scope(method: str = "OPTIONS", **headers: str) -> Any:
    return {
        "method": method,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }


def sent(act: Any) -> list[dict[str, Any]]:
    """Return the ASGI messages that `act(send)` sends."""
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    asyncio.run(act(send))
    return messages


def fields(message: dict[str, Any]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in message["headers"]}


def test_what_is_a_preflight() -> None:
    assert is_preflight(scope(access_control_request_method="POST"))
    assert not is_preflight(scope())
    assert not is_preflight(scope("POST", access_control_request_method="POST"))


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("content-type", "content-type"),
        (" Content-Type ,AUTHORIZATION", "content-type, authorization"),
        ("x-stainless-retry-count,x-stainless-os", "x-stainless-retry-count, x-stainless-os"),
        ("x-turnout-session, x-turnout-key", "x-turnout-session, x-turnout-key"),
        ("x-turnout-fault, cookie, x-anything", None),
        (",,", None),
    ],
)
def test_headers_that_are_granted(asked: str, granted: str | None) -> None:
    start, end = sent(lambda send: preflight(send, scope(access_control_request_headers=asked)))
    assert (start["status"], end["body"], end["more_body"]) == (204, b"", False)
    assert fields(start).get("access-control-allow-headers") == granted


async def _answer(send: Any, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x", "more_body": False})


def test_what_every_answer_says() -> None:
    start, body = sent(lambda send: _answer(announcing(send, b"https://a.example", OPEN), [(b"x", b"1")]))
    told = fields(start)
    assert told["access-control-allow-origin"] == "https://a.example"
    assert (told["vary"], told["x"]) == ("Origin", "1")
    assert "access-control-allow-credentials" not in told
    assert "x-turnout-target" in told["access-control-expose-headers"].split(", ")
    assert body["body"] == b"x"


def test_credentials_are_the_files_to_grant() -> None:
    start, _ = sent(lambda send: _answer(announcing(send, b"https://a.example", WITH_CREDENTIALS), []))
    assert fields(start)["access-control-allow-credentials"] == "true"


def test_vary_is_joined() -> None:
    vary = [(b"vary", b"Accept"), (b"x", b"1"), (b"vary", b"Cookie")]
    start, _ = sent(lambda send: _answer(announcing(send, b"https://a.example", OPEN), vary))
    assert [value for name, value in start["headers"] if name == b"vary"] == [b"Accept, Cookie, Origin"]
