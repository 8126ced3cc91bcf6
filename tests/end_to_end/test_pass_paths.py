"""Paths as clients write them, and connections as they use them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import CHAT
from tests.support.http import Line, head, post
from tests.support.passing import PASSING

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(PASSING.format(openai=_openai.url, anthropic=_anthropic.url))


SAME_PATH = [
    "/v1/chat/completions",
    "/chat/completions",
    "//v1//chat/completions",
    "/v1/v1/chat/completions",
    "/v1//v1/chat/completions",
    "/v1/chat/%63ompletions",
    "/team-a/v1/chat/completions",
    "/team-a/chat/completions",
    "/team-a//v1/v1/chat/completions",
]


@pytest.mark.parametrize("path", SAME_PATH)
def test_the_canonical_path_goes_up(turnout: Turnout, openai: Upstream, path: str) -> None:
    answer = post(turnout.url, path, CHAT.body())
    assert (answer.status, openai.last.target) == (200, "/v1/chat/completions")


BAD_PATHS = [
    "/v1/../v1/chat/completions",
    "/v1/./chat/completions",
    "/v1/%2e%2e/chat/completions",
    "/v1/.%2E/chat/completions",
    "/v1\\chat\\completions",
    "/v1/chat%5Ccompletions",
    "/v1/chat/completions%00",
    "/v1%2Fchat/completions",
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_two_readers_may_read_differently_is_refused(turnout: Turnout, openai: Upstream, path: str) -> None:
    answer = post(turnout.url, path, CHAT.body())
    assert (answer.status, openai.requests) == (400, [])
    CHAT.error(answer)


def test_one_connection_carries_request_after_request(turnout: Turnout) -> None:
    """Whatever the answer was: a stream, JSON, an error with its body unread."""
    turns: list[tuple[int, Any, dict[str, str]]] = [
        (200, CHAT.body(), {}),
        (200, CHAT.body(stream=True), {}),
        (404, CHAT.body("unheard-of"), {}),
        (415, b"x" * 300_000, {"content-type": "text/plain"}),
        (400, b"{nope", {}),
        (200, CHAT.body(), {}),
    ]
    with Line(turnout.url) as line:
        for status, body, headers in turns:
            line.ask("POST", CHAT.path, headers, body)
            assert line.answer().status == status


def test_requests_sent_ahead_are_answered_in_order(turnout: Turnout) -> None:
    with Line(turnout.url) as line:
        for stream in (False, True, False):
            line.ask("POST", CHAT.path, body=CHAT.body(stream=stream))
        kinds = [(line.answer().header("content-type") or "").partition(";")[0] for _ in range(3)]
    assert kinds == ["application/json", "text/event-stream", "application/json"]


def test_expect_100_continue(turnout: Turnout, openai: Upstream) -> None:
    """curl asks before it sends more than a megabyte."""
    body = json.dumps(CHAT.body()).encode()
    with Line(turnout.url) as line:
        line.write(head("POST", CHAT.path, line.host, {"expect": "100-continue"}, len(body), is_json=True))
        assert line.head().status == 100
        line.write(body)
        assert line.answer().status == 200
    assert openai.last.header("expect") is None
