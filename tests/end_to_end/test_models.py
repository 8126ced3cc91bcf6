"""GET /v1/models and /v1/models/{id}, in the form the client speaks, for the key that asks; and the probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, digest
from tests.support.http import get, post, send

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout

ADA, EVE = "tk-ada-0123456789abcdef", "tk-eve-0123456789abcdef"
FILE = f"""
version: 1
upstreams: {{echo: {{kind: echo}}}}
models:
  zeta: echo/a
  alpha: {{targets: [echo/b]}}
  gpt-*: {{targets: ["echo/gpt-*"], list: [gpt-5.5, gpt-5.5-mini]}}
  o*: echo/o*
  ollama/llama: echo/c
  middle: {{targets: [zeta]}}
keys:
  ada: {{hashes: ["{digest(ADA)}"]}}
  eve: {{hashes: ["{digest(EVE)}"], models: ["gpt-*", zeta]}}
  anonymous: {{models: []}}
"""
AS_ADA, AS_EVE = {"authorization": f"Bearer {ADA}"}, {"x-api-key": EVE}
ANTHROPIC = {"anthropic-version": "2023-06-01"}


@pytest.fixture(scope="module")
def turnout(start: Start) -> Turnout:
    return start(FILE)


def test_the_list_is_in_file_order(turnout: Turnout) -> None:
    listed = get(turnout.url, "/v1/models", AS_ADA).json
    assert listed["object"] == "list"
    assert [card["id"] for card in listed["data"]] == [
        "zeta",
        "alpha",
        "gpt-5.5",
        "gpt-5.5-mini",
        "ollama/llama",
        "middle",
    ]
    for card in listed["data"]:
        assert (card["object"], type(card["created"]), type(card["owned_by"])) == ("model", int, str)


def test_the_list_in_the_other_form(turnout: Turnout) -> None:
    listed = get(turnout.url, "/v1/models?limit=1000", {**AS_ADA, **ANTHROPIC}).json
    ids = ["zeta", "alpha", "gpt-5.5", "gpt-5.5-mini", "ollama/llama", "middle"]
    assert [card["id"] for card in listed["data"]] == ids
    assert (listed["has_more"], listed["first_id"], listed["last_id"]) == (False, "zeta", "middle")
    for card in listed["data"]:
        assert card["type"] == "model"
        assert card["display_name"]
        assert card["created_at"].endswith("Z")


def test_pages_of_the_other_form(turnout: Turnout) -> None:
    first = get(turnout.url, "/v1/models?limit=2", {**AS_ADA, **ANTHROPIC}).json
    assert ([card["id"] for card in first["data"]], first["has_more"]) == (["zeta", "alpha"], True)
    then = get(turnout.url, f"/v1/models?limit=2&after_id={first['last_id']}", {**AS_ADA, **ANTHROPIC}).json
    assert [card["id"] for card in then["data"]] == ["gpt-5.5", "gpt-5.5-mini"]


def test_a_key_sees_only_what_it_may_use(turnout: Turnout) -> None:
    assert [card["id"] for card in get(turnout.url, "/v1/models", AS_EVE).json["data"]] == [
        "zeta",
        "gpt-5.5",
        "gpt-5.5-mini",
    ]
    assert get(turnout.url, "/v1/models").json["data"] == []
    assert get(turnout.url, "/v1/models", {"x-api-key": "sk-nobody-knows-this"}).status == 401


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/models/alpha", "alpha"),
        ("/v1/models/gpt-5.5", "gpt-5.5"),
        ("/v1/models/gpt-of-2027", "gpt-of-2027"),
        ("/v1/models/ollama%2Fllama", "ollama/llama"),
        ("/v1/models/ollama/llama", "ollama/llama"),
        ("/models/alpha", "alpha"),
        ("/v1/v1/models/alpha", "alpha"),
    ],
)
def test_one_model(turnout: Turnout, path: str, name: str) -> None:
    plain = get(turnout.url, path, AS_ADA)
    assert (plain.status, plain.json["id"], plain.json["object"]) == (200, name, "model")
    other = get(turnout.url, path, {**AS_ADA, **ANTHROPIC})
    assert (other.status, other.json["id"], other.json["type"]) == (200, name, "model")


def test_one_model_that_is_not_there(turnout: Turnout) -> None:
    answer = get(turnout.url, "/v1/models/alfa", AS_ADA)
    assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")
    assert "alpha" in answer.json["error"]["message"]
    answer = get(turnout.url, "/v1/models/alfa", {**AS_ADA, **ANTHROPIC})
    assert (answer.status, answer.json["error"]["type"]) == (404, "not_found_error")
    assert get(turnout.url, "/v1/models/alpha", AS_EVE).status == 403


@pytest.mark.parametrize(
    ("method", "path"), [("HEAD", "/"), ("GET", "/"), ("HEAD", "/api/hello"), ("GET", "/api/hello")]
)
def test_probes_of_clients_are_answered(turnout: Turnout, method: str, path: str) -> None:
    answer = send(turnout.url, method, path)
    assert answer.status == 200
    if method == "HEAD":
        assert answer.body == b""


def test_health_and_ready(turnout: Turnout) -> None:
    health = get(turnout.url, "/health", {"host": "anything.example"})
    assert health.status == 200
    assert set(health.json) == {"status", "timestamp", "uptime_s", "rss_bytes", "generation", "config", "pid", "file"}
    assert health.json["config"]["ok"] is True
    ready = get(turnout.url, "/ready", {"host": "anything.example"})
    assert (ready.status, ready.json["backends"]) == (200, {"echo": "ok"})
    assert post(turnout.url, CHAT.path, CHAT.body("alpha"), AS_ADA).status == 200
    assert get(turnout.url, "/ready").json["backends"] == {"echo": "ok"}


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_the_list_can_only_be_read(turnout: Turnout, method: str) -> None:
    answer = send(turnout.url, method, "/v1/models", AS_ADA)
    assert answer.status == 405
    assert "GET" in (answer.header("allow") or "")
    assert answer.json["error"]["message"]
