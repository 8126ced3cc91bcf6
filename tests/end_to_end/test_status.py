"""/status, and who may read it and /metrics."""

from __future__ import annotations

import re
import socket
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import CHAT, digest
from tests.support.http import get, post, send
from tests.support.metrics import Scraped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

PAGES = ("/status", "/metrics")
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FILE = f"""\
version: 1
observe: {{{{metrics: true, journal: {{{{path: turnout.db}}}}}}}}
server: {{{{max_concurrency: 8, queue: 3}}}}
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}", api_key: env:TEST_OPENAI_KEY}}}}
  keyless: {{{{kind: openai, api_key: "env:NOT_SET_ANYWHERE", optional: true}}}}
models: {{{{smart-chat: openai/gpt-5.5}}}}
keys: {{{{ada: {{{{hashes: ["{digest("tk-ada-0123456789abcdef")}"]}}}}}}}}
"""
KEY = {"x-api-key": "tk-ada-0123456789abcdef"}


@pytest.fixture
def turnout(start: Start, openai: Upstream) -> Turnout:
    return start(FILE.format(openai=openai.url))


def test_what_programs_read(turnout: Turnout, openai: Upstream) -> None:
    openai.script(CHAT.whole())
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    answer = get(turnout.url, "/status")
    told: dict[str, Any] = answer.json
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert answer.header("cache-control") == "no-store"
    assert told["generation"] == get(turnout.url, "/health").json["generation"]
    assert told["config"]["ok"] is True
    assert told["reloads"] == {"taken": 0, "refused": 0}
    assert (told["draining"], told["stopping"]) == (0, False)
    assert told["requests"] == {
        "in_flight": 0,
        "waiting": 0,
        "max_concurrency": 8,
        "queue": 3,
        "refused": 0,
        "waited_s": 0.0,
    }
    assert told["websockets"] == {"open": 0, "connections": 1000, "messages": 0}
    assert told["upstreams"] == [
        {"name": "openai", "kind": "openai", "state": "ok", "why": "", "pool": None},
        {"name": "keyless", "kind": "openai", "state": "off", "why": "NOT_SET_ANYWHERE is not set", "pool": None},
    ]
    assert told["targets"] == [{"name": "openai/gpt-5.5", "in_flight": 0, "states": {"ok": 1}, "why": []}]
    journal = told["journal"]
    assert journal["written"] + journal["waiting"] == 1
    assert (journal["dropped"], journal["failing"]) == (0, "")


