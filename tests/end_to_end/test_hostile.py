"""Input that means harm, against a live server: a clear error or a closed connection, and no growth."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, CHAT, Api
from tests.support.http import Line, get, post, send
from tests.support.script import Reply

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

EACH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
MB = 1024 * 1024


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(f"""\
version: 1
server: {{body_limit: 4MB}}
upstreams:
  openai: {{kind: openai, base_url: "{_openai.url}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{_anthropic.url}", api_key: env:TEST_ANTHROPIC_KEY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
routes:
  - {{name: deep, when: {{input_tokens: {{min: 100000000}}}}, to: smart-chat}}
  - {{name: images, when: {{path: "/v1/images/**"}}, pass: openai}}
keys: {{anonymous: {{routes: [images, deep]}}}}
""")


def rss(turnout: Turnout) -> int:
    return int(get(turnout.url, "/health").json["rss_bytes"])


NUMBERS = {
    "beyond a double": "1e400",
    "four thousand digits": "9" * 4000,
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "a hundred thousand lists": "[" * 100_000 + "]" * 100_000,
    "half a pair": '"\\ud83d"',
}


@EACH
@pytest.mark.parametrize("value", NUMBERS)
def test_values_that_no_json_reader_agrees_on(turnout: Turnout, api: Api, value: str) -> None:
    """They are passed on where nobody needs to know them, or refused; never taken for something else, never a 500."""
    body = json.dumps(api.body()).encode()[:-1] + f', "metadata": {{"deep": {NUMBERS[value]}}}}}'.encode()
    answer = post(turnout.url, api.path, body, {"content-type": "application/json"})
    assert answer.status in (200, 400), answer.body
    if answer.status == 400:
        api.error(answer)


NO_OBJECTS = [b"\xff\xfe{}", b'{"model": "smart\xff"}', b"\x00" * 100, b'{"model": "a"', b"[]", b'"x"']


@EACH
@pytest.mark.parametrize("body", NO_OBJECTS)
def test_bodies_that_are_no_json_object(turnout: Turnout, api: Api, body: bytes) -> None:
    answer = post(turnout.url, api.path, body, {"content-type": "application/json"})
    assert answer.status == 400
    api.error(answer)


BOMBS = {
    "gzip": gzip.compress(b" " * (200 * MB)),
    "gzip of gzip": gzip.compress(gzip.compress(b" " * (200 * MB))),
    "many members": gzip.compress(b"{}") * 20_000,
    "deflate": zlib.compress(b"0" * (200 * MB)),
    "empty blocks": gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * 2_000_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_do_not_go_off(turnout: Turnout, bomb: str) -> None:
    coding = "deflate" if bomb == "deflate" else "gzip"
    ask = {"content-type": "application/json", "content-encoding": coding}
    post(turnout.url, CHAT.path, BOMBS[bomb], ask)
    before = rss(turnout)
    for _ in range(5):
        answer = post(turnout.url, CHAT.path, BOMBS[bomb], ask)
        assert answer.status in (400, 413)
        CHAT.error(answer)
    assert rss(turnout) - before < 24 * MB


def test_a_bomb_of_an_upstream_is_taken_in_pieces(turnout: Turnout, openai: Upstream) -> None:
    before = rss(turnout)
    packed = gzip.compress(b"x" * (400 * MB))
    bomb = Reply(headers=(("content-type", "application/json"), ("content-encoding", "gzip")), parts=(packed,))
    openai.script(bomb, bomb)
    answer = post(turnout.url, CHAT.path, CHAT.body(), timeout=60)
    assert answer.status == 502
    CHAT.error(answer)
    assert rss(turnout) - before < 400 * MB


def test_chunk_extensions_and_trailers_without_end_are_refused(turnout: Turnout) -> None:
    for endless in (b"1;" + b"x" * 200_000, b"0\r\n" + b"x-a: b\r\n" * 20_000):
        with Line(turnout.url) as line:
            head = f"POST {CHAT.path} HTTP/1.1\r\nhost: {line.host}\r\ncontent-type: application/json\r\n"
            line.write(head.encode() + b"transfer-encoding: chunked\r\n\r\n" + endless)
            answer = line.head()
            assert answer.status in (400, 431)


@pytest.mark.parametrize("size", ["99999999999999999999", "-1", "1e9", "0x10", "1, 2", ""])
def test_lengths_that_are_none(turnout: Turnout, size: str) -> None:
    with Line(turnout.url) as line:
        head = f"POST {CHAT.path} HTTP/1.1\r\nhost: {line.host}\r\ncontent-type: application/json\r\n"
        line.write(f"{head}content-length: {size}\r\n\r\n".encode())
        assert line.head().status in (400, 413)


def test_heads_larger_than_the_limit_are_refused_early(turnout: Turnout) -> None:
    before = rss(turnout)
    for fields in (b"x-a: " + b"y" * (10 * MB), b"x-a: b\r\n" * 10_000):
        with Line(turnout.url) as line:
            try:
                line.write(f"GET /v1/models HTTP/1.1\r\nhost: {line.host}\r\n".encode() + fields)
            except OSError:
                continue  # refused and closed before it was all written
            assert line.head().status == 431
    assert rss(turnout) - before < 24 * MB


OUTSIDE = ["/v1/images/%2e%2e/models", "/v1/images/..%2f..%2fkeys", "/v1/images/%2E%2e", "/v1/images/a%00b"]


@pytest.mark.parametrize("path", OUTSIDE)
def test_dot_segments_reach_no_upstream(turnout: Turnout, openai: Upstream, path: str) -> None:
    assert send(turnout.url, "GET", path).status == 400
    assert openai.requests == []


def test_many_idle_connections_keep_nobody_out(turnout: Turnout) -> None:
    before = rss(turnout)
    lines = [Line(turnout.url) for _ in range(300)]
    try:
        assert post(turnout.url, CHAT.path, CHAT.body()).status == 200
        assert rss(turnout) - before < 24 * MB
    finally:
        for line in lines:
            line.close()


def test_a_client_that_closes_its_half_leaves_nothing_behind(turnout: Turnout) -> None:
    """HTTP lets a server answer it, or take it for a client that has left."""
    for _ in range(20):
        with Line(turnout.url) as line:
            line.ask("POST", CHAT.path, (), CHAT.body())
            line.socket.shutdown(socket.SHUT_WR)
            while line.socket.recv(65536):
                pass
    assert post(turnout.url, CHAT.path, CHAT.body()).status == 200
