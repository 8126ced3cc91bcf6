"""/openapi.json: what it says is served, and what is served keeps to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.dialects import ENDPOINTS
from tests.support.apis import APIS, digest
from tests.support.http import Answer, get, send

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout

ADA = "tk-ada-0123456789abcdef"
FILE = f"""
version: 1
upstreams: {{echo: {{kind: echo}}}}
models: {{"*": echo/*}}
keys:
  ada: {{hashes: ["{digest(ADA)}"]}}
  anonymous: {{any_key: true}}
"""
RULES = Path(__file__).with_name("schemathesis.toml")
SECRETS = ("sha256:", "ada", "echo", "127.0.0.1")
"""What only this file says: the document is of every Turnout."""


@pytest.fixture(scope="module")
def turnout(start: Start) -> Turnout:
    return start(FILE)


@pytest.fixture(scope="module")
def document(turnout: Turnout) -> Any:
    return get(turnout.url, "/openapi.json").json


def test_it_takes_no_key_and_knows_nothing_of_the_file(turnout: Turnout) -> None:
    answer = get(turnout.url, "/openapi.json")
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert [word for word in SECRETS if word in answer.body.decode().replace('"echo":', "")] == []


def test_it_is_answered_to_known_hosts_and_origins_only(turnout: Turnout) -> None:
    assert get(turnout.url, "/openapi.json", {"host": "evil.example"}).status == 421
    assert get(turnout.url, "/openapi.json", {"origin": "https://evil.example"}).status == 403
    assert send(turnout.url, "POST", "/openapi.json", {}, {}).status == 405


def test_every_endpoint_is_in_it(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    served = {*ENDPOINTS, "/v1/models", "/v1/models/{model}", "/v1/responses/{response_id}"}
    assert served | {"/", "/health", "/ready"} <= set(document["paths"])


def test_every_reference_leads_somewhere(document: Any) -> None:
    schemas = document["components"]["schemas"]
    names = {word.partition('"')[0] for word in json.dumps(document).split("#/components/schemas/")[1:]}
    assert names == set(schemas)


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_a_body_is_described_by_what_checks_it(document: Any, api: Any) -> None:
    body = document["paths"][api.path]["post"]["requestBody"]["content"]["application/json"]
    schema = document["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
    assert set(schema["required"]) <= set(api.body())
    assert "additionalProperties" not in schema


PATHS: dict[str, tuple[str, str]] = {
    "/": ("POST", "GET, HEAD"),
    "/api/hello": ("DELETE", "GET, HEAD"),
    "/v1/models": ("DELETE", "GET, HEAD"),
    "/v1/responses/resp_1": ("PATCH", "GET, HEAD, DELETE"),
    "/v1/responses/resp_1/cancel": ("GET", "POST"),
}


@pytest.mark.parametrize("path", PATHS)
def test_another_method_is_told_which_ones_there_are(turnout: Turnout, path: str) -> None:
    method, allowed = PATHS[path]
    answer: Answer = send(turnout.url, method, path)
    assert (answer.status, answer.header("allow")) == (405, allowed)


def test_what_is_served_keeps_to_it(turnout: Turnout, tmp_path: Path) -> None:
    """Schemathesis makes requests of the document, good and bad, one by one and following its links; any answer that it
    does not describe, any 5xx and any error of another form fails."""
    fixed = ("--seed", "20261128") if os.environ.get("CI") else ()
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(RULES), "--no-color", "run"]
    ran = subprocess.run(
        [*command, f"{turnout.url}/openapi.json", "--max-examples", "30", "--suppress-health-check", "all", *fixed],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    assert "18 passed" in ran.stdout, ran.stdout[-4000:]
    assert "internal error" not in turnout.log()