def test_a_refused_edit_shows_with_its_place(turnout: Turnout) -> None:
    turnout.taken(lambda: turnout.rewrite(turnout.file.read_text() + "oops: 1\n"), "not taken")
    told = get(turnout.url, "/status").json
    assert told["reloads"] == {"taken": 0, "refused": 1}
    assert (told["config"]["ok"], told["config"]["last_error"]["line"]) == (False, 9)
    assert "proxy.yaml:9:1" in get(turnout.url, "/status", BROWSER).body.decode()


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_people_read(turnout: Turnout) -> None:
    answer = get(turnout.url, "/status", BROWSER)
    page = Page(answer.body.decode())
    assert (answer.status, answer.header("content-type")) == (200, "text/html; charset=utf-8")
    for word in ("openai", "keyless", "NOT_SET_ANYWHERE is not set", "0 run of 8, 0 wait of 3", "rows written"):
        assert word in page.text
    policy = str(answer.header("content-security-policy"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "form", "a"}
    assert not [given for _, given in page.tags if {"src", "href", "onload", "onclick", "style"} & set(given)]


def test_the_page_is_escaped(start: Start, openai: Upstream) -> None:
    """A file may say what it likes: the reason an upstream is off quotes it."""
    server = start(FILE.format(openai=openai.url).replace("env:NOT_SET_ANYWHERE", "file:<b>&nbsp;</b>"))
    assert "<b>" in get(server.url, "/status").body.decode()
    page = get(server.url, "/status", BROWSER).body.decode()
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;nbsp;" in page


@pytest.mark.parametrize("path", PAGES)
def test_the_host_and_the_origin_are_checked(turnout: Turnout, path: str) -> None:
    assert get(turnout.url, path, {"host": "evil.example"}).status == 421
    assert get(turnout.url, path, {"origin": "https://evil.example"}).status == 403
    assert get(turnout.url, path, {"sec-fetch-site": "cross-site"}).status == 403


@pytest.mark.parametrize("path", PAGES)
def test_methods(turnout: Turnout, path: str) -> None:
    assert (send(turnout.url, "HEAD", path).status, send(turnout.url, "HEAD", path).body) == (200, b"")
    for method in ("POST", "PUT", "DELETE"):
        assert send(turnout.url, method, path).status == 405


@pytest.mark.parametrize("hop", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
@pytest.mark.parametrize("path", PAGES)
def test_not_through_a_proxy_that_nobody_named(turnout: Turnout, path: str, hop: str) -> None:
    """Through it, everybody would come from the loopback address."""
    answer = get(turnout.url, path, {hop: "203.0.113.9"})
    assert answer.status == 403
    assert "server.trusted_proxies" in CHAT.error(answer)["message"]


@pytest.mark.parametrize("path", PAGES)
def test_through_a_trusted_proxy_whoever_is_allowed(start: Start, openai: Upstream, path: str) -> None:
    text = FILE.format(openai=openai.url).replace("server: {", "server: {trusted_proxies: [127.0.0.1], ")
    server = start(text.replace("metrics: true", "metrics: true, allow: [10.0.0.0/8]"))
    asked = {"10.1.2.3": 200, "203.0.113.9": 403, "10.1.2.3, 203.0.113.9": 403, "203.0.113.9, 10.1.2.3": 200}
    assert {by: get(server.url, path, {"x-forwarded-for": by}).status for by in asked} == asked
    answer = get(server.url, path)
    assert answer.status == 403
    assert "observe.allow" in CHAT.error(answer)["message"]


@pytest.mark.parametrize("path", PAGES)
def test_nobody_is_somebody_too(start: Start, openai: Upstream, path: str) -> None:
    server = start(FILE.format(openai=openai.url).replace("metrics: true", "metrics: true, allow: []"))
    assert get(server.url, path).status == 403
    assert get(server.url, "/health").status == 200


def test_by_the_unix_socket(start: Start, openai: Upstream, tmp_path: Path) -> None:
    """Whoever may open the socket may read, unless the list leaves `unix:` out."""

    def status(server: Turnout) -> bytes:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(path))
            line.sendall(b"GET /status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            return line.recv(65536).split(b" ")[1]

    path = tmp_path / "turnout.sock"
    text = FILE.format(openai=openai.url)
    server = start(text, args=("--listen", f"unix:{path}"))
    assert status(server) == b"200"
    server.taken(lambda: server.rewrite(text.replace("metrics: true", "metrics: true, allow: [127.0.0.1]")))
    assert status(server) == b"403"


def test_an_edit_changes_who_may_read(turnout: Turnout) -> None:
    text = turnout.file.read_text()
    assert get(turnout.url, "/status").status == 200
    turnout.taken(lambda: turnout.rewrite(text.replace("metrics: true", "metrics: true, allow: [10.0.0.0/8]")))
    assert get(turnout.url, "/status").status == 403
    assert re.search("reloaded", turnout.log())


def test_a_store_that_is_away(start: Start, openai: Upstream) -> None:
    """Its address may hold a password: neither page says where it is."""
    server = start(
        FILE.format(openai=openai.url).replace("hashes:", "limits: [few], hashes:")
        + "limits: {few: {requests: 100 per 1h, by: [all]}}\n"
        + "state: {kind: redis, url: 'redis://127.0.0.1:9', on_failure: open}\n"
    )
    openai.answer = lambda _: CHAT.whole()
    assert post(server.url, CHAT.path, CHAT.body(), KEY).status == 200
    store = get(server.url, "/status").json["store"]
    assert (store["kind"], store["down"], store["counters"]) == ("redis", True, None)
    assert store["failures"] >= 1
    told = Scraped(server.url)
    assert told.value("turnout_store_down") == 1
    assert told.value("turnout_store_failures_total") >= 1
    assert "it cannot be reached" in get(server.url, "/status", BROWSER).body.decode()
