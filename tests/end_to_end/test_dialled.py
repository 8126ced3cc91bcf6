"""Where Turnout never goes, whatever a name resolves to or an upstream says: metadata addresses, redirects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import APIS, CHAT, Api
from tests.support.http import get, post
from tests.support.script import Reply
from tests.support.turnout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """\
version: 1
observe: {{log: {{format: text}}}}
upstreams:
  openai:
    kind: openai
    circuit: off
    base_url: "{openai}"
    apis: [chat, responses, completions, embeddings]
    api_key: env:TEST_OPENAI_KEY
  anthropic: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
  rebound: {{kind: openai, circuit: off, base_url: "http://rebound.example/v1", api_key: env:TEST_OPENAI_KEY}}
  mixed: {{kind: openai, circuit: off, base_url: "http://mixed.example:{port}/v1"}}
  proxied: {{kind: openai, circuit: off, base_url: "http://127.0.0.1:{port}/v1", proxy: "http://rebound.example:3128"}}
defaults: {{model: {{retries: 0}}}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
  text-embedding-3-small: openai/text-embedding-3-small
  rebound: rebound/x
  mixed: mixed/x
  proxied: proxied/x
  spared: {{targets: [rebound/x, openai/gpt-5.5]}}
routes:
  - {{name: files, when: {{path: "/v1/files/*"}}, pass: openai}}
keys: {{anonymous: {{routes: [files]}}}}
"""
RESOLVING = """
# The server, where two names resolve to what a hostile DNS server would say.
import socket, sys, uvloop
FOUND = {
    "rebound.example": ["169.254.169.254", "::ffff:169.254.170.2"],
    "mixed.example": ["169.254.169.254", "127.0.0.1"],
}
asked = uvloop.Loop.getaddrinfo
async def getaddrinfo(loop, host, port, **how):
    if host not in FOUND:
        return await asked(loop, host, port, **how)
    family = lambda one: socket.AF_INET6 if ":" in one else socket.AF_INET
    return [(family(one), socket.SOCK_STREAM, 6, "", (one, port)) for one in FOUND[host]]
uvloop.Loop.getaddrinfo = getaddrinfo
from engine.cli import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def turnout(
    start: Start, _openai: Upstream, _anthropic: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Turnout]:
    program: Path = tmp_path_factory.mktemp("program") / "resolving.py"
    program.write_text(RESOLVING)
    text = FILE.format(openai=_openai.url, anthropic=_anthropic.url, port=_openai.port)
    return start(text, program=(str(program),), env={"PYTHONPATH": str(ROOT)})


def test_a_name_that_leads_to_metadata_is_refused_and_said(turnout: Turnout) -> None:
    answer = post(turnout.url, CHAT.path, CHAT.body("rebound"))
    assert answer.status == 502
    assert "refused to connect: 169.254.169.254 is a link-local address" in CHAT.error(answer)["message"]


def test_it_counts_as_unreachable_and_the_next_target_answers(turnout: Turnout, openai: Upstream) -> None:
    answer = post(turnout.url, CHAT.path, CHAT.body("spared"))
    assert (answer.status, answer.header("x-turnout-target")) == (200, "openai/gpt-5.5")
    assert answer.header("x-turnout-attempts") == "2"


def test_of_a_mixed_name_the_allowed_address_is_used(turnout: Turnout, openai: Upstream) -> None:
    assert post(turnout.url, CHAT.path, CHAT.body("mixed")).status == 200
    assert openai.last.header("host") == f"mixed.example:{openai.port}"


def test_a_proxy_that_leads_there_is_refused(turnout: Turnout, openai: Upstream) -> None:
    answer = post(turnout.url, CHAT.path, CHAT.body("proxied"))
    assert answer.status == 502
    assert "refused to connect: 169.254.169.254" in CHAT.error(answer)["message"]
    assert openai.requests == []


REDIRECTS = [301, 302, 303, 307, 308]
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/completions", {"model": "smart-chat", "prompt": "Hi"}),
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hi"}),
    ("/v1/messages/count_tokens", {"model": "smart-claude", "messages": [{"role": "user", "content": "Hi"}]}),
    ("/v1/responses/input_tokens", {"model": "smart-responses", "input": "Hi"}),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_a_redirect_is_never_followed(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool
) -> None:
    upstream, other = (openai, anthropic) if api.kind == "openai" else (anthropic, openai)
    for status in REDIRECTS:
        upstream.script(Reply(status, headers=(("location", f"{other.url}{api.path}"),)))
        answer = post(turnout.url, api.path, api.body(stream=stream))
        assert answer.status >= 500
        assert "a redirect, which is never followed" in api.error(answer)["message"]
        assert answer.header("location") is None
    assert (len(upstream.requests), other.requests) == (len(REDIRECTS), [])


@pytest.mark.parametrize(("path", "body"), OTHERS, ids=[path for path, _ in OTHERS])
def test_nor_by_any_other_endpoint(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, path: str, body: dict[str, Any]
) -> None:
    upstream, other = (anthropic, openai) if "messages" in path else (openai, anthropic)
    upstream.script(Reply(307, headers=(("location", f"{other.url}{path}"),)))
    answer = post(turnout.url, path, body)
    assert answer.status >= 500
    assert "never followed" in answer.body.decode()
    assert (len(upstream.requests), other.requests) == (1, [])


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_pass_route_hands_a_redirect_to_the_client(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, status: int
) -> None:
    openai.script(Reply(status, headers=(("location", f"{anthropic.url}/v1/files/2"),)))
    answer = get(turnout.url, "/v1/files/1")
    assert (answer.status, answer.header("location")) == (status, f"{anthropic.url}/v1/files/2")
    assert (len(openai.requests), anthropic.requests) == (1, [])
