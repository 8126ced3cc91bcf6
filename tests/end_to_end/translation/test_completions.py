"""Legacy completions at models that only hold conversations: Tabby and Continue, for what comes next at the cursor."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import openai as openai_sdk
import pytest

from tests.end_to_end.translation.house import BROKEN, JSON_OR_STREAM, good, is_stream, lost
from tests.support.answers import message, message_events, usual
from tests.support.apis import CHAT, MESSAGES, RESPONSES, SERVER_ERROR, Api, payloads
from tests.support.http import Answer, post
from tests.support.script import CUT, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.script import Reply
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

FILE = """
version: 1
upstreams:
  chat: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [chat]}}
  responses: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [responses]}}
  messages: {{kind: anthropic, circuit: off, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
  native: {{kind: openai, circuit: off, base_url: "{openai}/v1"}}
  both: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [responses, chat, completions]}}
  vectors: {{kind: openai, circuit: off, base_url: "{openai}/v1", apis: [embeddings]}}
defaults: {{model: {{retries: 0}}}}
models:
  of-chat: chat/gpt-4o
  of-messages: messages/claude-sonnet-5
  of-responses: responses/gpt-5.5
  native: native/gpt-5.5
  first-native: {{targets: [native/gpt-5.5], fallback: [of-messages]}}
  exact: {{targets: [messages/claude-sonnet-5], translation: exact}}
  strict: {{targets: [messages/claude-sonnet-5], translation: strict}}
  local: {{targets: [chat/llama-4-scout]}}
  both-*: both/*
  vectors: vectors/embed
keys: {{anonymous: {{}}}}
observe: {{log: {{format: json, usage: true}}}}
"""
PATH = "/v1/completions"
TABBY: dict[str, Any] = {
    "prompt": "def add(a, b):\n    ",
    "suffix": None,
    "max_tokens": 64,
    "temperature": 0.1,
    "stream": True,
    "presence_penalty": 0.0,
}
"""What Tabby sends but for the model (crates/http-api-bindings/src/completion/openai.rs)."""
OF_EACH = pytest.mark.parametrize("api", [CHAT, MESSAGES, RESPONSES], ids=lambda api: api.name)
PROMPTED = {"chat": 11, "messages": 14, "responses": 11}
"""API of the upstream -> the tokens of the prompt that it tells."""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


def ask(turnout: Turnout, model: str, prompt: Any = "def add(", **fields: Any) -> Answer:
    return post(turnout.url, PATH, {"model": model, "prompt": prompt, **fields})


def asked(api: Api, openai: Upstream, anthropic: Upstream) -> Upstream:
    return anthropic if api is MESSAGES else openai


def text(answer: Answer) -> str:
    """Return what a completion says, whole or streamed, after holding its form against that of the API."""
    good(answer)
    said = payloads(answer.body) if is_stream(answer) else [answer.json]
    for one in said:
        assert one["object"] == "text_completion"
        assert all(isinstance(choice["text"], str) for choice in one["choices"])
    return "".join(choice["text"] for one in said for choice in one["choices"])


def user_says(api: Api, body: dict[str, Any]) -> str:
    """Return the text of the one user turn that an upstream was asked with."""
    turns = body["input"] if api is RESPONSES else body["messages"]
    (turn,) = [one for one in turns if one.get("role") == "user"]
    content = turn["content"]
    return str(content if isinstance(content, str) else "".join(part["text"] for part in content))


@OF_EACH
@JSON_OR_STREAM
def test_a_prompt_is_what_the_user_says(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool
) -> None:
    answer = ask(turnout, f"of-{api.name}", "def add(a, b):\n    ", stream=stream, max_tokens=40)
    sent = asked(api, openai, anthropic).last
    assert (sent.target, user_says(api, sent.json)) == (api.path, "def add(a, b):\n    ")
    assert text(answer) == "Hello there"
    whole = payloads(answer.body)[-1] if stream else answer.json
    assert (whole["model"], whole["id"].startswith("cmpl-")) == (f"of-{api.name}", True)
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert lost(answer) == {}


def test_where_they_are_spoken_the_bytes_pass(turnout: Turnout, openai: Upstream) -> None:
    answer = post(turnout.url, PATH, b'{"model":"native","prompt":["a", [1,2 ]],"suffix":"c","n":2}')
    assert (answer.status, openai.last.target) == (200, PATH)
    assert openai.last.body == b'{"model":"gpt-5.5","prompt":["a", [1,2 ]],"suffix":"c","n":2}'


def test_an_upstream_of_no_conversations_is_501(turnout: Turnout, openai: Upstream) -> None:
    answer = ask(turnout, "vectors")
    error = CHAT.error(answer)
    assert (answer.status, error["code"], openai.requests) == (501, "unsupported_api", [])
    assert "speaks the completions API, or one that it is translated into: `vectors/embed` speaks" in error["message"]


def test_a_pool_of_both_falls_back_from_one_to_the_other(
    turnout: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    assert text(ask(turnout, "first-native", max_tokens=9))
    assert (openai.last.target, anthropic.requests) == (PATH, [])
    openai.script(as_json(SERVER_ERROR, 500))
    answer = ask(turnout, "first-native", max_tokens=9)
    assert text(answer) == "Hello there"
    assert (user_says(MESSAGES, anthropic.last.json), anthropic.last.json["max_tokens"]) == ("def add(", 9)
    assert answer.header("x-turnout-target") == "messages/claude-sonnet-5"


@OF_EACH
def test_tabby(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> None:
    """It parses every line until it has read a finish_reason, and panics over one that is no chunk with a text."""
    answer = post(turnout.url, PATH, {"model": f"of-{api.name}", **TABBY})
    assert text(answer) == "Hello there"
    lines = [line for line in answer.body.decode().splitlines() if line]
    seen = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert lines[-1] == "data: [DONE]"
    assert [chunk["choices"][0]["finish_reason"] for chunk in seen] == [*[None] * (len(seen) - 1), "stop"]
    assert user_says(api, asked(api, openai, anthropic).last.json) == TABBY["prompt"]
    assert set(lost(answer)) <= {"temperature"}


@OF_EACH
def test_a_suffix_is_told_in_the_system_prompt(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    assert text(ask(turnout, f"of-{api.name}", suffix="\n    return c")) == "Hello there"
    sent = asked(api, openai, anthropic).last.json
    assert user_says(api, sent) == "def add("
    others = [one for one in sent["input" if api is RESPONSES else "messages"] if one.get("role") != "user"]
    told = sent.get("system") or [one["content"] for one in others]
    assert "\\n    return c" in json.dumps(told)


def test_what_is_exact_and_what_is_not(turnout: Turnout, anthropic: Upstream) -> None:
    assert text(ask(turnout, "exact", suffix="")) == "Hello there"
    assert text(ask(turnout, "strict", suffix="end")) == "Hello there"
    anthropic.clear()
    for model, fields, param in (("exact", {"suffix": "end"}, "suffix"), ("strict", {"seed": 7}, "seed")):
        answer = ask(turnout, model, **fields)
        assert (answer.status, CHAT.error(answer)["param"], anthropic.requests) == (400, param, [])
    assert lost(ask(turnout, "of-messages", seed=7, best_of=2)).keys() == {"seed", "best_of"}


def test_what_chat_completions_know_too_arrives_there(turnout: Turnout, openai: Upstream) -> None:
    """gpt-4o does not think, and takes it all."""
    fields = {
        "seed": 7,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.25,
        "logit_bias": {"50256": -100},
        "top_p": 0.9,
    }
    answer = ask(turnout, "of-chat", **fields, stop=["\n\n"], temperature=0.2)
    sent = openai.last.json
    assert ({name: sent[name] for name in fields}, sent["stop"], sent["temperature"]) == (fields, ["\n\n"], 0.2)
    assert lost(answer) == {}


def test_what_such_an_upstream_refuses_by_name_is_left_out(turnout: Turnout, openai: Upstream) -> None:
    refusal = CHAT.refusal(
        "invalid_request_error", "Unsupported parameter: 'logit_bias' is not supported with this model."
    )
    refusal["error"]["param"] = "logit_bias"
    openai.script(as_json(refusal, 400))
    answer = ask(turnout, "local", logit_bias={"50256": -100}, seed=7)
    assert text(answer) == "Hello there"
    assert [("logit_bias" in one.json, one.json["seed"]) for one in openai.requests] == [(True, 7), (False, 7)]
    assert lost(answer).keys() == {"logit_bias"}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "several prompts": ({"prompt": ["a", "b"]}, "prompt"),
    "token ids": ({"prompt": [1, 2]}, "prompt"),
    "no text": ({"prompt": ""}, "prompt"),
    "null": ({"prompt": None}, "prompt"),
    "several answers": ({"prompt": "a", "n": 2}, "n"),
    "probabilities": ({"prompt": "a", "logprobs": 3}, "logprobs"),
    "a wrong type": ({"prompt": "a", "max_tokens": "many"}, "max_tokens"),
}


@JSON_OR_STREAM
@pytest.mark.parametrize(("fields", "param"), BAD.values(), ids=BAD)
def test_what_cannot_be_asked(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, fields: dict[str, Any], param: str, stream: bool
) -> None:
    answer = post(turnout.url, PATH, {"model": "of-messages", "stream": stream, **fields})
    error = CHAT.error(answer)
    assert (answer.status, error["param"], openai.requests, anthropic.requests) == (400, param, [], [])
    assert f"`{param}`" in error["message"]


@OF_EACH
@JSON_OR_STREAM
def test_the_prompt_is_repeated_where_that_is_wished(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool
) -> None:
    assert text(ask(turnout, f"of-{api.name}", "Say: ", echo=True, stream=stream)) == "Say: Hello there"
    assert "echo" not in asked(api, openai, anthropic).last.json


@JSON_OR_STREAM
def test_nothing_to_be_written_is_answered_here(turnout: Turnout, openai: Upstream, stream: bool) -> None:
    answer = ask(turnout, "of-chat", "Say: ", echo=True, max_tokens=0, stream=stream)
    assert (text(answer), openai.requests) == ("Say: ", [])


@OF_EACH
def test_usage_comes_where_it_is_asked_for(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> None:
    asking = {"stream": True, "stream_options": {"include_usage": True}}
    *_, finish, usage = payloads(ask(turnout, f"of-{api.name}", **asking).body)
    assert (finish["choices"][0]["finish_reason"], finish["usage"]) == ("stop", None)
    assert usage["choices"] == []
    for used in (usage["usage"], ask(turnout, f"of-{api.name}").json["usage"]):
        assert (used["prompt_tokens"], used["completion_tokens"]) == (PROMPTED[api.name], 7)
        assert used["total_tokens"] == PROMPTED[api.name] + 7


def test_the_record_has_the_usage_of_the_upstream(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    answer = ask(turnout, "of-messages", max_tokens=9)
    ident = answer.header("x-turnout-request")
    line = turnout.wait_for(re.compile(rf'^\{{.*"request":"{ident}".*\}}$', re.MULTILINE)).group()
    record = json.loads(line)
    assert (record["api"], record["target"]) == ("completions", "messages/claude-sonnet-5")
    used = [record["usage"][name] for name in ("input", "cache_read", "output", "estimated")]
    assert used == [11, 3, 7, False]


@JSON_OR_STREAM
def test_thoughts_are_left_out_and_told(turnout: Turnout, anthropic: Upstream, stream: bool) -> None:
    if stream:
        anthropic.script(as_stream(message_events(["a, ", "b)"], thinks="summarized")))
    else:
        anthropic.script(as_json(message("a, b)", thinks="summarized")))
    answer = ask(turnout, "of-messages", stream=stream)
    assert text(answer) == "a, b)"
    assert list(lost(answer)) == ([] if stream else ["reasoning"])


@OF_EACH
def test_an_error_has_the_form_of_this_api(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> None:
    upstream = asked(api, openai, anthropic)
    upstream.script(as_json(api.refusal("invalid_request_error", "the prompt smells"), 400))
    answer = ask(turnout, f"of-{api.name}")
    assert (answer.status, "the prompt smells" in CHAT.error(answer)["message"]) == (400, True)
    upstream.script(as_json(api.refusal("server_error", "broke"), 500))
    answer = ask(turnout, f"of-{api.name}", stream=True)
    assert answer.status == BROKEN["chat"][0]
    CHAT.error(answer)


@OF_EACH
def test_a_stream_that_breaks_off_ends_in_an_error(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    asked(api, openai, anthropic).script(as_stream([*api.begun("Hello"), CUT]))
    answer = ask(turnout, f"of-{api.name}", stream=True)
    assert b'"text":"Hello"' in answer.body
    assert "server_error" in CHAT.in_band(answer.body)["type"]


@OF_EACH
def test_with_the_sdk(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> None:
    with openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key="any", max_retries=0) as client:
        whole = client.completions.create(model=f"of-{api.name}", prompt="def add(", suffix="end", max_tokens=40)
        assert (whole.object, whole.choices[0].text, whole.choices[0].finish_reason) == (
            "text_completion",
            "Hello there",
            "stop",
        )
        assert whole.usage is not None
        assert whole.usage.total_tokens == PROMPTED[api.name] + 7
        chunks = list(client.completions.create(model=f"of-{api.name}", prompt=["def add("], stream=True))
        assert "".join(chunk.choices[0].text for chunk in chunks) == "Hello there"
        assert chunks[-1].choices[0].finish_reason == "stop"
        with pytest.raises(openai_sdk.BadRequestError) as refused:
            client.completions.create(model=f"of-{api.name}", prompt=["a", "b"])
        assert refused.value.param == "prompt"


CHATS = (
    "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use v1/chat/completions?"
)


def only_chats(seen: Seen) -> Reply:
    """A model that OpenAI serves in conversations alone."""
    return usual(seen) if seen.path != PATH else as_json(CHAT.refusal("invalid_request_error", CHATS), 404)


def has_no_such_path(seen: Seen) -> Reply:
    """A server of chat completions alone, on FastAPI."""
    return usual(seen) if seen.path != PATH else as_json({"detail": "Not Found"}, 404)


@JSON_OR_STREAM
@pytest.mark.parametrize("refusing", [only_chats, has_no_such_path], ids=["a chat model", "no such path"])
def test_what_is_refused_as_a_completion_is_asked_as_a_conversation_and_at_once_the_next_time(
    turnout: Turnout, openai: Upstream, refusing: Any, stream: bool
) -> None:
    openai.answer = refusing
    model = f"both-{refusing.__name__}-{stream}"
    first, second = (ask(turnout, model, stream=stream, seed=7) for _ in range(2))
    assert [seen.path for seen in openai.requests] == [PATH, RESPONSES.path, RESPONSES.path]
    for answer in (first, second):
        assert (text(answer), "seed" in lost(answer)) == ("Hello there", True)
    assert (first.header("x-turnout-attempts"), second.header("x-turnout-attempts")) == ("2", "1")


@pytest.mark.parametrize(
    ("status", "message", "fields"),
    [(404, CHATS, {"n": 2}), (404, "The model `x` does not exist", {}), (400, "the prompt smells", {})],
    ids=["cannot be asked there either", "no such model", "another refusal"],
)
def test_any_other_refusal_is_the_clients(
    turnout: Turnout, openai: Upstream, status: int, message: str, fields: dict[str, Any]
) -> None:
    openai.script(as_json(CHAT.refusal("invalid_request_error", message), status))
    answer = ask(turnout, "both-other", **fields)
    assert (answer.status, CHAT.error(answer)["message"], len(openai.requests)) == (status, message, 1)
