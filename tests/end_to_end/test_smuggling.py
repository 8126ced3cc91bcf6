"""Requests that two readers could read in two ways: refused, and what follows them is not heard. And headers that would
slip by under another spelling."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, Api
from tests.support.http import Answer, Line, post, send
from tests.support.script import Reply, as_json
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """\
version: 1
upstreams:
  openai: {{kind: openai, circuit: off, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
routes:
  - {{name: files, when: {{path: "/v1/files/**"}}, pass: openai}}
keys: {{anonymous: {{routes: [files]}}}}
"""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


PATHS = ["/v1/files/1", "/v1/chat/completions", "/v1/messages", "/v1/models"]
INNER = b"GET /v1/files/smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n"
END = b"0\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
TWO_WAYS = {
    "length and chunks": b"content-length: 5\r\n" + CHUNKED + END,
    "chunks and length": b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n" + END,
    "two lengths": b"content-length: 5\r\ncontent-length: 0\r\n\r\nhello",
    "the same length twice": b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    "a list of lengths": b"content-length: 5, 5\r\n\r\nhello",
    "a length with a sign": b"content-length: +5\r\n\r\nhello",
    "a negative length": b"content-length: -5\r\n\r\nhello",
    "a hexadecimal length": b"content-length: 0x5\r\n\r\nhello",
    "a length of two numbers": b"content-length: 5 5\r\n\r\nhello",
    "a length of nothing": b"content-length: \r\n\r\n",
    "a length beyond all numbers": b"content-length: 99999999999999999999999\r\n\r\n",
    "a length behind a vertical tab": b"content-length:\x0b5\r\n\r\nhello",
    "a folded field": b"x-a: 1\r\n folded\r\ncontent-length: 5\r\n\r\nhello",
    "a folded coding": b"transfer-encoding:\r\n chunked\r\n\r\n" + END,
    "a field folded by a tab": b"x-a: 1\r\n\tcontent-length: 5\r\n\r\n",
    "LF for CRLF": b"x-a: 1\ncontent-length: 5\r\n\r\nhello",
    "LF for the last CRLF": b"content-length: 5\r\n\nhello",
    "CR for CRLF": b"x-a: 1\rcontent-length: 5\r\n\r\nhello",
    "CR in a name": b"x-a\r: 1\r\n\r\n",
    "NUL in a name": b"x\0a: 1\r\n\r\n",
    "NUL in a value": b"transfer-encoding: chunked\0\r\n\r\n" + END,
    "a space before the colon": b"content-length : 5\r\n\r\nhello",
    "a coding, a space, a colon": b"transfer-encoding : chunked\r\n\r\n" + END,
    "a space in a name": b"x a: 1\r\n\r\n",
    "no name": b": 1\r\n\r\n",
    "no colon": b"chunked\r\n\r\n",
    "chunked, then identity": b"transfer-encoding: chunked, identity\r\n\r\n" + END,
    "identity": b"transfer-encoding: identity\r\ncontent-length: 5\r\n\r\nhello",
    "identity alone": b"transfer-encoding: identity\r\n\r\n" + END,
    "identity, then chunked": b"transfer-encoding: identity, chunked\r\n\r\n" + END,
    "a coding behind a vertical tab": b"transfer-encoding:\x0bchunked\r\n\r\n" + END,
    "a coding in quotes": b'transfer-encoding: "chunked"\r\n\r\n' + END,
    "a coding with a parameter": b"transfer-encoding: chunked;x=y\r\n\r\n" + END,
    "an empty place before the coding": b"transfer-encoding: ,chunked\r\n\r\n" + END,
    "an empty place behind the coding": b"transfer-encoding: chunked,\r\n\r\n" + END,
    "no coding, but a length": b"transfer-encoding:\r\ncontent-length: 5\r\n\r\nhello",
    "LF behind the size of a chunk": CHUNKED + b"5\nhello\r\n" + END,
    "LF in an extension": CHUNKED + b"5;a\nb\r\nhello\r\n" + END,
    "CRLF in a quoted extension": CHUNKED + b'5;a="b\r\n"\r\nhello\r\n' + END,
    "a size with 0x": CHUNKED + b"0x5\r\nhello\r\n" + END,
    "a size with a sign": CHUNKED + b"+5\r\nhello\r\n" + END,
    "a negative size": CHUNKED + b"-5\r\nhello\r\n" + END,
    "a size and a space": CHUNKED + b"5 \r\nhello\r\n" + END,
    "a space and a size": CHUNKED + b" 5\r\nhello\r\n" + END,
    "a size beyond all numbers": CHUNKED + b"fffffffffffffffff\r\nhello\r\n" + END,
    "a chunk that is longer": CHUNKED + b"5\r\nhelloX\r\n" + END,
    "LF behind a chunk": CHUNKED + b"5\r\nhello\n" + END,
    "LF behind the last chunk": CHUNKED + b"5\r\nhello\r\n0\n\n",
    "no size": CHUNKED + b"\r\n" + END,
    "LF behind a trailer": CHUNKED + b"0\r\nx-a: 1\n\r\n",
    "a trailer that is none": CHUNKED + b"0\r\nnonsense\r\n\r\n",
    "a length as a trailer": CHUNKED + b"0\r\ncontent-length: 60\r\n\r\n",
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", TWO_WAYS)
def test_what_can_be_read_in_two_ways_is_refused(turnout: Turnout, openai: Upstream, path: str, shape: str) -> None:
    """Its head is refused before anybody is asked; a body that turns out so later ends the request on its way."""
    with Line(turnout.url) as line:
        fields = b"host: localhost\r\ncontent-type: application/json\r\n"
        line.write(b"POST %s HTTP/1.1\r\n%s" % (path.encode(), fields) + TWO_WAYS[shape] + INNER)
        answers = rest(line)
    assert [answer.status for answer in answers if answer.status < 400] == []
    assert len(answers) == 1
    assert answers[0].status in (400, 501, 405)
    assert answers[0].header("connection") == "close" or answers[0].status == 405
    assert [seen.target for seen in openai.requests if "smuggled" in seen.target] == []
    assert [seen.complete.is_set() for seen in openai.requests] in ([], [False])


def rest(line: Line) -> list[Answer]:
    """Return every answer until the server closes, which it must do by itself."""
    answers = []
    while line.buffer or line.socket.recv(1, socket.MSG_PEEK):
        answers.append(line.answer())
    return answers


ONE_WAY = {
    "a tab around the length": (b"content-length:\t5\t\r\n\r\nhello", b"hello"),
    "chunks": (CHUNKED + b"5\r\nhello\r\n" + END, b"hello"),
    "an extension": (CHUNKED + b"5;a=b\r\nhello\r\n" + END, b"hello"),
    "zeros before the size": (CHUNKED + b"0005\r\nhello\r\n" + END, b"hello"),
    "connection names the framing": (b"connection: content-length, host\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
    "connection names the coding": (b"connection: transfer-encoding\r\n" + CHUNKED + b"5\r\nhello\r\n" + END, b"hello"),
    "a name that only looks like one": (b"content_length: 5\r\n\r\n", b""),
    "a trailer": (CHUNKED + b"5\r\nhello\r\n0\r\nx-a: 1\r\n\r\n", b"hello"),
}


@pytest.mark.parametrize("shape", ONE_WAY)
def test_what_can_be_read_in_one_way_goes_up_in_one(turnout: Turnout, openai: Upstream, shape: str) -> None:
    raw, body = ONE_WAY[shape]
    openai.answer = lambda seen: as_json({"target": seen.target})
    with Line(turnout.url) as line:
        line.write(b"POST /v1/files/1 HTTP/1.1\r\nhost: localhost\r\n" + raw + INNER.replace(b"smuggled", b"2"))
        assert [line.answer().json["target"] for _ in range(2)] == ["/v1/files/1", "/v1/files/2"]
    first, second = openai.requests
    assert (first.body, second.body) == (body, b"")
    framing = [name for name, _ in first.headers if name in ("content-length", "transfer-encoding")]
    assert len(framing) == 1
    assert first.header("x-a") is None
    assert first.header("content_length") is None


def test_chunks_of_an_old_client_end_its_connection(turnout: Turnout, openai: Upstream) -> None:
    """RFC 9112, 6.1: whoever stands between may not know them, so nothing behind them is to be trusted."""
    with Line(turnout.url) as line:
        line.write(
            b"POST /v1/files/1 HTTP/1.0\r\nhost: localhost\r\nconnection: keep-alive\r\n" + CHUNKED + END + INNER
        )
        assert len(rest(line)) == 1
    assert [seen.target for seen in openai.requests] == ["/v1/files/1"]


# headers -------------------------------------------------------------------------------------------------------------

SECRET = "client-secret-0123456789"
STOPPED = [
    "authorization", "x-api-key", "api-key", "x-turnout-key", "cookie", "cookie2", "proxy-authorization", "forwarded",
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-anything", "x-turnout-session",
    "x-turnout-forged", "te", "trailer", "keep-alive", "proxy-connection", "sec-websocket-protocol",
]  # fmt: skip
SPELLINGS = {
    "as it is": str,
    "in capitals": str.upper,
    "with underscores": lambda name: name.replace("-", "_"),
    "half of each": lambda name: name.replace("-", "_", 1),
    "named by connection": lambda name: name,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("api", [*APIS, None], ids=lambda api: api.name if api else "pass")
def test_no_spelling_of_a_header_that_stops_goes_up(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api | None, spelling: str
) -> None:
    headers = [(SPELLINGS[spelling](name), SECRET) for name in STOPPED]
    if spelling == "named by connection":
        headers += [("connection", f"{', '.join(STOPPED)}, x-mine"), ("x-mine", SECRET)]
    headers += [("x_kept", "1"), ("x-kept", "2")]
    if api is None:
        answer = send(turnout.url, "POST", "/v1/files/1", headers, b"hello")
    else:
        answer = post(turnout.url, api.path, api.body(), headers)
    assert answer.status == 200
    seen = (anthropic if api is not None and api.kind == "anthropic" else openai).last
    assert SECRET not in str(seen.headers)
    assert [seen.header(name) for name in ("x_kept", "x-kept")] == ["1", "2"]
    ours = CREDENTIALS["TEST_ANTHROPIC_KEY" if api is not None and api.kind == "anthropic" else "TEST_OPENAI_KEY"]
    assert str(seen.headers).count(ours) == 1


DOWN = {
    "set-cookie": "a=b", "set-cookie2": "a=b", "x-turnout-target": "forged", "x-turnout-key": "forged", "server": "x",
    "alt-svc": "x", "strict-transport-security": "x", "access-control-allow-origin": "*", "keep-alive": "x",
    "proxy-authenticate": "x", "upgrade": "x", "trailer": "x", "x-named": "x", "connection": "x-named",
}  # fmt: skip


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("api", [*APIS, None], ids=lambda api: api.name if api else "pass")
def test_nothing_of_the_upstreams_own_business_comes_down(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api | None, status: int
) -> None:
    upstream = anthropic if api is not None and api.kind == "anthropic" else openai
    body = {"error": {"message": "no"}} if status >= 400 or api is None else api.answer("Hello")
    upstream.answer = lambda _: as_json(body, status).with_headers(*DOWN.items(), ("x-kept", "1"))
    if api is None:
        answer = send(turnout.url, "POST", "/v1/files/1", (), b"hello")
    else:
        answer = post(turnout.url, api.path, api.body())
    assert answer.header("x-kept") == "1"
    shown = {name: answer.header(name) for name in DOWN if answer.header(name) is not None}
    assert shown.pop("x-turnout-target", "") != "forged"
    assert shown == {}


HOSTILE_ANSWERS = {
    "a control character": b"x-a: \x01\r\n",
    "CR": b"x-a: a\rset-cookie: b\r\n",
    "LF": b"x-a: a\nset-cookie: b\r\n",
    "a fold": b"x-a: a\r\n b\r\n",
    "NUL": b"x-a: a\0b\r\n",
    "a bracket in a name": b"x(a): b\r\n",
    "a space before the colon": b"x-a : b\r\n",
    "two lengths": b"content-length: 1\r\n",
    "chunks too": b"transfer-encoding: chunked\r\n",
}


@pytest.mark.parametrize("shape", HOSTILE_ANSWERS)
@pytest.mark.parametrize("api", [*APIS, None], ids=lambda api: api.name if api else "pass")
def test_an_answer_that_can_be_read_in_two_ways_is_none(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api | None, shape: str
) -> None:
    upstream = anthropic if api is not None and api.kind == "anthropic" else openai
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n" + HOSTILE_ANSWERS[shape]
    upstream.answer = lambda _: Reply(parts=(head + b"\r\n{}",), raw=True)
    if api is None:
        answer = send(turnout.url, "POST", "/v1/files/1", (), b"hello")
    else:
        answer = post(turnout.url, api.path, api.body())
    assert answer.status >= 500
    assert "its answer is malformed" in answer.body.decode()
    assert answer.header("set-cookie") is None
