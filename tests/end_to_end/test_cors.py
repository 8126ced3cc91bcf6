"""What a web page is told (rule C7): preflights, origins by parsed scheme, headers, live reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, CHAT, Api
from tests.support.http import Answer, Line, get, post, send
from tests.support.script import CUT, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

BOTH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
PAGE = "https://app.example"
FILE = """\
version: 1
defaults: {{model: {{retries: 0}}}}
server:
  cors:
    origins: ["https://app.example", "http://[::1]:3000", "vscode-webview://*", "null"]
    credentials: true
upstreams:
  openai: {{kind: openai, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
keys: {{anonymous: {{}}}}
"""


@pytest.fixture(scope="module")
def file(_openai: Upstream, _anthropic: Upstream) -> str:
    return FILE.format(openai=_openai.url, anthropic=_anthropic.url)


@pytest.fixture(scope="module")
def turnout(start: Start, file: str) -> Turnout:
    return start(file)


def preflight(turnout: Turnout, origin: str, headers: str = "content-type", method: str = "POST") -> Answer:
    asked = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": headers}
    return send(turnout.url, "OPTIONS", CHAT.path, asked)


ORIGINS = {
    "https://app.example": True,
    "https://app.example:443": True,
    "HTTPS://APP.example": True,
    "http://[::1]:3000": True,
    "vscode-webview://1a2b3c": True,
    "vscode-webview://0hq0pmqlvk9vg5esrqlsblmikd5vlh01kkq5q51r4b7pfkqs7hbd": True,
    "null": True,
    "http://app.example": False,
    "https://app.example:8443": False,
    "https://app.example.evil.example": False,
    "https://evil-app.example": False,
    "https://user@app.example": False,
    "https://app.example/": False,
    "https://app.example, https://evil.example": False,
    "http://[::1]": False,
    "http://vscode-webview.evil.example": False,
    "http://vscode-webview": False,
    "vscode-webview.evil://x": False,
    "vscode-webviews://x": False,
    "x-vscode-webview://x": False,
    "http://vscode-webview://x": False,
    "vscode-webview:x": False,
    "vscode-webview://": False,
    "NULL": False,
    "*": False,
    "": False,
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_origins_are_compared_as_parsed(turnout: Turnout, openai: Upstream, origin: str) -> None:
    allowed = ORIGINS[origin]
    before = preflight(turnout, origin)
    assert before.status == (204 if allowed else 403)
    answer = post(turnout.url, CHAT.path, CHAT.body(), {"origin": origin})
    assert (answer.status, len(openai.requests)) == ((200, 1) if allowed else (403, 0))
    for one in (before, answer):
        assert one.header("access-control-allow-origin") == (origin if allowed else None)


GRANTED = {
    "content-type": "content-type",
    "Content-Type, Authorization": "content-type, authorization",
    "x-api-key,api-key,x-turnout-key": "x-api-key, api-key, x-turnout-key",
    "anthropic-version, anthropic-beta, anthropic-dangerous-direct-browser-access": (
        "anthropic-version, anthropic-beta, anthropic-dangerous-direct-browser-access"
    ),
    "x-stainless-lang, x-stainless-os, x-requested-with": "x-stainless-lang, x-stainless-os, x-requested-with",
    "content-type, x-evil": "content-type",
    "x-turnout-fault": None,
    "*": None,
    "": None,
}


@pytest.mark.parametrize("asked", GRANTED)
def test_preflight(turnout: Turnout, openai: Upstream, asked: str) -> None:
    answer = preflight(turnout, PAGE, asked)
    assert (answer.status, answer.body, openai.requests) == (204, b"", [])
    assert answer.header("access-control-allow-headers") == GRANTED[asked]
    assert answer.header("access-control-allow-origin") == PAGE
    assert answer.header("access-control-allow-credentials") == "true"
    assert "POST" in str(answer.header("access-control-allow-methods"))
    assert int(str(answer.header("access-control-max-age"))) > 0
    assert {"Origin", "Access-Control-Request-Headers"} <= set(str(answer.header("vary")).split(", "))


def test_a_preflight_needs_no_key_and_looks_at_no_path(turnout: Turnout) -> None:
    for path in ("/v1/messages?beta=true", "/v1/anything", "/team/v1/models/a%2Fb"):
        asked = {"origin": PAGE, "access-control-request-method": "POST"}
        assert send(turnout.url, "OPTIONS", path, asked).status == 204


def test_an_options_request_that_is_no_preflight(turnout: Turnout) -> None:
    answer = send(turnout.url, "OPTIONS", CHAT.path, {"origin": PAGE})
    assert (answer.status, answer.header("access-control-allow-origin")) == (405, PAGE)


def test_local_networks_are_granted_only_if_asked_for(turnout: Turnout) -> None:
    name = "access-control-allow-private-network"
    assert preflight(turnout, PAGE).header(name) is None
    asked = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-private-network": "true",
    }
    assert send(turnout.url, "OPTIONS", CHAT.path, asked).header(name) == "true"


@BOTH
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_what_a_page_may_read(turnout: Turnout, api: Api, stream: bool) -> None:
    answer = post(turnout.url, api.path, api.body(stream=stream), {"origin": PAGE})
    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == PAGE
    assert answer.header("access-control-allow-credentials") == "true"
    exposed = set(str(answer.header("access-control-expose-headers")).split(", "))
    assert {"x-request-id", "request-id", "retry-after", "x-ratelimit-remaining-tokens", "x-turnout-target"} <= exposed
    ours = {name for name, _ in answer.headers if name.startswith("x-turnout-")}
    assert ours <= exposed
    assert ours


def test_vary_is_appended_to_the_upstreams(turnout: Turnout, openai: Upstream) -> None:
    foreign = (
        ("vary", "Accept-Encoding"),
        ("vary", "X-Custom"),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "x-secret"),
    )
    openai.script(as_json({"id": "x", "model": "gpt-5.5"}, 200, *foreign))
    answer = post(turnout.url, CHAT.path, CHAT.body(), {"origin": PAGE})
    assert answer.header("vary") == "Accept-Encoding, X-Custom, Origin"
    assert answer.header("access-control-allow-origin") == PAGE
    assert "x-secret" not in str(answer.header("access-control-expose-headers"))


def test_callers_that_are_no_page_get_no_cors(turnout: Turnout, openai: Upstream) -> None:
    openai.script(as_json({"id": "x", "model": "gpt-5.5"}, 200, ("access-control-allow-origin", "*")))
    answer = post(turnout.url, CHAT.path, CHAT.body())
    assert [name for name, _ in answer.headers if name.startswith("access-control-")] == []


@BOTH
def test_errors_can_be_read_too(turnout: Turnout, anthropic: Upstream, openai: Upstream, api: Api) -> None:
    upstream = openai if api.kind == "openai" else anthropic
    upstream.script(as_json({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, 429))
    mistakes = {
        429: (api.body(), {}),
        404: (api.body("unheard-of"), {}),
        400: (b"{", {}),
        415: (api.body(), {"content-type": "text/plain"}),
    }
    for status, (body, headers) in mistakes.items():
        answer = post(turnout.url, api.path, body, {"origin": PAGE, **headers})
        assert answer.status == status
        assert answer.header("access-control-allow-origin") == PAGE
        assert "Origin" in str(answer.header("vary"))


def test_probes_can_be_read(turnout: Turnout) -> None:
    for path in ("/health", "/ready", "/v1/models", "/", "/nowhere"):
        assert get(turnout.url, path, {"origin": PAGE}).header("access-control-allow-origin") == PAGE


def test_in_band_errors_come_with_cors_as_well(turnout: Turnout, openai: Upstream) -> None:
    before, _ = CHAT.parted()
    openai.script(as_stream([*before, CUT]))
    with Line(turnout.url) as line:
        line.ask("POST", CHAT.path, {"origin": PAGE}, CHAT.body(stream=True))
        answer = line.answer()
    assert answer.header("access-control-allow-origin") == PAGE
    CHAT.in_band(answer.body)


def test_origins_reload_live(start: Start, file: str) -> None:
    server = start(file)
    with Line(server.url) as line:  # one connection, before and after

        def status(origin: str) -> int:
            line.ask("POST", CHAT.path, {"origin": origin}, CHAT.body())
            return line.answer().status

        assert (status(PAGE), status("https://new.example")) == (200, 403)
        server.taken(lambda: server.rewrite(file.replace("https://app.example", "https://new.example")))
        assert (status(PAGE), status("https://new.example")) == (403, 200)
        server.taken(lambda: server.rewrite(file.replace("credentials: true", "credentials: false")))
        line.ask("POST", CHAT.path, {"origin": PAGE}, CHAT.body())
        assert line.answer().header("access-control-allow-credentials") is None
