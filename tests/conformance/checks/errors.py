"""Errors of the upstream before an answer: the status and the form that the client's API gives them."""

from __future__ import annotations

import re
from typing import Any

from tests.conformance.check import Room, must, same
from tests.conformance.upstream.asked import RETRY_AFTER, VOICES
from tests.conformance.words import NOBODY


def error(room: Room, scenario: str, *statuses: int) -> dict[str, Any]:
    """Return the error that comes of a scenario: of one of these statuses, in the form of the client's API."""
    got = room.send(room.body(scenario))
    room.arrived()
    must(got.status in statuses, f"status {got}")
    must(got.kind == "application/json", f"content-type {got.kind!r}")
    flaws = room.client.error_flaws(got.value)
    must(not flaws, f"{'; '.join(flaws)}: {got.body[:300]!r}")
    found: dict[str, Any] = {**got.value["error"], "retry-after": got.headers.get("retry-after")}
    return found


def told(room: Room, found: dict[str, Any], kind: str) -> None:
    """The upstream's own words must be in the message."""
    words = VOICES[room.pair.upstream].error(kind)[1]["error"]["message"]
    must(
        _bare(words) in _bare(found["message"]),
        f"the message is {found['message']!r:.200}, without the upstream's words",
    )


def _bare(message: str) -> str:
    """Leave out quotes, which many gateways escape."""
    return re.sub(r"[\\'\"]", "", message)


def rate_limit(room: Room) -> None:
    """429 stays 429, with retry-after and the upstream's words.

    messages: rate_limit_error. SDKs wait as long as retry-after says.
    """
    found = error(room, "fail-rate-limit", 429)
    told(room, found, "rate-limit")
    must(found["retry-after"], "retry-after is gone")
    must(0 < float(found["retry-after"]) <= float(RETRY_AFTER), f"retry-after is {found['retry-after']!r}")
    if room.pair.client == "messages":
        same(found["type"], "rate_limit_error", "error.type")


def bad_request(room: Room) -> None:
    """400 stays 400, with the upstream's words: clients match on them to recover.

    messages and OpenAI: invalid_request_error.
    """
    found = error(room, "fail-bad-request", 400)
    told(room, found, "bad-request")
    same(found["type"], "invalid_request_error", "error.type")


def context(room: Room) -> None:
    """A context that is too long is told in the words by which the client's API knows it.

    messages: 400 `prompt is too long`, on which Claude Code compacts; OpenAI: 400, code context_length_exceeded, on
    which Codex does.
    """
    found = error(room, "fail-context", 400)
    if room.pair.client == "messages":
        must("prompt is too long" in found["message"], f"the message is {found['message']!r:.200}")
    else:
        same(found.get("code"), "context_length_exceeded", "error.code")


def credential(room: Room) -> None:
    """A credential that the upstream refuses is not the client's: it is told a failure of the server.

    401 makes clients discard the key they have, or ask their user for another.
    """
    error(room, "fail-credential", 500, 502, 503, 504)


def server(room: Room) -> None:
    """500 is a failure of the server to the client too, so that it tries again.

    messages: api_error.
    """
    found = error(room, "fail-server", 500, 502, 503)
    if room.pair.client == "messages":
        same(found["type"], "api_error", "error.type")


def overloaded(room: Room) -> None:
    """An overloaded upstream is told in the client's words.

    messages: 529 overloaded_error; OpenAI: 503.
    """
    found = error(room, "fail-overloaded", *((529, 503) if room.pair.client == "messages" else (503, 529)))
    if room.pair.client == "messages":
        same(found["type"], "overloaded_error", "error.type")


def unknown_model(room: Room) -> None:
    """A model that nobody knows is 404, in the form of the client's API.

    OpenAI: 404 model_not_found; messages: 404 not_found_error.
    """
    got = room.send({**room.body("text"), "model": f"{NOBODY}{room.nonce}"})
    must(got.status == 404, f"status {got}")
    flaws = room.client.error_flaws(got.value)
    must(not flaws, f"{'; '.join(flaws)}: {got.body[:300]!r}")
    if room.pair.client == "messages":
        same(got.value["error"]["type"], "not_found_error", "error.type")
