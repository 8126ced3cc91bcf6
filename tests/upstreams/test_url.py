"""base_url and path make one URL, with or without /v1 (rule C5)."""

from __future__ import annotations

import pytest

from engine.diagnostics import Flaw
from engine.upstreams.url import base_url_flaw, join, origin, proxy_flaw

CHAT = "/v1/chat/completions"

JOINS = [
    ("https://api.openai.com/v1", CHAT, "https://api.openai.com/v1/chat/completions"),
    ("https://api.openai.com/v1/", CHAT, "https://api.openai.com/v1/chat/completions"),
    ("https://api.openai.com", CHAT, "https://api.openai.com/v1/chat/completions"),
    ("http://127.0.0.1:11434/", CHAT, "http://127.0.0.1:11434/v1/chat/completions"),
    ("http://[::1]:8000/v1", CHAT, "http://[::1]:8000/v1/chat/completions"),
    ("https://api.anthropic.com", "/v1/messages", "https://api.anthropic.com/v1/messages"),
    ("https://api.anthropic.com/v1", "/v1/messages", "https://api.anthropic.com/v1/messages"),
    ("https://api.deepseek.com/anthropic", "/v1/messages", "https://api.deepseek.com/anthropic/v1/messages"),
    ("https://api.z.ai/api/paas/v4", CHAT, "https://api.z.ai/api/paas/v4/chat/completions"),
    ("https://example.com/v1beta/openai", CHAT, "https://example.com/v1beta/openai/chat/completions"),
    ("https://example.com/v1p1beta1", CHAT, "https://example.com/v1p1beta1/chat/completions"),
    ("https://example.com/v1", "/v1", "https://example.com/v1/v1"),
    ("https://example.com/vault/v", CHAT, "https://example.com/vault/v/v1/chat/completions"),
    ("https://example.com/v1", "/v2/things", "https://example.com/v1/v2/things"),
    ("https://example.com/o?api-version=3", CHAT, "https://example.com/o/v1/chat/completions?api-version=3"),
    ("https://example.com/v1", "/v1/files/a b?c#d%2e", "https://example.com/v1/files/a%20b%3Fc%23d%252e"),
    ("https://example.com", "/v1/files/é\r\n", "https://example.com/v1/files/%C3%A9%0D%0A"),
]


@pytest.mark.parametrize(("base_url", "path", "url"), JOINS)
def test_join(base_url: str, path: str, url: str) -> None:
    assert join(base_url, path) == url


@pytest.mark.parametrize(
    ("base_url", "place"),
    [
        ("http://my_service:8000/v1", ("http", "my_service", 8000)),
        ("https://api.example.com.", ("https", "api.example.com.", 443)),
        ("http://[::1]/v1", ("http", "::1", 80)),
        ("http://[fd12::1%eth0]:1", ("http", "fd12::1%eth0", 1)),
        ("https://bücher.example/v1?api-version=1", ("https", "xn--bcher-kva.example", 443)),
    ],
)
def test_where_a_base_url_leads(base_url: str, place: tuple[str, str, int]) -> None:
    assert origin(base_url) == place
    assert base_url_flaw(base_url) is None


@pytest.mark.parametrize(
    "url",
    ["http://", "http://h:abc", "http://h:99999", "http://h:0", "http://a b", "http://[::1", "http://a..b", "http://h\n",
     "http://-h", " http://h", "socks5://h:1", "h:3128"],
)  # fmt: skip
def test_what_cannot_be_reached_is_a_flaw(url: str) -> None:
    for flaw in (base_url_flaw(url), proxy_flaw(url)):
        assert isinstance(flaw, Flaw)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "0xA9FEA9FE", "2852039166", "[::ffff:169.254.169.254]", "[fe80::1%eth0]"]
)
def test_what_is_never_connected_to_is_a_flaw(host: str) -> None:
    for flaw in (base_url_flaw(f"http://{host}/latest"), proxy_flaw(f"http://ada:hunter2@{host}:3128")):
        assert isinstance(flaw, Flaw)
        assert "hands out the credentials" in flaw.message or "hand out the credentials" in flaw.message
        assert "hunter2" not in flaw.message


def test_a_proxy_may_have_user_and_password() -> None:
    assert proxy_flaw("http://ada:hunter2@proxy.corp:3128") is None
