"""Limits that several processes share: exact over all of them, and nothing held by one that was killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT
from tests.support.http import Line, get, post
from tests.support.script import STALL, as_stream
from tests.support.turnout import Turnout
from tests.support.valkey import Valkey, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.upstream import Upstream

pytestmark = pytest.mark.services

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
LEASE = 15.0
"""Seconds after which the leases of a killed process are gone (engine/policies/concurrency.py)."""
CONFIG = """\
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream turnout {{ server {one}; server {two}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://turnout; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host localhost;
      proxy_next_upstream off; proxy_buffering off;
    }}
  }}
}}
"""


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.kill()


def file(valkey: Valkey, openai: Upstream, limit: str, prefix: str) -> str:
    return f"""\
version: 1
server: {{limits: [shared]}}
state: {{kind: redis, url: "{valkey.url}", on_failure: closed, prefix: {prefix}}}
upstreams:
  openai: {{kind: openai, base_url: "{openai.url}", api_key: env:TEST_OPENAI_KEY}}
models: {{smart-chat: openai/gpt-5.5}}
limits:
  shared: {limit}
keys: {{anonymous: {{}}}}
"""


def served(start: Start, valkey: Valkey, openai: Upstream, limit: str, prefix: str) -> Turnout:
    return start(file(valkey, openai, limit, prefix))


@pytest.fixture
def front(tmp_path: Path) -> Iterator[object]:
    """Return a function that puts an nginx in front of two servers and returns its address."""
    assert NGINX is not None, "no nginx here: .ci/services installs one"
    running: list[subprocess.Popen[bytes]] = []

    def begin(one: Turnout, two: Turnout) -> str:
        port = free_port()
        places = {"one": one.url.removeprefix("http://"), "two": two.url.removeprefix("http://")}
        (tmp_path / "nginx.conf").write_text(CONFIG.format(folder=tmp_path, port=port, **places))
        running.append(subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]))
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                Line(url).close()
            except OSError:
                time.sleep(0.02)
            else:
                return url
        raise AssertionError((tmp_path / "error.log").read_text())

    yield begin
    for process in running:
        process.terminate()
        process.wait(10)


def test_a_thousand_requests_on_a_limit_of_a_hundred(start: Start, valkey: Valkey, openai: Upstream, front) -> None:
    one, two = (served(start, valkey, openai, "{requests: 100 per 10m, by: [all]}", "exact") for _ in range(2))
    url = front(one, two)

    def ask(_: int) -> int:
        return post(url, CHAT.path, CHAT.body(), timeout=30).status

    with ThreadPoolExecutor(16) as pool:
        found = Counter(pool.map(ask, range(1000)))
    assert found == {200: 100, 429: 900}
    assert len(openai.requests) == 100
    for server in (one, two):
        assert server.log().count('"status":429') > 200, "nginx spreads them over both"


def test_the_leases_of_a_killed_process_lapse(start: Start, valkey: Valkey, openai: Upstream, tmp_path: Path) -> None:
    two = served(start, valkey, openai, "{concurrency: 2, by: [all]}", "leases")
    one = Turnout(tmp_path, two.file.read_text())
    openai.script(*(as_stream([*CHAT.events()[:3], STALL]) for _ in range(2)))
    lines = [Line(one.url) for _ in range(2)]
    for line in lines:
        line.ask("POST", CHAT.path, (), CHAT.body(stream=True))
        line.head()
    threading.Event().wait(LEASE * 1.2)
    assert post(two.url, CHAT.path, CHAT.body()).status == 429, "the living renew theirs"
    one.process.kill()
    one.process.wait(10)
    killed = time.monotonic()
    while post(two.url, CHAT.path, CHAT.body()).status == 429:
        assert time.monotonic() - killed < LEASE + 5, "the leases of the dead process are still counted"
        time.sleep(0.2)
    for line in lines:
        line.close()


def test_while_the_store_is_away_what_the_file_says(start: Start, openai: Upstream, tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    try:
        closed = served(start, valkey, openai, "{requests: 5 per 10m, by: [all]}", "away")
        opened = start(closed.file.read_text().replace("on_failure: closed", "on_failure: open"))
        assert [post(server.url, CHAT.path, CHAT.body()).status for server in (closed, opened)] == [200, 200]
        valkey.kill()
        refused = post(closed.url, CHAT.path, CHAT.body())
        assert refused.status == 503
        assert [get(server.url, "/ready").status for server in (closed, opened)] == [503, 200]
        assert refused.header("retry-after") is not None
        CHAT.error(refused)
        assert [post(opened.url, CHAT.path, CHAT.body()).status for _ in range(10)] == [200] * 10
        valkey.start()
        deadline = time.monotonic() + 30
        while post(closed.url, CHAT.path, CHAT.body()).status == 503:
            assert time.monotonic() < deadline, closed.log()
            time.sleep(0.1)
    finally:
        valkey.kill()
