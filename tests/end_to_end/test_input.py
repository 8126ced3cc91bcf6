"""Input that is too large, too slow or no input at all: refused in good form, and never the end of the server."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import APIS, CHAT, MESSAGES, Api
from tests.support.http import Answer, Line, get, head, post, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

BOTH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
KB, MB = 1024, 1024 * 1024
LIMIT = 3 * MB
FILE = """\
version: 1
server: {{body_limit: 3MB}}
upstreams:
  openai: {{kind: openai, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
routes:
  - {{name: files, when: {{path: "/v1/files/**"}}, pass: openai}}
keys: {{anonymous: {{routes: [files]}}}}
"""
GZIP = {"content-encoding": "gzip", "content-type": "application/json"}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Iterator[Turnout]:
    server = start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))
    before = rss(server)
    yield server
    assert rss(server) - before < 32 * MB, "what was refused must not be kept"
    assert "internal error" not in server.log()


def rss(turnout: Turnout) -> int:
    used: int = get(turnout.url, "/health").json["rss_bytes"]
    return used


@pytest.fixture
def upstream(api: Api, openai: Upstream, anthropic: Upstream) -> Upstream:
    return openai if api.kind == "openai" else anthropic


def large(api: Api, size: int) -> bytes:
    """Return a body of exactly `size` bytes that does not compress well."""
    noise = "".join(f"{number * 2654435761 % 2**32:08x}" for number in range(size // 8 + 1))
    empty = len(json.dumps(api.body(metadata={"x": ""})))
    body = json.dumps(api.body(metadata={"x": noise[: size - empty]})).encode()
    assert len(body) == size
    return body


# size ----------------------------------------------------------------------------------------------------------------


def chunked(turnout: Turnout, api: Api, body: bytes, size: int = 64 * KB) -> Answer:
    with Line(turnout.url) as line:
        line.write(head("POST", api.path, line.host, {"transfer-encoding": "chunked"}, 0, is_json=True))
        try:
            for at in range(0, len(body), size):
                piece = body[at : at + size]
                line.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            line.write(b"0\r\n\r\n")
        except OSError:
            pass  # the answer came before the end, and the connection went
        return line.answer()


@BOTH
def test_a_body_of_exactly_the_limit(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    body = large(api, LIMIT)
    assert post(turnout.url, api.path, body).status == 200
    assert upstream.last.json["metadata"] == json.loads(body)["metadata"]
    assert chunked(turnout, api, body).status == 200
    assert post(turnout.url, api.path, gzip.compress(body, 1), GZIP).status == 200


@BOTH
def test_a_body_that_is_declared_too_long_is_not_waited_for(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    with Line(turnout.url, 3) as line:
        line.write(head("POST", api.path, line.host, (), LIMIT + 1, is_json=True))
        answer = line.answer()
    assert (answer.status, upstream.requests) == (413, [])
    assert "server.body_limit" in api.error(answer)["message"]


@BOTH
def test_a_chunked_body_that_grows_too_long(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    answer = chunked(turnout, api, large(api, LIMIT + 64 * KB))
    assert (answer.status, upstream.requests) == (413, [])
    api.error(answer)


@BOTH
def test_a_client_that_reads_after_writing_everything_gets_the_413(turnout: Turnout, api: Api) -> None:
    """Most clients read only then; a reset in between would eat the answer."""
    answer = post(turnout.url, api.path, large(api, LIMIT + MB))
    assert answer.status == 413


@BOTH
def test_gzip_too_long_once_decoded(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    small = gzip.compress(large(api, LIMIT + 1), 6)
    assert len(small) < LIMIT
    answer = post(turnout.url, api.path, small, GZIP)
    assert (answer.status, upstream.requests) == (413, [])
    assert "server.body_limit" in api.error(answer)["message"]


@BOTH
def test_a_bomb(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    """A thousand to one, and within the limit: refused by its ratio, long before it is unpacked."""
    body = json.dumps(api.body(metadata={"x": " " * 2 * MB})).encode()
    bomb = gzip.compress(body)
    assert len(bomb) * 500 < len(body) < LIMIT
    answer = post(turnout.url, api.path, bomb, GZIP)
    assert (answer.status, upstream.requests) == (413, [])
    assert "100 times" in api.error(answer)["message"]


def test_many_bombs_at_once(turnout: Turnout) -> None:
    bomb = gzip.compress(b" " * 100 * MB, 1)
    lines = [Line(turnout.url) for _ in range(20)]
    for line in lines:
        line.ask("POST", CHAT.path, GZIP, bomb)
    for line in lines:
        with line:
            assert line.answer().status == 413


@BOTH
def test_text_of_agents_compresses_well_and_passes(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    log = "\n".join(f"2026-11-22 INFO worker {number} done" for number in range(50_000))
    body = json.dumps(api.body(metadata={"x": log})).encode()
    for packed, name in (
        (gzip.compress(body), "gzip"),
        (gzip.compress(body), "x-gzip"),
        (zlib.compress(body), "deflate"),
    ):
        answer = post(turnout.url, api.path, packed, {**GZIP, "content-encoding": name})
        assert answer.status == 200
        assert upstream.last.json["metadata"]["x"] == log
        assert upstream.last.header("content-encoding") is None


BAD_GZIP = {
    "plain JSON": (lambda body: body, 400),
    "cut": (lambda body: gzip.compress(body)[:-12], 400),
    "no trailer": (lambda body: gzip.compress(body)[:-8], 400),
    "a wrong checksum": (lambda body: gzip.compress(body)[:-8] + b"\0" * 8, 400),
    "empty": (lambda _: b"", 400),
    "raw deflate": (lambda body: zlib.compress(body)[2:-4], 400),
}


@BOTH
@pytest.mark.parametrize("how", BAD_GZIP)
def test_bad_gzip(turnout: Turnout, upstream: Upstream, api: Api, how: str) -> None:
    make, status = BAD_GZIP[how]
    answer = post(turnout.url, api.path, make(json.dumps(api.body()).encode()), GZIP)
    assert (answer.status, upstream.requests) == (status, [])
    api.error(answer)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "secret"])
def test_encodings_nobody_understands(turnout: Turnout, encoding: str) -> None:
    answer = post(turnout.url, CHAT.path, CHAT.body(), {"content-encoding": encoding})
    assert answer.status == 415
    assert "gzip" in CHAT.error(answer)["message"]


def test_the_limit_holds_on_a_pass_route_too(turnout: Turnout, openai: Upstream) -> None:
    assert send(turnout.url, "PUT", "/v1/files/1", (), b"x" * (LIMIT + 1)).status == 413


# what stands in it ---------------------------------------------------------------------------------------------------


def with_extra(api: Api, extra: bytes) -> bytes:
    return json.dumps(api.body()).encode()[:-1] + b',"x":' + extra + b"}"


STRANGE = {
    "deep": (b"[" * 100_000 + b"]" * 100_000, 400),
    "deep, unclosed": (b'{"a":' * 100_000, 400),
    "NaN": (b"NaN", 400),
    "Infinity": (b"-Infinity", 400),
    "invalid UTF-8": (b'"\xff\xfe"', 400),
    "a lone surrogate": (b'"\\ud800"', 400),
    "a NUL in a string": (b'"\\u0000"', 200),
    "a raw NUL": (b'"\x00"', 400),
    "a huge integer": (b"9" * 4000, 200),
    "a huge exponent": (b"1e400", 200),
    "a tiny float": (b"1e-4000", 200),
    "a comment": (b"1 /* one */", 400),
    "a trailing comma": (b"[1,]", 400),
    "two documents": (b'1} {"a": 1', 400),
}


@BOTH
@pytest.mark.parametrize("what", STRANGE)
def test_strange_json(turnout: Turnout, upstream: Upstream, api: Api, what: str) -> None:
    """Fields nobody knows are not judged, but what is not JSON is refused here."""
    extra, status = STRANGE[what]
    answer = post(turnout.url, api.path, with_extra(api, extra))
    assert answer.status == status
    if status == 400:
        assert upstream.requests == []
        api.error(answer)
    else:
        assert extra in upstream.last.body


NUMBERS: dict[str, Any] = {"max_tokens": 10**400, "temperature": 1e300, "n": -(10**30), "top_k": 1.5}


@BOTH
@pytest.mark.parametrize("field", NUMBERS)
def test_numbers_out_of_all_bounds(turnout: Turnout, upstream: Upstream, api: Api, field: str) -> None:
    """Whether the upstream likes them is for the upstream to say."""
    answer = post(turnout.url, api.path, api.body(**{field: NUMBERS[field]}))
    assert answer.status in (200, 400)
    if answer.status == 400:
        assert api.error(answer)


@BOTH
def test_the_same_field_twice(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    """One model is asked for, permitted and sent: never one permitted and another sent."""
    body = json.dumps(api.body()).encode()[:-1] + b',"model":"secret"}'
    answer = post(turnout.url, api.path, body)
    if answer.status == 200:
        assert upstream.last.body.count(b'"model"') == 1
    else:
        assert answer.status in (400, 404)


# heads ---------------------------------------------------------------------------------------------------------------


def raw(turnout: Turnout, data: bytes, timeout: float = 5.0) -> Answer:
    with Line(turnout.url, timeout) as line:
        line.write(data)
        return line.answer()


def test_a_head_may_have_64_kb(turnout: Turnout) -> None:
    assert get(turnout.url, "/v1/models", {"x-long": "y" * 60 * KB}).status == 200


@pytest.mark.parametrize("path", [CHAT.path, MESSAGES.path])
def test_a_head_that_is_too_long(turnout: Turnout, path: str) -> None:
    api = CHAT if path == CHAT.path else MESSAGES
    for headers in ({"x-long": "y" * 70 * KB}, {f"x-{number}": "y" * 90 for number in range(800)}):
        answer = get(turnout.url, path, headers)
        assert (answer.status, answer.header("connection")) == (431, "close")
        api.error(answer)


def test_a_head_without_an_end(turnout: Turnout) -> None:
    with Line(turnout.url) as line:
        line.write(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n")
        try:
            for number in range(10_000):
                line.write(b"x-%d: %s\r\n" % (number, b"y" * 100))
        except OSError:
            pass
        assert line.answer().status == 431


def test_a_request_line_without_an_end(turnout: Turnout) -> None:
    answer = raw(turnout, b"GET /" + b"a" * 80 * KB)
    assert answer.status == 431


def test_a_head_on_a_used_connection_is_measured_anew(turnout: Turnout) -> None:
    with Line(turnout.url) as line:
        for _ in range(4):
            line.ask("GET", "/v1/models", {"x-long": "y" * 30 * KB})
            assert line.answer().status == 200


def test_trailers_are_no_headers(turnout: Turnout, openai: Upstream) -> None:
    body = json.dumps(CHAT.body()).encode()
    with Line(turnout.url) as line:
        line.write(head("POST", CHAT.path, line.host, {"transfer-encoding": "chunked"}, 0, is_json=True))
        line.write(b"%x\r\n%s\r\n0\r\nx-smuggled: 1\r\nhost: evil.example\r\n\r\n" % (len(body), body))
        assert line.answer().status == 200
        line.ask("GET", "/v1/models")
        assert line.answer().status == 200
    assert openai.last.header("x-smuggled") is None


@pytest.mark.slow
@pytest.mark.parametrize("used", [False, True], ids=["a new connection", "a used connection"])
def test_a_head_that_does_not_come(turnout: Turnout, used: bool) -> None:
    with Line(turnout.url, 20) as line:
        if used:
            line.ask("GET", "/v1/models")
            line.answer()
        began = time.monotonic()
        line.write(b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n")
        answer = line.answer()
    assert answer.status == 408
    assert 9 < time.monotonic() - began < 19
    MESSAGES.error(answer)


@pytest.mark.slow
def test_a_connection_opened_ahead_of_need(turnout: Turnout) -> None:
    """The time of a head begins with its first byte, not with the connection."""
    with Line(turnout.url, 20) as line:
        time.sleep(8)
        line.write(b"GET /v1/models HTTP/1.1\r\n")
        time.sleep(4)
        line.write(b"host: localhost\r\n\r\n")
        assert line.answer().status == 200


GARBAGE = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "words": b"hello there\r\n\r\n",
    "no version": b"GET /v1/models\r\n\r\n",
    "a strange version": b"GET /v1/models HTTP/9.9\r\nhost: localhost\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method nobody knows": b"FROBNICATE / HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "a space in the path": b"GET /v1/mo dels HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "a control character in the path": b"GET /v1/\x01 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "bytes in the path": b"GET /v1/\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nhost: localhost\r\nnonsense\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nhost : localhost\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nhost: localhost\r\nx: a\x00b\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nhost: localhost\r\nx: a\r\n b\r\n\r\n",
    "two lengths": b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "a negative length": b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    "a huge length": b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n",
    "length and chunks": b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n"
    b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks that are none": b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"transfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "an asterisk": b"GET * HTTP/1.1\r\nhost: localhost\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("what", GARBAGE)
def test_what_is_not_http(turnout: Turnout, what: str) -> None:
    answer = raw(turnout, GARBAGE[what])
    assert answer.status in (400, 404, 405)
    assert answer.header("content-type") == "application/json"
    assert answer.json["error"]["message"]


def test_an_absolute_request_line(turnout: Turnout) -> None:
    """As a client that takes us for a forward proxy sends it: never fetched."""
    answer = raw(turnout, b"GET http://evil.example/v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert answer.status == 421


# connections ---------------------------------------------------------------------------------------------------------


def test_pipelined_requests_are_answered_in_order(turnout: Turnout, openai: Upstream) -> None:
    with Line(turnout.url) as line:
        asked = b""
        for path in ("/v1/models/smart-chat", "/v1/models/smart-claude", "/v1/models/nobody", "/health"):
            asked += head("GET", path, line.host, (), 0, is_json=False)
        body = json.dumps(CHAT.body()).encode()
        asked += head("POST", CHAT.path, line.host, (), len(body), is_json=True) + body
        asked += head("GET", "/v1/models", line.host, (), 0, is_json=False)
        line.write(asked)
        answers = [line.answer() for _ in range(6)]
    assert [answer.status for answer in answers] == [200, 200, 404, 200, 200, 200]
    assert [answers[0].json["id"], answers[1].json["id"]] == ["smart-chat", "smart-claude"]
    assert answers[4].json["model"] == "smart-chat"
    assert "data" in answers[5].json


def test_garbage_behind_a_request_that_runs(turnout: Turnout, openai: Upstream) -> None:
    """Nothing may be put into the middle of an answer."""
    with Line(turnout.url) as line:
        body = json.dumps(CHAT.body()).encode()
        line.write(head("POST", CHAT.path, line.host, (), len(body), is_json=True) + body + b"\x00\x01\x02\r\n\r\n")
        line.socket.settimeout(5)
        data = b""
        while piece := recv(line.socket):
            data += piece
    assert data.count(b"HTTP/1.1") <= 1
    assert get(turnout.url, "/health").status == 200


def recv(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except ConnectionResetError:
        return b""


def test_a_refused_body_does_not_become_the_next_request(turnout: Turnout, openai: Upstream) -> None:
    """The 415 comes before the body; what follows must still be read as that body."""
    inner = head("GET", "/v1/files/smuggled", "localhost", (), 0, is_json=False)
    with Line(turnout.url) as line:
        line.write(head("POST", CHAT.path, line.host, {"content-type": "text/plain"}, len(inner), is_json=False))
        assert line.answer().status == 415
        try:
            line.write(inner)
            line.ask("GET", "/v1/models")
            assert "data" in line.answer().json
        except (OSError, AssertionError):
            pass  # it closed the connection instead, which is as good
    assert "/v1/files/smuggled" not in [seen.path for seen in openai.requests]


def test_half_closed(turnout: Turnout, openai: Upstream) -> None:
    """A client that shuts its sending side is gone, as far as anyone can tell (FIN is all there is)."""
    with Line(turnout.url) as line:
        line.ask("GET", "/v1/models")
        line.socket.shutdown(socket.SHUT_WR)
        while recv(line.socket):
            pass
    with Line(turnout.url) as line:
        line.write(b"POST /v1/messages HTTP/1.1\r\nhost: loc")
        line.socket.shutdown(socket.SHUT_WR)
        assert recv(line.socket) == b""
    assert get(turnout.url, "/health").status == 200


class TestExpect:
    """`Expect: 100-continue`, as curl sends it with bodies over 1 MB."""

    def ask(self, line: Line, headers: dict[str, str], length: int) -> None:
        expect = {"expect": "100-continue", "content-type": "application/json", **headers}
        line.write(head("POST", CHAT.path, line.host, expect, length, is_json=True))

    def test_the_body_is_asked_for(self, turnout: Turnout, openai: Upstream) -> None:
        body = json.dumps(CHAT.body()).encode()
        with Line(turnout.url) as line:
            self.ask(line, {}, len(body))
            assert line.head().status == 100
            line.write(body)
            assert line.answer().status == 200
        assert openai.last.header("expect") is None

    @pytest.mark.parametrize(
        ("headers", "length", "status"),
        [
            ({"content-type": "text/plain"}, 10, 415),
            ({"origin": "https://evil.example"}, 10, 403),
            ({}, LIMIT + 1, 413),
        ],
    )
    def test_a_refusal_comes_without_it(
        self, turnout: Turnout, headers: dict[str, str], length: int, status: int
    ) -> None:
        """And ends the connection: whether the body still comes, only the client knows."""
        with Line(turnout.url, 3) as line:
            self.ask(line, headers, length)
            answer = line.answer()
            assert (answer.status, answer.header("connection")) == (status, "close")
            assert recv(line.socket) == b""


# paths ---------------------------------------------------------------------------------------------------------------

PATHS = {
    "/v1/../v1/models": 400,
    "/v1/./models": 400,
    "/v1/%2e%2e/admin": 400,
    "/v1/%2E/models": 400,
    "/v1/files/..%2f..%2fetc": 400,
    "/v1/files/a%2Fb": 400,
    "/v1%2Fmodels": 400,
    "/v1\\models": 400,
    "/v1/%5Cmodels": 400,
    "/v1/models%00": 400,
    "/v1/models/%zz": 400,
    "/v1/models/%": 400,
    "/v1/models/%c3%28": 400,
    "/v1/models/a%2Fb": 404,
    "/v1/models/smart-chat": 200,
    "/v1/models/smart%2Dchat": 200,
    "/v1/models/...": 404,
    "//v1//models": 200,
    "/v1/v1/models": 200,
    "/models": 200,
    "/v1/files/x/../y": 400,
    "/v1/files/%252e%252e/x": 200,
}


@pytest.mark.parametrize("path", PATHS)
def test_paths(turnout: Turnout, openai: Upstream, path: str) -> None:
    answer = get(turnout.url, path)
    assert answer.status == PATHS[path]
    if answer.status == 400:
        CHAT.error(answer)
        assert openai.requests == []


def test_what_was_decoded_once_is_not_decoded_again(turnout: Turnout, openai: Upstream) -> None:
    get(turnout.url, "/v1/files/%252e%252e/x")
    assert ".." not in openai.last.path
    assert "%2e%2e" in openai.last.path.replace("%25", "%")
