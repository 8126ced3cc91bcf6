"""A body that drips is given up after `server.body_timeout`; one that comes slowly, or waits for us, is not."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, CHAT, Api
from tests.support.http import Line, head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """
version: 1
server: {{body_timeout: 400ms}}
upstreams:
  openai: {{kind: openai, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
  deaf: {{kind: openai, base_url: "{deaf}", api_key: env:TEST_OPENAI_KEY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
routes:
  - {{name: deaf, when: {{path: "/v1/deaf/**"}}, pass: deaf}}
keys: {{anonymous: {{routes: [deaf]}}}}
"""
KB = 1024
BOTH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)


@pytest.fixture(scope="module")
def deaf() -> Iterator[socket.socket]:
    """An upstream that does not read for a while."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream, deaf: socket.socket) -> Turnout:
    there = f"http://127.0.0.1:{deaf.getsockname()[1]}"
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url, deaf=there))


def drip(line: Line, data: bytes) -> None:
    """Write a byte now and then, until the peer has had enough."""
    line.socket.settimeout(0.05)
    for at in range(len(data)):
        try:
            line.write(data[at : at + 1])
            if line._more():
                break
        except TimeoutError:
            continue
        except OSError:
            break
    line.socket.settimeout(5)


@BOTH
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_a_body_that_drips(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, chunked: bool) -> None:
    """Silence is not what counts: there is a byte every 50 ms."""
    body = b'{"model": "smart-chat", ' + b" " * 5000
    headers = {"transfer-encoding": "chunked"} if chunked else {}
    with Line(turnout.url) as line:
        line.write(head("POST", api.path, line.host, headers, len(body), is_json=True))
        drip(line, b"".join(b"1\r\n%c\r\n" % byte for byte in body) if chunked else body)
        answer = line.answer()
    assert (answer.status, answer.header("connection")) == (408, "close")
    assert "server.body_timeout" in api.error(answer)["message"]
    assert openai.requests == anthropic.requests == []
    turnout.wait_for(re.compile(rf'{answer.header("x-turnout-request")}.*"request_timeout'))


@BOTH
def test_a_head_without_its_body(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> None:
    with Line(turnout.url, 5) as line:
        line.write(head("POST", api.path, line.host, (), 100, is_json=True))
        assert line.answer().status == 408


@BOTH
def test_a_body_that_comes_slowly(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> None:
    """It takes many times `body_timeout`, and brings enough in each."""
    body = json.dumps(api.body(metadata={"x": "y" * 200 * KB})).encode()
    with Line(turnout.url, 5) as line:
        line.write(head("POST", api.path, line.host, (), len(body), is_json=True))
        for at in range(0, len(body), 10 * KB):
            line.write(body[at : at + 10 * KB])
            time.sleep(0.05)
        assert line.answer().status == 200


def test_a_body_that_waits_for_its_upstream(turnout: Turnout, deaf: socket.socket) -> None:
    """An upstream that takes nothing holds the client back: that is not the client's fault."""
    size = 24 * KB * KB
    heard = 0

    def listen() -> None:
        nonlocal heard
        wire, _ = deaf.accept()
        time.sleep(1.5)
        with wire:
            while heard < size:
                heard += len(wire.recv(256 * KB))
            wire.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    upstream = threading.Thread(target=listen)
    upstream.start()
    with Line(turnout.url, 10) as line:
        line.write(head("PUT", "/v1/deaf/1", line.host, (), size, is_json=False))
        for _ in range(size // (64 * KB)):
            line.write(b"x" * 64 * KB)
        assert line.answer().status == 200
    upstream.join()
    assert heard > size


def test_a_used_connection(turnout: Turnout, openai: Upstream) -> None:
    """No clock of an earlier body runs on."""
    with Line(turnout.url, 5) as line:
        for _ in range(3):
            body = json.dumps(CHAT.body()).encode()
            line.write(head("POST", CHAT.path, line.host, (), len(body), is_json=True))
            time.sleep(0.25)
            line.write(body)
            assert line.answer().status == 200
        time.sleep(0.6)
        line.ask("GET", "/v1/models")
        assert line.answer().status == 200


def test_an_answer_that_takes_longer_than_a_body_may(turnout: Turnout, openai: Upstream) -> None:
    openai.script(CHAT.whole().after(1.0))
    with Line(turnout.url, 5) as line:
        body = json.dumps(CHAT.body()).encode()
        line.write(head("POST", CHAT.path, line.host, (), len(body), is_json=True))
        line.write(body)
        assert line.answer().status == 200
