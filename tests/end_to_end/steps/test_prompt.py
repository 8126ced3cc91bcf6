"""`prompt`: a template of the file in the system prompt of every API, for every upstream; live with each edit of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, Api, digest
from tests.support.http import Answer, post

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA = "tk-ada-0123456789abcdef"
FILE = """
version: 1
upstreams:
  openai: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  gpt: {{targets: [openai/gpt-5.5], prompt: {{template: "{folder}/support.md.j2", vars: {{tone: kind}}}}}}
  claude: {{targets: [anthropic/claude-sonnet-5], prompt: {{template: "{folder}/support.md.j2", vars: {{tone: kind}}}}}}
  safe: {{targets: [gpt], fallback: [claude]}}
  plain: openai/gpt-5.5
routes:
  - {{name: team, when: {{model: gpt, header: {{x-team: red}}}}, to: gpt, prompt: "{folder}/team.md.j2"}}
keys:
  ada: {{hashes: ["{ada}"]}}
"""
SUPPORT = "You are {{ tone }} to {{ key }} on {{ model }}, {{ date }}.\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("templates")
    (folder / "support.md.j2").write_text(SUPPORT)
    (folder / "team.md.j2").write_text("Red {{ route }}")
    return folder


@pytest.fixture(scope="module")
def turnout(start: Start, folder: Path, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url, folder=folder, ada=digest(ADA)))


def ask(turnout: Turnout, api: Api, model: str, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
    answer = post(turnout.url, api.path, {**api.body(model), **fields}, {"x-api-key": ADA, **(headers or {})})
    assert answer.status == 200, answer.body
    return answer


def system(body: Any) -> str:
    """Return the system prompt of what an upstream was sent, whatever its API."""
    if "messages" not in body:
        return str(body["instructions"])
    if "system" in body:
        found = body["system"]
        return found if isinstance(found, str) else "\n\n".join(block["text"] for block in found)
    return "\n\n".join(one["content"] for one in body["messages"] if one["role"] in ("system", "developer"))


def said(model: str) -> str:
    return f"You are kind to ada on {model}, {datetime.now(UTC):%Y-%m-%d}."


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
@pytest.mark.parametrize("model", ["gpt", "claude"])
def test_every_api_and_every_upstream(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, model: str
) -> None:
    ask(turnout, api, model)
    upstream = openai if model == "gpt" else anthropic
    assert system(upstream.last.json) == said(model)
    ask(turnout, CHAT, "plain")
    assert [one["role"] for one in openai.last.json["messages"]] == ["user"]


def test_before_what_the_client_says(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    ask(turnout, MESSAGES, "claude", system="And be brief.")
    assert system(anthropic.last.json) == f"{said('claude')}\n\nAnd be brief."
    ask(turnout, RESPONSES, "gpt", instructions="And be brief.")
    assert system(openai.last.json) == f"{said('gpt')}\n\nAnd be brief."


def test_that_of_the_route_wins(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    ask(turnout, CHAT, "gpt", {"x-team": "red"})
    assert system(openai.last.json) == "Red team"


def test_it_holds_for_fallbacks_and_in_counts(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    body = {"model": "claude", "messages": [{"role": "user", "content": "Hi"}]}
    post(turnout.url, "/v1/messages/count_tokens", body, {"x-api-key": ADA})
    assert system(anthropic.last.json) == said("claude")


@pytest.mark.parametrize("model", ["gpt", "claude"])
def test_of_a_completion_once_it_is_a_conversation(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, model: str
) -> None:
    """It has no system prompt of its own; what its `suffix` says comes behind."""
    body = {"model": model, "prompt": "def add(", "suffix": "return c"}
    answer = post(turnout.url, "/v1/completions", body, {"x-api-key": ADA})
    assert answer.status == 200, answer.body
    told = system((openai if model == "gpt" else anthropic).last.json)
    assert told.startswith(f"{said(model)}\n\n")
    assert told.endswith("\nreturn c")


def test_over_websocket(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    url = turnout.url.replace("http", "ws", 1)
    with connect(f"{url}{MESSAGES.path}", additional_headers={"x-api-key": ADA}) as connection:
        connection.send(json.dumps(MESSAGES.body("claude")))
        assert json.loads(connection.recv(timeout=20))["type"] == "message"
    assert system(anthropic.last.json) == said("claude")


def test_an_edit_of_the_template_is_an_edit_of_the_file(
    turnout: Turnout, folder: Path, openai: Upstream, anthropic: Upstream
) -> None:
    """A bad one changes nothing; the log shows where it is wrong."""
    template = folder / "support.md.j2"
    turnout.taken(lambda: template.write_text("Now {{ tone }}."))
    ask(turnout, CHAT, "gpt")
    assert system(openai.last.json) == "Now kind."
    told = turnout.taken(lambda: template.write_text("Now {{ tome }}."), "(?s)was changed but not taken.*")
    assert "nothing is called `tome` in a prompt" in told
    ask(turnout, CHAT, "gpt")
    assert system(openai.last.json) == "Now kind."
    turnout.taken(lambda: template.write_text(SUPPORT))


def test_one_that_fails_on_a_request_says_so(start: Start, tmp_path: Path, openai: Upstream) -> None:
    """What no trial at load can find out; no request of it reaches an upstream."""
    (tmp_path / "odd.md.j2").write_text("{{ 1 / (model | length - 3) }}")
    text = f"""version: 1
upstreams: {{openai: {{kind: openai, base_url: "{openai.url}/v1", api_key: env:TEST_OPENAI_KEY}}}}
models: {{gpt: {{targets: [openai/gpt-5.5], prompt: "{tmp_path}/odd.md.j2"}}}}
keys: {{anonymous: {{}}}}
"""
    answer = post(start(text).url, CHAT.path, CHAT.body("gpt"))
    assert answer.status == 500
    assert "the prompt" in CHAT.error(answer)["message"]
    assert openai.requests == []
