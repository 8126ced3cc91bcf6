"""A handshake is a GET through the usual doors: refused, it has a status, and a body in the form of the API."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.sockets.house import ADA, EVE, FORMS, KEYS, House, Way, by, talking, wait, written
from tests.end_to_end.sockets.raw import ACCEPT, HANDSHAKE, Raw
from tests.support.apis import CHAT, MESSAGES
from tests.support.http import Line, get

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.http import Answer
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

PAGE = "https://page.example"


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    text = written(_openai, _anthropic, f'cors: {{origins: ["{PAGE}"]}}')
    return start(text)


@pytest.fixture(scope="module")
def tight(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, "websocket: {connections: 3}"))


@pytest.fixture(scope="module")
def off(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(written(_openai, _anthropic, "websocket: off"))


def error(way: Way, answer: Answer) -> Any:
    """Return the inner error of a refusal, which must be in the form of the API."""
    return way.client.error(answer)


def still_serves(way: Way, line: Line) -> None:
    """Hold that the connection may be used for a POST, and for another handshake."""
    line.ask("POST", way.client.path, by(ADA), way.body())
    assert line.answer().status == 200
    line.ask("GET", way.client.path, {**HANDSHAKE, **by(ADA)})
    assert line.head().status == 101


REFUSED: dict[str, tuple[dict[str, str | None], int]] = {
    "without a key": ({"x-api-key": None}, 401),
    "with a strange key": ({"x-api-key": "tk-nobody-0123456789abcdef"}, 401),
    "by a foreign page": ({"origin": "https://evil.example"}, 403),
    "by a page that is opaque": ({"origin": "null"}, 403),
    "by another port of this machine": ({"origin": "http://127.0.0.1:1"}, 403),
    "cross-site without an origin": ({"sec-fetch-site": "cross-site"}, 403),
    "to another host": ({"host": "evil.example"}, 421),
    "in an old version": ({"sec-websocket-version": "8"}, 426),
    "in several versions": ({"sec-websocket-version": "13, 8"}, 426),
    "without a version": ({"sec-websocket-version": None}, 426),
    "without a nonce": ({"sec-websocket-key": None}, 400),
    "with a short nonce": ({"sec-websocket-key": "c2hvcnQ="}, 400),
    "with a nonce that is no base64": ({"sec-websocket-key": "!" * 24}, 400),
    "with a body": ({"content-length": "2"}, 400),
}


@FORMS
@pytest.mark.parametrize("how", REFUSED, ids=str)
def test_a_refusal_has_a_status_and_a_body_and_the_connection_stays(house: House, way: Way, how: str) -> None:
    changed, status = REFUSED[how]
    fields = {**HANDSHAKE, **by(ADA), **changed}
    with Line(house.turnout.url) as line:
        line.ask("GET", way.client.path, {name: value for name, value in fields.items() if value is not None})
        if how == "with a body":
            line.write(b"{}")
        answer = line.answer("GET")
        assert answer.status == status
        assert error(way, answer)["message"]
        if status == 426:
            assert answer.header("sec-websocket-version") == "13"
        still_serves(way, line)


@FORMS
@pytest.mark.parametrize("path", ["", "/v1/ws"])
def test_where_it_is_off_it_is_426_and_names_the_key(off: Turnout, way: Way, path: str) -> None:
    with Line(off.url) as line:
        headers = {"anthropic-version": "2023-06-01"} if way.client is MESSAGES else {}
        line.ask("GET", path or way.client.path, {**HANDSHAKE, **by(ADA), **headers})
        answer = line.answer("GET")
        assert answer.status == 426
        assert "server.websocket" in error(way, answer)["message"]
        assert "websocket" not in str(answer.header("upgrade")).lower()
        line.ask("POST", way.client.path, by(ADA), way.body())
        assert line.answer().status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/completions", 426), ("/v1/messages/count_tokens", 426), ("/v1/models", 200), ("/v1/nowhere", 404)],
)
def test_other_paths_are_not_spoken_over_it(house: House, path: str, status: int) -> None:
    with Line(house.turnout.url) as line:
        line.ask("GET", path, {**HANDSHAKE, **by(ADA)})
        answer = line.answer("GET")
        assert answer.status == status
        if status == 426:
            assert "POST" in answer.json["error"]["message"]


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD"])
def test_only_a_get_asks_for_one(house: House, method: str) -> None:
    with Line(house.turnout.url) as line:
        line.ask(method, CHAT.path, {**HANDSHAKE, **by(ADA)}, CHAT.body("gpt") if method == "POST" else b"")
        assert line.answer(method).status == {"POST": 200}.get(method, 426)


def test_a_plain_get_is_none(house: House) -> None:
    assert get(house.turnout.url, CHAT.path, by(ADA)).status == 405
    assert get(house.turnout.url, "/v1/ws", by(ADA)).status == 426


@FORMS
def test_as_many_are_open_as_may_be_and_no_more(
    tight: Turnout, openai: Upstream, anthropic: Upstream, way: Way
) -> None:
    wait(lambda: is_free(tight, way))
    with ExitStack() as stack:
        talks = [stack.enter_context(talking(tight, way.client.path)) for _ in range(3)]
        with Line(tight.url) as line:
            line.ask("GET", way.client.path, {**HANDSHAKE, **by(EVE)})
            answer = line.answer("GET")
            assert answer.status == (529 if way.client is MESSAGES else 503)
            assert "server.websocket.connections" in error(way, answer)["message"]
            assert int(answer.header("retry-after") or 0) > 0
            talks[0].connection.close()
            wait(lambda: open_again(line, way))
        for talk in talks[1:]:
            talk.is_well(way)


def is_free(server: Turnout, way: Way) -> bool:
    """Say whether all of the places are."""
    with ExitStack() as stack:
        lines = [stack.enter_context(Line(server.url)) for _ in range(3)]
        return all(open_again(line, way) for line in lines)


def open_again(line: Line, way: Way) -> bool:
    """Ask on the same connection, until there is room."""
    line.ask("GET", way.client.path, {**HANDSHAKE, **by(EVE)})
    answer = line.head()
    if answer.status == 101:
        return True
    for _ in line.chunks(answer):
        pass
    return False


@FORMS
def test_a_crowd_that_comes_at_once_is_not_let_in(tight: Turnout, way: Way) -> None:
    with ExitStack() as stack:
        lines = [stack.enter_context(Line(tight.url)) for _ in range(40)]
        for line in lines:
            line.ask("GET", way.client.path, {**HANDSHAKE, **by(ADA)})
        statuses = [line.head().status for line in lines]
    assert statuses.count(101) <= 3
    assert set(statuses) <= {101, 503, 529}


# what is accepted ----------------------------------------------------------------------------------------------------


@FORMS
def test_the_answer_is_that_of_the_rfc_and_can_be_held_against_the_log(house: House, way: Way) -> None:
    with Raw(house.turnout.url) as raw:
        answer = raw.open(way.client.path, {"sec-websocket-extensions": "permessage-deflate"})
        assert answer.header("sec-websocket-accept") == ACCEPT
        assert (answer.header("upgrade"), answer.header("connection")) == ("websocket", "Upgrade")
        assert answer.header("sec-websocket-extensions") is None
        assert answer.header("sec-websocket-protocol") is None
        assert answer.header("content-length") is None
        ident = answer.header("x-turnout-request")
        assert ident
        assert answer.header("x-turnout-generation")
        wait(lambda: "101 " in house.turnout.log() and ident in house.turnout.log())


@pytest.mark.parametrize("headers", [{"origin": PAGE}, {"sec-fetch-site": "same-origin"}, {}], ids=str)
def test_pages_that_may_call_and_programs_come_in(house: House, headers: dict[str, str]) -> None:
    with talking(house.turnout, CHAT.path, headers=headers) as talk:
        talk.ask(CHAT.body("gpt"))


def test_the_page_of_the_server_itself_comes_in(house: House) -> None:
    with talking(house.turnout, CHAT.path, origin=house.turnout.url) as talk:
        talk.ask(CHAT.body("gpt"))


@FORMS
def test_a_key_may_come_as_a_subprotocol_and_is_not_said_again(house: House, way: Way) -> None:
    offered = ["turnout", f"openai-insecure-api-key.{ADA}"]
    with talking(house.turnout, way.client.path, key="", subprotocols=offered) as talk:
        assert talk.connection.subprotocol == "turnout"
        talk.ask(way.body())
    assert ADA not in str(house.upstream(way).last.headers)
    assert ADA not in house.turnout.log()
    with talking(house.turnout, way.client.path, key="", subprotocols=offered[1:]) as talk:
        assert talk.connection.subprotocol is None
        talk.is_well(way)


def test_after_a_request_on_the_same_connection(house: House) -> None:
    with Raw(house.turnout.url) as raw:
        for _ in range(2):
            raw.ask("POST", CHAT.path, by(ADA), CHAT.body("gpt", stream=True))
            assert raw.answer().status == 200
        raw.open(CHAT.path)


def test_an_edit_turns_it_off_for_those_who_come_and_on_again(
    start: Start, openai: Upstream, anthropic: Upstream
) -> None:
    server = start(written(openai, anthropic))
    text = server.file.read_text()
    with talking(server, CHAT.path) as talk:
        server.taken(lambda: server.rewrite(text.replace("server: {}", "server: {websocket: off}")))
        assert get(server.url, CHAT.path, {**HANDSHAKE, **by(ADA)}).status == 426
        talk.ask(CHAT.body("gpt"))  # who is in stays in
        server.taken(lambda: server.rewrite(text.replace("server: {}", "server: {websocket: {connections: 1}}")))
        assert get(server.url, CHAT.path, {**HANDSHAKE, **by(ADA)}).status == 503
        server.taken(lambda: server.rewrite(text))
        with talking(server, CHAT.path) as other:
            other.ask(CHAT.body("gpt"))


def test_no_headers_of_ours_where_the_file_says_so(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    text = written(openai, anthropic).replace("log: {format: text}", "log: {format: text}, headers: false")
    with Raw(start(text).url) as raw:
        assert raw.open(CHAT.path).header("x-turnout-request") is None


def test_anonymous_callers_come_in_where_they_may(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    server = start(written(openai, anthropic, more="keys: {anonymous: {}}\n"))
    with talking(server, CHAT.path, key="") as talk:
        talk.ask(CHAT.body("gpt"))


def test_a_key_of_one_base_is_refused_at_another(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    keys = KEYS.replace("  ada: {", "  ada: {bases: [team], ") + "bases: {team: {prefix: /team}}\n"
    server = start(written(openai, anthropic, more=keys))
    assert get(server.url, CHAT.path, {**HANDSHAKE, **by(ADA)}).status == 403
    with talking(server, f"/team{CHAT.path}") as talk:
        talk.ask(CHAT.body("gpt"))
