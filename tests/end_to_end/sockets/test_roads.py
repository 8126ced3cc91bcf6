"""The roads that a connection may come by: TLS, a unix socket, a proxy that is trusted; and who can see it there."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from websockets.sync.client import connect, unix_connect

from tests.end_to_end.sockets.house import ADA, SAME, Talk, by, talking, wait, written
from tests.support.apis import CHAT
from tests.support.http import get, post
from tests.support.metrics import Scraped
from tests.support.script import STALL, as_stream
from tests.support.turnout import Turnout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.upstream import Upstream

CHATS, _ = SAME
PLAIN: Any = {"compression": None, "max_size": None, "additional_headers": by(ADA), "proxy": None}


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(tmp_path: Path, openai: Upstream, anthropic: Upstream, ca: trustme.CA) -> Iterator[Turnout]:
    made = ca.issue_cert("localhost", "127.0.0.1")
    (tmp_path / "cert.pem").write_bytes(b"".join(one.bytes() for one in made.cert_chain_pems))
    (tmp_path / "key.pem").write_bytes(made.private_key_pem.bytes())
    server = Turnout(tmp_path, written(openai, anthropic, "tls: {cert: cert.pem, key: file:key.pem}, drain: 1h"))
    yield server
    server.stop()


@pytest.fixture
def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def test_over_tls(secure: Turnout, trusting: ssl.SSLContext, openai: Upstream) -> None:
    url = secure.url.replace("https", "wss", 1).replace("127.0.0.1", "localhost")
    with connect(f"{url}{CHAT.path}", ssl=trusting, **PLAIN) as connection:
        talk = Talk(connection)
        talk.is_well(CHATS)
        talk.ask(CHAT.body("gpt", padding="x" * 1_000_000))
        openai.script(as_stream([*CHAT.parted()[0], STALL]))
        talk.say(CHAT.body("gpt", stream=True, id="a"))
        talk.hear()
        connection.socket.close()
        assert openai.last.left_within(10)
    with connect(f"{url}{CHAT.path}", ssl=trusting, **PLAIN) as connection:
        secure.process.terminate()
        assert Talk(connection).closed()[0] == 1012


def test_over_tls_what_breaks_the_rules_is_told_and_then_dropped(secure: Turnout, trusting: ssl.SSLContext) -> None:
    url = secure.url.replace("https", "wss", 1).replace("127.0.0.1", "localhost")
    with connect(f"{url}{CHAT.path}", ssl=trusting, **PLAIN) as connection:
        connection.socket.sendall(b"\x81\x02{}")
        assert Talk(connection).closed()[0] == 1002


def test_over_a_unix_socket(tmp_path: Path, openai: Upstream, anthropic: Upstream) -> None:
    place = tmp_path / "turnout.sock"
    server = Turnout(tmp_path, written(openai, anthropic), args=("--listen", f"unix:{place}"))
    with unix_connect(str(place), f"ws://localhost{CHAT.path}", **PLAIN) as connection:
        Talk(connection).is_well(CHATS)
    server.stop()


def test_a_message_is_from_whom_the_proxy_of_its_handshake_has_named(
    start: Start, openai: Upstream, anthropic: Upstream
) -> None:
    """Named once: the address that it gave is no proxy of ours, though it may be one that is trusted."""
    more = "limits: {few: {requests: 2 per 10m, by: [ip]}}\n"
    server = start(written(openai, anthropic, 'limits: [few], trusted_proxies: ["127.0.0.0/8", "10.0.0.0/8"]') + more)
    one, other = {"x-forwarded-for": "10.1.1.1"}, {"x-forwarded-for": "10.2.2.2"}
    with talking(server, CHAT.path, headers=one) as talk, talking(server, CHAT.path, headers=other) as apart:
        talk.ask(CHAT.body("gpt"))
        assert post(server.url, CHAT.path, CHAT.body("gpt"), {**by(ADA), **one}).status == 200
        talk.say(CHAT.body("gpt"))
        talk.refusal(429)
        apart.ask(CHAT.body("gpt"))


def test_status_and_metrics_tell_how_many_are_open(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    server = start(written(openai, anthropic).replace("observe: {", "observe: {metrics: true, "))

    def told() -> Any:
        return get(server.url, "/status").json["websockets"]

    with talking(server, CHAT.path) as talk, talking(server, "/v1/ws"):
        talk.ask(CHAT.body("gpt"))
        talk.say("{")
        talk.refusal(400)
        assert told() == {"open": 2, "connections": 1000, "messages": 2}
        scraped = Scraped(server.url)
        assert scraped.value("turnout_open_websockets") == 2
        assert scraped.value("turnout_websocket_messages_total") == 2
    wait(lambda: told()["open"] == 0)
