"""server.trusted_proxies at the front door: what a caller is let do by where it comes from, and by which scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT
from tests.support.http import get, post

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout

FILE = """\
version: 1
server: {{trusted_proxies: [{trusted}]}}
upstreams: {{echo: {{kind: echo, faults: true}}}}
defaults: {{model: {{retries: 0}}}}
models: {{smart-chat: echo/x}}
keys: {{anonymous: {{}}}}
"""


@pytest.fixture(scope="module")
def behind(start: Start) -> Turnout:
    return start(FILE.format(trusted="127.0.0.0/8"))


@pytest.fixture(scope="module")
def alone(start: Start) -> Turnout:
    return start(FILE.format(trusted="10.0.0.0/8"))


def from_this_machine(server: Turnout, *forwarded: str) -> bool:
    """Say whether the server takes the caller for one on this machine: only these may ask an echo for a fault."""
    headers = [("x-turnout-fault", "fail=529"), *(("x-forwarded-for", one) for one in forwarded)]
    status = post(server.url, CHAT.path, CHAT.body(), headers).status
    assert status in (200, 529)
    return status == 529


def test_what_a_trusted_proxy_says_counts(behind: Turnout) -> None:
    assert from_this_machine(behind)
    assert not from_this_machine(behind, "203.0.113.9")
    assert not from_this_machine(behind, "127.0.0.1, 203.0.113.9")
    assert not from_this_machine(behind, "127.0.0.1", "2001:db8::1")
    assert from_this_machine(behind, "203.0.113.9, nonsense")


def test_what_anybody_else_says_does_not(alone: Turnout) -> None:
    assert from_this_machine(alone, "203.0.113.9")
    assert from_this_machine(alone)


def test_the_scheme_of_the_page_is_the_one_that_the_client_used(behind: Turnout, alone: Turnout) -> None:
    for server, secure, plain in ((behind, 200, 403), (alone, 200, 200)):
        host = server.url.removeprefix("http://")
        proto = ("x-forwarded-proto", "https")
        assert get(server.url, "/v1/models", [("origin", f"https://{host}"), proto]).status == secure
        assert get(server.url, "/v1/models", [("origin", f"http://{host}"), proto]).status == plain


def test_an_edit_counts_at_once(start: Start) -> None:
    server = start(FILE.format(trusted="10.0.0.0/8"))
    assert from_this_machine(server, "203.0.113.9")
    server.taken(lambda: server.rewrite(FILE.format(trusted="127.0.0.1")))
    assert not from_this_machine(server, "203.0.113.9")


def test_limits_by_ip_count_who_is_behind_the_proxy(start: Start) -> None:
    limited = "limits: {each: {requests: 1 per 1h, by: [ip]}}\n"
    text = FILE.format(trusted="127.0.0.1").replace("server: {", "server: {limits: [each], ") + limited
    server = start(text)

    def ask(forwarded: str) -> int:
        return post(server.url, CHAT.path, CHAT.body(), {"x-forwarded-for": forwarded}).status

    assert [ask("203.0.113.9"), ask("203.0.113.9"), ask("203.0.113.8")] == [200, 429, 200]
    assert [ask("198.51.100.1, 203.0.113.7"), ask("198.51.100.2, 203.0.113.7")] == [200, 429]
    assert [ask("2001:db8::1"), ask("2001:db8::2"), ask("2001:db8:0:1::1")] == [200, 429, 200]
