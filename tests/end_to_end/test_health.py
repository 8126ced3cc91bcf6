"""/health and /ready: what probes and people ask, from anywhere, and what becomes of it as requests go by."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import CHAT, MESSAGES, OVERLOADED, SERVER_ERROR, digest
from tests.support.http import get, post, send
from tests.support.script import CUT, Reply, as_json

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = f"""\
version: 1
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}", api_key: env:TEST_OPENAI_KEY}}}}
  anthropic: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
  keyless: {{{{kind: openai, base_url: "{{openai}}", api_key: env:NOT_SET_ANYWHERE, optional: true}}}}
  disabled: {{{{kind: openai, base_url: "{{openai}}", enabled: false}}}}
  nowhere: {{{{kind: openai, base_url: "http://127.0.0.1:9"}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  far: nowhere/m
keys: {{{{ada: {{{{hashes: ["{digest("tk-ada-0123456789abcdef")}"]}}}}}}}}
"""
KEY = {"x-api-key": "tk-ada-0123456789abcdef"}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


def backends(turnout: Turnout) -> dict[str, str]:
    told: dict[str, str] = get(turnout.url, "/ready").json["backends"]
    return told


def test_ready_before_any_request(turnout: Turnout) -> None:
    answer = get(turnout.url, "/ready")
    assert (answer.status, answer.json["ready"]) == (200, True)
    assert answer.json["backends"] == {
        "openai": "unknown",
        "anthropic": "unknown",
        "keyless": "off",
        "disabled": "off",
        "nowhere": "unknown",
    }


def test_health_has_exactly_these_fields(turnout: Turnout) -> None:
    before = datetime.datetime.now(datetime.UTC)
    answer = get(turnout.url, "/health")
    told: dict[str, Any] = answer.json
    assert answer.status == 200
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store"
    assert list(told) == ["status", "timestamp", "uptime_s", "rss_bytes", "generation", "config", "pid", "file"]
    assert told["pid"] == turnout.process.pid
    assert list(told["config"]) == ["ok", "changed_at", "last_error"]
    assert (told["status"], told["config"]["ok"], told["config"]["last_error"]) == ("ok", True, None)
    assert abs(moment(told["timestamp"]) - before) < datetime.timedelta(seconds=5)
    assert moment(told["config"]["changed_at"]) <= moment(told["timestamp"])
    assert 0 < told["uptime_s"] < 600
    assert 10_000_000 < told["rss_bytes"] < 500_000_000
    assert told["generation"] == get(turnout.url, "/v1/models", KEY).header("x-turnout-generation")


def moment(text: str) -> datetime.datetime:
    assert text.endswith("Z")
    return datetime.datetime.fromisoformat(text)


def test_uptime_counts(turnout: Turnout) -> None:
    first = get(turnout.url, "/health").json["uptime_s"]
    time.sleep(0.05)
    assert 0.04 < get(turnout.url, "/health").json["uptime_s"] - first < 5


TRAFFIC: list[tuple[str, Reply, str]] = [
    ("an answer", CHAT.whole(), "ok"),
    ("no answer", Reply(parts=(CUT,), raw=True), "failing"),
    ("a refusal of the request, which is an answer", as_json(SERVER_ERROR, 400), "ok"),
    ("500", as_json(SERVER_ERROR, 500), "failing"),
    ("a rate limit, which is an answer", as_json(SERVER_ERROR, 429), "ok"),
    ("503", as_json(OVERLOADED, 503), "failing"),
    ("404", as_json(SERVER_ERROR, 404), "ok"),
]


def test_backends_follow_real_traffic(turnout: Turnout, openai: Upstream) -> None:
    told = []
    for _, reply, _ in TRAFFIC:
        openai.answer = lambda _, reply=reply: reply  # type: ignore[misc]  # bound to this turn of the loop
        post(turnout.url, CHAT.path, CHAT.body(), KEY)
        told.append(backends(turnout)["openai"])
    assert told == [state for _, _, state in TRAFFIC]
    assert backends(turnout)["anthropic"] == "unknown"


def test_an_upstream_nobody_listens_at(turnout: Turnout) -> None:
    assert post(turnout.url, CHAT.path, CHAT.body("far"), KEY).status == 502
    assert backends(turnout)["nowhere"] == "failing"


def test_what_a_backend_is_survives_edits_that_leave_it_alone(start: Start, openai: Upstream) -> None:
    file = FILE.format(openai=openai.url, anthropic=openai.url)
    server = start(file)
    post(server.url, CHAT.path, CHAT.body(), KEY)
    server.taken(lambda: server.rewrite(file.replace("far: nowhere/m", "far: nowhere/n")))
    assert backends(server)["openai"] == "ok"
    server.taken(lambda: server.rewrite(file.replace("TEST_OPENAI_KEY}", "TEST_OPENAI_KEY, timeouts: {idle: 5s}}")))
    assert backends(server)["openai"] == "unknown"


def test_not_ready_when_everything_is_off_or_down(start: Start, openai: Upstream) -> None:
    server = start(
        "version: 1\nupstreams: {one: {kind: openai, base_url: 'http://127.0.0.1:9'}}\n"
        "models: {m: {targets: [one/m], retries: 0}}\nkeys: {anonymous: {}}\n"
    )
    assert get(server.url, "/ready").status == 200
    for _ in range(5):
        post(server.url, CHAT.path, CHAT.body("m"))
    answer = get(server.url, "/ready")
    assert (answer.status, answer.json) == (503, {"ready": False, "backends": {"one": "down"}})
    assert get(server.url, "/health").status == 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_every_host_may_ask_without_a_key(turnout: Turnout, path: str) -> None:
    for host in ("localhost", "10.1.2.3:4000", "turnout.default.svc.cluster.local", "evil.example"):
        assert get(turnout.url, path, {"host": host}).status == 200
    with_key = get(turnout.url, path, {"x-api-key": "not-known"})
    assert with_key.status == 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_nothing_is_revealed(turnout: Turnout, openai: Upstream, path: str) -> None:
    told = get(turnout.url, path).body.decode()
    for secret in (
        openai.url,
        str(openai.port),
        "sk-",
        "ada",
        "TEST_OPENAI_KEY",
        "NOT_SET_ANYWHERE",
        str(turnout.file),
    ):
        assert secret not in told


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_methods(turnout: Turnout, path: str) -> None:
    answer = send(turnout.url, "HEAD", path)
    assert (answer.status, answer.body) == (200, b"")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = send(turnout.url, method, path)
        assert answer.status == 405
        assert set(str(answer.header("allow")).split(", ")) == {"GET", "HEAD", "OPTIONS"}
        assert "GET" in CHAT.error(answer)["message"]
    MESSAGES.error(send(turnout.url, "POST", path, {"anthropic-version": "2023-06-01"}))
