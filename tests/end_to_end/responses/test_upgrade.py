"""Where WebSockets are off, what asks for one is told so at once; Codex then asks by POST."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.responses.house import ADA, House, by, written
from tests.support.apis import RESPONSES
from tests.support.http import Line, send

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

HANDSHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, more="server: {websocket: off}"))


@pytest.fixture
def house(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> House:
    return House(turnout, openai, anthropic)


@pytest.mark.parametrize("path", [RESPONSES.path, "/responses", "/v1/v1/responses"])
def test_a_handshake_is_answered_426(house: House, path: str) -> None:
    answer = send(house.turnout.url, "GET", path, {**HANDSHAKE, **by(ADA)})
    assert answer.status == 426
    assert "POST" in RESPONSES.error(answer)["message"]
    assert "websocket" not in str(answer.header("upgrade")).lower()
    assert (house.openai.requests, house.anthropic.requests) == ([], [])


def test_and_the_connection_is_good_for_the_post_that_follows(house: House) -> None:
    with Line(house.turnout.url, 3) as line:
        line.ask("GET", RESPONSES.path, {**HANDSHAKE, **by(ADA)})
        assert line.answer("GET").status == 426
        line.ask("POST", RESPONSES.path, by(ADA), RESPONSES.body("claude"))
        assert line.answer().status == 200


def test_without_a_key_it_is_401_there_too(house: House) -> None:
    answer = send(house.turnout.url, "GET", RESPONSES.path, HANDSHAKE)
    assert answer.status == 401
    RESPONSES.error(answer)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_plain_request_of_another_method_is_answered_405(house: House, method: str) -> None:
    answer = send(house.turnout.url, method, RESPONSES.path, by(ADA))
    assert (answer.status, answer.header("allow")) == (405, "POST")
    RESPONSES.error(answer)
