"""base_url and path make one URL, with or without /v1 (rule C5)."""

from __future__ import annotations

import pytest

from engine.upstreams.url import join

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
