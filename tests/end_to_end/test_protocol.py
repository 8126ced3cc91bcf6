"""HTTP/1 as RFC 9110 and 9112 have it: upgrades, old clients, request targets, codings, and how a connection ends."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, CHAT, Api
from tests.support.http import Answer, Line, head, post
from tests.support.script import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

KB, MB = 1024, 1024 * 1024
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
BOTH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Iterator[Turnout]:
    server = start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))
    yield server
    assert "internal error" not in server.log()


@pytest.fixture
def upstream(api: Api, openai: Upstream, anthropic: Upstream) -> Upstream:
    return openai if api.kind == "openai" else anthropic


# upgrades ------------------------------------------------------------------------------------------------------------

H2C = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAAQCAAAAAAIAAAAA"}
INNER = head("GET", "/v1/files/smuggled", "localhost", (), 0, is_json=False)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("size", [1, 200 * KB, 2 * MB])
def test_curl_that_would_like_http2(turnout: Turnout, openai: Upstream, tmp_path: Path, size: int) -> None:
    body = CHAT.body(metadata={"x": "y" * size})
    (tmp_path / "body").write_text(json.dumps(body))
    command = ["curl", "-sS", "--http2", "-H", "content-type: application/json", "-d", f"@{tmp_path / 'body'}"]
    done = subprocess.run(
        [*command, "-w", "%{http_code}", turnout.url + CHAT.path],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout.endswith("200"), done.stdout
    assert openai.last.json["metadata"] == body["metadata"]
    assert openai.last.header("upgrade") is None
    assert openai.last.header("http2-settings") is None


@BOTH
@pytest.mark.parametrize("protocol", ["h2c", "websocket", "secret/1"])
@pytest.mark.parametrize("split", [False, True], ids=["in one", "in two"])
def test_the_body_of_an_upgrade_is_a_body(
    turnout: Turnout, upstream: Upstream, api: Api, protocol: str, split: bool
) -> None:
    body = json.dumps(api.body(metadata={"x": INNER.decode()})).encode()
    asked = head("POST", api.path, "localhost", {**H2C, "upgrade": protocol}, len(body), is_json=True)
    with Line(turnout.url) as line:
        for _ in range(2):
            if split:
                line.write(asked)
                time.sleep(0.05)
                line.write(body)
            else:
                line.write(asked + body)
            assert line.answer().status == 200
        line.ask("GET", "/v1/models")
        assert "data" in line.answer().json
    assert [seen.json["metadata"] for seen in upstream.requests] == [{"x": INNER.decode()}] * 2


def test_a_head_of_an_upgrade_byte_by_byte(turnout: Turnout, openai: Upstream) -> None:
    body = json.dumps(CHAT.body()).encode()
    with Line(turnout.url) as line:
        for byte in head("POST", CHAT.path, "localhost", H2C, len(body), is_json=True) + body:
            line.write(bytes([byte]))
        assert line.answer().status == 200
    assert openai.last.json["messages"] == CHAT.body()["messages"]


def test_a_refused_body_of_an_upgrade_is_no_request(turnout: Turnout, openai: Upstream) -> None:
    with Line(turnout.url) as line:
        refused = {**H2C, "content-type": "text/plain"}
        line.write(head("POST", CHAT.path, "localhost", refused, len(INNER), is_json=False))
        assert line.answer().status == 415
        line.write(INNER)
        line.ask("GET", "/v1/models")
        assert "data" in line.answer().json
    assert openai.requests == []


def test_a_chunked_body_of_an_upgrade(turnout: Turnout, openai: Upstream) -> None:
    body = json.dumps(CHAT.body()).encode()
    with Line(turnout.url) as line:
        line.write(head("POST", CHAT.path, "localhost", {**H2C, "transfer-encoding": "chunked"}, 0, is_json=True))
        line.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        assert line.answer().status == 200
    assert len(openai.requests) == 1


def test_pipelined_upgrades(turnout: Turnout) -> None:
    with Line(turnout.url) as line:
        line.write(head("GET", "/v1/models", "localhost", H2C, 0, is_json=False) * 20)
        assert [line.answer().status for _ in range(20)] == [200] * 20


def test_connect(turnout: Turnout, openai: Upstream) -> None:
    with Line(turnout.url) as line:
        line.write(b"CONNECT /v1/models HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(INNER) + INNER)
        answer = line.answer()
        assert (answer.status, answer.header("connection")) == (400, "close")
    assert openai.requests == []


# HEAD ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/smart-chat", "/"])
def test_head_has_the_length_of_get(turnout: Turnout, path: str) -> None:
    with Line(turnout.url) as line:
        line.ask("HEAD", path)
        told = line.answer("HEAD").header("content-length")
        line.ask("GET", path)
        assert told == str(len(line.answer().body)) != "0"


# how a connection ends -----------------------------------------------------------------------------------------------


def ask_old(turnout: Turnout, method: str, target: str, body: bytes = b"", *fields: str) -> Answer:
    """Ask in HTTP/1.0, and read until the connection closes."""
    lines = [f"{method} {target} HTTP/1.0", "host: localhost", *fields]
    lines += ["content-type: application/json", f"content-length: {len(body)}"] if body else []
    with Line(turnout.url) as line:
        line.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answer = line.answer(method)
        assert line.socket.recv(1) == b""
    return answer


@BOTH
def test_a_stream_to_http_1_0_comes_without_chunks(turnout: Turnout, upstream: Upstream, api: Api) -> None:
    stream = api.stream()
    upstream.script(stream, stream)
    ours = ask_old(turnout, "POST", api.path, json.dumps(api.body(stream=True)).encode())
    assert (ours.status, ours.header("transfer-encoding"), ours.header("connection")) == (200, None, "close")
    assert ours.header("content-length") is None
    new = post(turnout.url, api.path, api.body(stream=True))
    assert new.header("transfer-encoding") == "chunked"
    assert ours.body == new.body


def test_a_pass_route_without_a_length_to_http_1_0(turnout: Turnout, openai: Upstream) -> None:
    openai.script(
        Reply(headers=(("content-type", "text/plain"),), parts=(b"one ", b"two ", b"three"), framing="chunked")
    )
    answer = ask_old(turnout, "GET", "/v1/files/1", b"", "connection: keep-alive")
    assert (answer.status, answer.header("transfer-encoding"), answer.body) == (200, None, b"one two three")


def test_http_1_0_expects_nothing(turnout: Turnout, openai: Upstream) -> None:
    body = json.dumps(CHAT.body(stream=True)).encode()
    answer = ask_old(turnout, "POST", CHAT.path, body, "expect: 100-continue", "connection: keep-alive")
    assert (answer.status, answer.header("transfer-encoding")) == (200, None)
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_whole_answers_to_http_1_0_have_their_length(turnout: Turnout) -> None:
    answer = ask_old(turnout, "GET", "/v1/models")
    assert (answer.header("content-length"), answer.header("transfer-encoding")) == (str(len(answer.body)), None)
    assert ask_old(turnout, "HEAD", "/v1/models").header("content-length") == answer.header("content-length")


REFUSED = {
    413: ("/v1/chat/completions", {}),
    404: ("/v1/nowhere", {}),
    415: ("/v1/chat/completions", {"content-type": "text/plain"}),
    421: ("/v1/chat/completions", {"host": "evil.example"}),
    403: ("/v1/chat/completions", {"origin": "https://evil.example"}),
    431: ("/v1/chat/completions", {"x-long": "y" * 70 * KB}),
}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("status", REFUSED)
def test_whoever_writes_it_all_first_reads_why_it_was_refused(turnout: Turnout, status: int, version: str) -> None:
    """As urllib, http.client and requests do. A reset while they write, or before they read, would eat the answer."""
    path, headers = REFUSED[status]
    asked = head("POST", path, "localhost", {"connection": "close", **headers}, 8 * MB, is_json=True)
    with Line(turnout.url) as line:
        line.write(asked.replace(b"HTTP/1.1", b"HTTP/" + version.encode(), 1))
        for _ in range(8):
            line.write(b" " * MB)
            time.sleep(0.02)
        answer = line.answer()
        assert (answer.status, answer.header("connection"), answer.whole) == (status, "close", True)
        assert line.socket.recv(1) == b""


def test_urllib_reads_why_it_was_refused(turnout: Turnout) -> None:
    asked = urllib.request.Request(turnout.url + CHAT.path, b" " * 8 * MB, {"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    with refused.value as answer:
        assert answer.status == 413
        assert "server.body_limit" in json.load(answer)["error"]["message"]


def test_what_follows_a_refused_body_is_not_heard(turnout: Turnout, openai: Upstream) -> None:
    with Line(turnout.url) as line:
        refused = {"connection": "close", "content-type": "text/plain"}
        line.write(head("POST", CHAT.path, "localhost", refused, 10, is_json=False))
        assert line.answer().status == 415
        line.write(b" " * 10 + INNER)
        assert line.socket.recv(1) == b""
    assert openai.requests == []


@pytest.mark.slow
def test_a_client_that_writes_on_is_not_listened_to_for_long(turnout: Turnout) -> None:
    with Line(turnout.url) as line:
        line.write(head("POST", "/v1/nowhere", "localhost", {"connection": "close"}, 1000 * MB, is_json=True))
        began = time.monotonic()
        try:
            while time.monotonic() < began + 20:
                line.write(b" ")
                time.sleep(0.05)
        except OSError:
            pass
        assert 4 < time.monotonic() - began < 18


# request targets -----------------------------------------------------------------------------------------------------

TARGETS = {
    "http://localhost/v1/models": 200,
    "HTTP://LOCALHOST:4100/v1/models": 200,
    "http://127.0.0.1/v1/models": 200,
    "http://[::1]:80/v1/models": 200,
    "http://evil.example/v1/models": 421,
    "https://evil.example:443/v1/models": 421,
    "http://localhost@evil.example/v1/models": 400,
    "http://evil.example#@localhost/v1/models": 400,
    "http://evil.example?@localhost/v1/models": 400,
    "http:///v1/models": 400,
    "http://localhost": 400,
    "localhost/v1/models": 400,
    "//evil.example/v1/models": 404,
}


@pytest.mark.parametrize("target", TARGETS)
def test_the_authority_of_the_target_counts(turnout: Turnout, target: str) -> None:
    """And never what stands in Host: a page that rebinds its name could write one and the other."""
    with Line(turnout.url) as line:
        line.ask("GET", target, {"host": "localhost"})
        answer = line.answer()
    assert answer.status == TARGETS[target], answer.body
    if answer.status != 200:
        CHAT.error(answer)


@pytest.mark.parametrize("hosts", [[], ["evil.example", "localhost"]])
def test_a_target_with_an_authority_needs_one_host_still(turnout: Turnout, hosts: list[str]) -> None:
    with Line(turnout.url) as line:
        line.write(b"GET http://localhost/v1/models HTTP/1.1\r\n")
        line.write("".join(f"host: {host}\r\n" for host in hosts).encode() + b"\r\n")
        assert line.answer().status == 400


# transfer codings ----------------------------------------------------------------------------------------------------

CODINGS = {
    ("chunked",): 200,
    ("Chunked",): 200,
    ("gzip, chunked",): 501,
    ("gzip,chunked",): 501,
    ("GZip", "chunked"): 501,
    ("chunked, chunked",): 400,
    ("identity, chunked",): 501,
    ("chunked, gzip",): 400,
    ("gzip",): 400,
    ("xchunked",): 400,
}


@BOTH
@pytest.mark.parametrize("codings", CODINGS, ids=" + ".join)
def test_transfer_codings(turnout: Turnout, upstream: Upstream, api: Api, codings: tuple[str, ...]) -> None:
    body = json.dumps(api.body()).encode()
    fields = [("transfer-encoding", coding) for coding in codings]
    with Line(turnout.url) as line:
        line.write(head("POST", api.path, line.host, fields, 0, is_json=True))
        line.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        answer = line.answer()
        assert answer.status == CODINGS[codings]
        if answer.status == 200:
            return
        assert (answer.header("connection"), line.socket.recv(1)) == ("close", b"")
    api.error(answer)
    assert upstream.requests == []


def test_a_refused_coding_behind_another_request(turnout: Turnout, openai: Upstream) -> None:
    """Its body belongs to nobody: neither to the request before it nor to one of its own."""
    with Line(turnout.url) as line:
        line.ask("GET", "/v1/models")
        assert line.answer().status == 200
        line.write(head("POST", CHAT.path, line.host, {"transfer-encoding": "gzip, chunked"}, 0, is_json=True))
        assert line.answer().status == 501
        line.write(INNER)
        assert line.socket.recv(1) == b""
    assert openai.requests == []


# what is left of a refusal -------------------------------------------------------------------------------------------

CODED = head("POST", "/v1/messages", "localhost", {"transfer-encoding": "gzip, chunked"}, 0, is_json=True)
CHUNKED = head("POST", "/v1/messages", "localhost", {"transfer-encoding": "chunked"}, 0, is_json=True)
TRACES = {
    "no HTTP": ([b"\x16\x03\x01\x02\x00\x01\r\n\r\n"], 400, "-", "-"),
    "no HTTP, later": ([head("GET", "/health", "localhost", (), 0, is_json=False), b"\0\1\r\n\r\n"], 400, "-", "-"),
    "a bad header": ([b"GET /v1/models?key=sk-123456789 HTTP/1.1\r\nx y\r\n\r\n"], 400, "GET", "/v1/models"),
    "a password": ([b"GET http://me:sk-123456789@localhost/v1/x HTTP/1.1\r\nx y\r\n\r\n"], 400, "GET", "/v1/x"),
    "a long path": ([b"GET /" + b"a" * 80 * KB], 431, "GET", "/" + "a" * 199),
    "a coding": ([CODED], 501, "POST", "/v1/messages"),
    "a bad chunk": ([CHUNKED + b"zz\r\n"], 400, "POST", "/v1/messages"),
    "a bad chunk, later": ([CHUNKED, b"zz\r\n"], 400, "POST", "/v1/messages"),
    "a bad second chunk": ([CHUNKED + b"2\r\n{}\r\n", b"zz\r\n"], 400, "POST", "/v1/messages"),
    "a host": ([head("GET", "/v1/models", "evil.example", (), 0, is_json=False)], 421, "GET", "/v1/models"),
    "an origin": (
        [head("GET", "/v1/models?a=1", "localhost", {"origin": "https://evil.example"}, 0, is_json=False)],
        403,
        "GET",
        "/v1/models",
    ),
}


@pytest.mark.parametrize("what", TRACES)
def test_every_refusal_has_an_id_and_a_line_in_the_log(turnout: Turnout, what: str) -> None:
    sent, status, method, path = TRACES[what]
    time.sleep(0.1)  # lines are gathered: those of the test before are still to come
    since = len(turnout.log())
    with Line(turnout.url) as line:
        for piece in sent[:-1]:
            line.write(piece)
            if b"chunked" not in piece:
                assert line.answer().status == 200
            time.sleep(0.1)
        line.write(sent[-1])
        answer = line.answer()
    assert answer.status == status
    identity = answer.header("request-id") or ""
    assert identity.startswith("req_")
    assert {answer.header("x-request-id"), answer.header("x-turnout-request")} == {identity}
    assert answer.header("x-turnout-generation")
    assert answer.json.get("request_id", identity) == identity
    turnout.wait_for(re.compile(f'"{identity}".*\n'), since=since)
    time.sleep(0.1)
    records = [json.loads(text) for text in turnout.log()[since:].splitlines()]
    (record,) = [one for one in records if one.get("path") != "/health"]
    assert (record["request"], record["status"]) == (identity, status)
    assert (record["method"], record["path"], record["level"]) == (method, path, "warning")
    assert record["problem"]
    assert "sk-123456789" not in turnout.log()
