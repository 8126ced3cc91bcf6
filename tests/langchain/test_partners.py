"""ChatOpenAI, ChatAnthropic and OpenAIEmbeddings within Turnout, at upstreams that do as they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.langchain.packages import env
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.http import Line, post
from tests.support.script import CUT, STALL, Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.langchain.conftest import Beside
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

pytestmark = pytest.mark.langchain

FILE = """
defaults: {{model: {{retries: 0}}}}
upstreams:
  gpt:
    kind: langchain
    provider: openai
    circuit: off
    options: {{base_url: "{openai}/v1", api_key: env:TEST_OPENAI_KEY}}
  claude:
    kind: langchain
    object: langchain_anthropic:ChatAnthropic
    circuit: off
    options: {{base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
  vectors:
    kind: langchain
    embeddings: langchain_openai.OpenAIEmbeddings
    options: {{base_url: "{openai}/v1", api_key: env:TEST_OPENAI_KEY, check_embedding_ctx_length: false}}
models:
  gpt: gpt/gpt-5.5
  claude: claude/claude-sonnet-5
  claude-4-5: claude/claude-sonnet-4-5
  embed: vectors/text-embedding-3-small
"""
MODELS: dict[str, Api] = {"gpt": CHAT, "claude": MESSAGES}
"""Model -> the API in which LangChain asks for it."""
CLIENTS = pytest.mark.parametrize("client", [CHAT, MESSAGES, RESPONSES], ids=lambda api: api.name)
EACH = pytest.mark.parametrize("model", MODELS)


@pytest.fixture(scope="module")
def turnout(beside: Beside, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    allowed = "my_team.*, langchain_openai, langchain_anthropic"
    return beside(FILE.format(openai=_openai.url, anthropic=_anthropic.url), env=env(), allow=allowed)


@pytest.fixture
def upstreams(openai: Upstream, anthropic: Upstream) -> dict[str, Upstream]:
    return {"gpt": openai, "claude": anthropic}


@EACH
@CLIENTS
def test_answers(turnout: Turnout, upstreams: dict[str, Upstream], client: Api, model: str) -> None:
    upstreams[model].script(MODELS[model].whole("Hello there"))
    answer = post(turnout.url, client.path, {**client.conversation("Hi"), "model": model})
    assert answer.status == 200, answer.body
    assert client.said(answer.json) == "Hello there"


@EACH
@CLIENTS
def test_streams(turnout: Turnout, upstreams: dict[str, Upstream], client: Api, model: str) -> None:
    upstreams[model].script(MODELS[model].stream("Hello", " there"))
    answer = post(turnout.url, client.path, {**client.conversation("Hi"), "model": model, "stream": True})
    assert client.text(answer.body) == "Hello there"


REFUSALS: dict[str, tuple[Reply, int, int]] = {
    # what the upstream answers, the status for a client of chat, and for one of messages
    "rate limit": (
        as_json({"error": {"message": "slow down", "type": "rate_limit_error"}}, 429, ("retry-after", "9")),
        429,
        429,
    ),
    "credential": (
        as_json({"error": {"message": "no such key sk-upstream", "type": "authentication_error"}}, 401),
        502,
        500,
    ),
    "context": (
        as_json(
            {"error": {"message": "prompt is too long: 9 tokens > 8 maximum", "type": "invalid_request_error"}}, 400
        ),
        400,
        400,
    ),
    "missing": (as_json({"error": {"message": "model: x", "type": "not_found_error"}}, 404), 404, 404),
    "broken": (as_json({"error": {"message": "oh", "type": "api_error"}}, 500), 502, 500),
    "no json": (Reply(status=502, parts=(b"<html>bad gateway</html>",)), 502, 500),
}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@EACH
@pytest.mark.parametrize("refusal", REFUSALS)
def test_refusals(turnout: Turnout, upstreams: dict[str, Upstream], model: str, refusal: str, stream: bool) -> None:
    reply, chat, messages = REFUSALS[refusal]
    for client, status in ((CHAT, chat), (MESSAGES, messages)):
        upstreams[model].clear()
        upstreams[model].script(reply)
        answer = post(turnout.url, client.path, {**client.conversation("Hi"), "model": model, "stream": stream})
        assert answer.status == status, answer.body
        assert b"sk-upstream" not in answer.body
        assert len(upstreams[model].requests) == 1, "LangChain tries it again"
        if refusal == "rate limit":
            assert answer.header("retry-after") == "9"


@EACH
def test_a_stream_that_breaks(turnout: Turnout, upstreams: dict[str, Upstream], model: str) -> None:
    upstreams[model].script(as_stream([*MODELS[model].begun("Hello"), CUT]))
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("Hi"), "model": model, "stream": True})
    assert CHAT.text(answer.body) == "Hello"
    assert CHAT.in_band(answer.body)["message"]


@EACH
def test_a_client_that_leaves_closes_the_connection(
    turnout: Turnout, upstreams: dict[str, Upstream], model: str
) -> None:
    upstreams[model].script(as_stream([*MODELS[model].begun("Hello"), STALL]))
    with Line(turnout.url) as line:
        line.ask("POST", CHAT.path, body={**CHAT.conversation("Hi"), "model": model, "stream": True})
        heard = b""
        for chunk in line.chunks(line.head()):
            heard += chunk.data
            if b"Hello" in heard:
                break
    assert upstreams[model].requests[-1].left_within(20)


def test_a_conversation_arrives_whole(turnout: Turnout, upstreams: dict[str, Upstream]) -> None:
    """From Messages through LangChain into Messages: what comes out is what went in."""
    body: dict[str, Any] = {
        "model": "claude",
        "max_tokens": 2000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tools": [{"name": "look", "description": "Looks", "input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "stop_sequences": ["never"],
        "messages": [
            {"role": "user", "content": "Hi"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "c2VhbA=="},
                    {"type": "redacted_thinking", "data": "c2VhbGVk"},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "it"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "is_error": True,
                        "content": [
                            {"type": "text", "text": "dark"},
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
                        ],
                    },
                    {"type": "text", "text": "Go on.", "cache_control": {"type": "ephemeral"}},
                ],
            },
        ],
    }
    upstreams["claude"].script(MESSAGES.whole("Fine"))
    assert post(turnout.url, MESSAGES.path, body).status == 200
    sent = upstreams["claude"].requests[-1].json
    assert {**sent, "model": "claude"} == body


def test_a_refusal_is_told_once(turnout: Turnout, openai: Upstream) -> None:
    """In a stream langchain-openai 1.7 leaves refusals out."""
    message = {"role": "assistant", "content": None, "refusal": "I will not."}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    openai.script(
        as_json({"id": "c", "created": 1, "model": "gpt-5.5", "object": "chat.completion", "choices": [choice]})
    )
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("Hi"), "model": "gpt"})
    assert answer.json["choices"][0]["message"]["refusal"] == "I will not."
    assert answer.body.count(b"I will not.") == 1


def test_embeddings(turnout: Turnout, openai: Upstream) -> None:
    data = [{"object": "embedding", "index": at, "embedding": [at + 0.5, 1.0]} for at in (0, 1)]
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    openai.script(as_json({"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage}))
    answer = post(turnout.url, "/v1/embeddings", {"model": "embed", "input": ["a", "b"], "dimensions": 2})
    assert [one["embedding"] for one in answer.json["data"]] == [[0.5, 1.0], [1.5, 1.0]]
    assert openai.requests[-1].json["dimensions"] == 2


FORM = {
    "type": "object",
    "properties": {"sum": {"type": "integer"}},
    "required": ["sum"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_schema_is_asked_for_natively(turnout: Turnout, upstreams: dict[str, Upstream], stream: bool) -> None:
    """The table of LangChain's own says that this model has it."""
    said = '{"sum": 7}'
    upstreams["claude"].script(MESSAGES.stream(said) if stream else MESSAGES.whole(said))
    form = {"type": "json_schema", "json_schema": {"name": "sum", "schema": FORM, "strict": True}}
    ask = {**CHAT.conversation("Hi"), "model": "claude-4-5", "stream": stream, "response_format": form}
    answer = post(turnout.url, CHAT.path, ask)
    assert (CHAT.text(answer.body) if stream else CHAT.said(answer.json)) == said
    sent = upstreams["claude"].last.json
    assert "tools" not in sent
    assert sent["output_config"]["format"]["schema"]["required"] == ["sum"]


@EACH
def test_a_tool_whose_schema_binds_binds(turnout: Turnout, upstreams: dict[str, Upstream], model: str) -> None:
    upstreams[model].script(MODELS[model].whole("Hello"))
    function = {"name": "tell", "description": "Tell.", "parameters": FORM, "strict": True}
    ask = {**CHAT.conversation("Hi"), "model": model, "tools": [{"type": "function", "function": function}]}
    post(turnout.url, CHAT.path, ask)
    (tool,) = upstreams[model].last.json["tools"]
    assert tool.get("function", tool)["strict"] is True
