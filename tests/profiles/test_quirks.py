"""What becomes of each quirk, by value."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from engine.chat import Finished, Loss, Problem, Response, Started, Stop, Text, Thinking, Thought, Wrote
from engine.clients import BY_NAME, PROFILES
from engine.clients.quirks import kept, session_of
from engine.dialects import CLIENTS, CODECS
from engine.dialects.chat.write_answer import write_answer
from engine.dialects.chat.write_stream import ChatEncoder
from engine.dialects.codec import Asked
from engine.dialects.translate import hushed, read, tied, write
from tests.dialects.pairs import events
from tests.profiles.captured import CAPTURED, Captured, of

APIS = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completions",
    "/v1/messages": "messages",
    "/v1/responses": "responses",
}
MODELS = {
    "messages": [("claude-opus-5-5", "api.anthropic.com"), ("claude-sonnet-4-5", "api.anthropic.com")],
    "chat": [("gpt-6-sol", "api.openai.com"), ("gpt-5.5", "api.openai.com"), ("qwen3", "localhost")],
    "responses": [("gpt-6-sol", "api.openai.com")],
}
FELT = re.compile(r"tools\[\d+\]|parallel_tool_calls")
"""What is dropped of these requests and is a loss: tools that only their vendor runs, and one call at a time."""


def raw(**fields: Any) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def api_of(request: Captured) -> str | None:
    return request.form or APIS.get(request.path)


# --- drop -----------------------------------------------------------------------------------------------------------


def test_a_field_that_was_left_in_by_mistake_is_taken_out() -> None:
    request = of("cursor/responses")
    assert "stream_options" in request.fields
    left = kept(BY_NAME["cursor"], request.form, request.fields)
    assert left == {name: value for name, value in request.fields.items() if name != "stream_options"}


def test_where_its_api_has_the_field_it_stays() -> None:
    request = of("cursor/chat")
    assert "stream_options" in request.fields
    assert kept(BY_NAME["cursor"], request.form, request.fields) == request.fields


@pytest.mark.parametrize("profile", [None, *PROFILES], ids=lambda one: one.name if one else "nobody")
def test_nothing_is_taken_from_who_makes_no_mistake(profile: Any) -> None:
    fields = raw(model="m", input="x")
    assert kept(profile, "responses", fields) is fields


# --- quiet ----------------------------------------------------------------------------------------------------------

QUIET = [
    pytest.param(request, into, model, host, id=f"{request.name}-to-{model}")
    for request in CAPTURED
    for into in CODECS
    if api_of(request) in CLIENTS and into != api_of(request)
    for model, host in MODELS[into]
]


@pytest.mark.parametrize(("request_", "into", "model", "host"), QUIET)
def test_what_a_client_sends_every_time_is_no_loss_to_speak_of(
    request_: Captured, into: str, model: str, host: str
) -> None:
    source, target = CLIENTS[api_of(request_) or ""], CODECS[into]
    asked = read(source, request_.body)
    family = target.family(model, host)
    told = write(asked, target, family, model, "lenient")
    hushed_ = write(asked, target, family, model, "lenient", BY_NAME[request_.client].quiet)
    assert (hushed_.body, [one.path for one in hushed_.losses]) == (told.body, [one.path for one in told.losses])
    dropped = [one.path for one in hushed_.losses if one.grade == "dropped"]
    assert [path for path in dropped if FELT.fullmatch(path) is None] == []


def test_a_strict_translation_can_be_used_with_claude_code() -> None:
    request = of("claude-code/01")
    asked, target = read(CODECS["messages"], request.body), CODECS["chat"]
    family = target.family("gpt-5.5", "api.openai.com")
    with pytest.raises(Problem) as refused:
        write(asked, target, family, "gpt-5.5", "strict")
    assert refused.value.param == "context_management"
    quiet = BY_NAME["claude-code"].quiet
    assert write(asked, target, family, "gpt-5.5", "strict", quiet).body["model"] == "gpt-5.5"
    with pytest.raises(Problem):
        write(asked, target, family, "gpt-5.5", "exact", quiet)


def test_only_what_was_dropped_is_hushed_and_only_where_the_path_fits() -> None:
    dropped = Loss("metadata.a", "dropped", "why")
    assert hushed(dropped, ("metadata.*",)) == Loss("metadata.a", "approximated", "why")
    assert hushed(dropped, ("metadata", "meta")) == dropped
    assert hushed(Loss("x", "approximated", "why"), ("x",)) == Loss("x", "approximated", "why")


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_no_profile_hushes_what_a_model_is_kept_from(profile: Any) -> None:
    for path in ("tools[0]", "max_tokens", "messages[0].content[0]", "input[0]", "stop", "response_format"):
        loss = Loss(path, "dropped", "why")
        assert hushed(loss, profile.quiet) == loss


# --- session --------------------------------------------------------------------------------------------------------

SESSIONS = [
    ("claude-code/01", "ID1"),
    ("codex/01", "ID1"),
    ("opencode/chat", "SESSION"),
    ("opencode/messages", "SESSION"),
    ("cursor/chat", "CONVERSATION"),
    ("cursor/responses", "CONVERSATION"),
    ("cline/cli-chat", None),
    ("qwen-code/chat", None),
]


@pytest.mark.parametrize(("name", "session"), SESSIONS)
def test_the_session_is_where_the_client_names_it(name: str, session: str | None) -> None:
    request = of(name)
    assert session_of(BY_NAME[request.client], request.headers, request.fields) == session


def test_who_is_not_recognised_names_no_session() -> None:
    assert session_of(None, [(b"session-id", b"x")], {}) is None


@pytest.mark.parametrize("metadata", [None, "x", [], {}, {"cursorConversationId": 7}, {"cursorConversationId": ""}])
def test_a_session_that_is_no_text_is_none(metadata: Any) -> None:
    assert session_of(BY_NAME["cursor"], [], raw(metadata=metadata)) is None


def test_the_first_place_that_says_something_counts() -> None:
    headers = [(b"x-session-affinity", b""), (b"x-session-id", b"two"), (b"x-opencode-session", b"three")]
    assert session_of(BY_NAME["opencode"], headers, {}) == "two"


def test_an_openai_upstream_gets_it_as_its_cache_key() -> None:
    request = of("opencode/messages")
    asked = tied(read(CODECS["messages"], request.body), "SESSION")
    chat = CODECS["chat"]
    written = write(asked, chat, chat.family("gpt-5.5", "api.openai.com"), "gpt-5.5", "strict")
    assert written.body["prompt_cache_key"] == "SESSION"
    elsewhere = write(asked, chat, chat.family("qwen3", "localhost"), "qwen3", "strict")
    assert "prompt_cache_key" not in elsewhere.body


def test_nothing_is_lost_with_it() -> None:
    request = of("opencode/chat")
    plain = read(CODECS["chat"], request.body)
    messages = CODECS["messages"]
    family = messages.family("claude-opus-5-5", "api.anthropic.com")
    without = write(plain, messages, family, "claude-opus-5-5", "lenient")
    with_it = write(tied(plain, "SESSION"), messages, family, "claude-opus-5-5", "lenient")
    assert (with_it.body, with_it.losses) == (without.body, without.losses)


def test_what_the_body_says_wins() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "prompt_cache_key": "own"}
    asked = read(CODECS["chat"], json.dumps(body).encode())
    assert tied(asked, "other") is asked
    assert tied(asked, None) is asked


# --- reasoning ------------------------------------------------------------------------------------------------------

ONE = Asked(model="m", id="k3v", created=7, usage=False, reasoning=("reasoning_content",))
BOTH = Asked(model="m", id="k3v", created=7, usage=False)
THOUGHTS = [Started("up", "m"), Thought("hm"), Wrote("Hi"), Finished()]


def fields_of_thoughts(asked: Asked) -> list[str]:
    chunks = events(ChatEncoder(asked).feed(THOUGHTS))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk != "[DONE]"]
    (found,) = [delta for delta in deltas if "hm" in delta.values()]
    assert set(found.values()) == {"hm"}
    return sorted(found)


def test_a_stream_has_reasoning_only_where_the_client_reads_it() -> None:
    assert fields_of_thoughts(ONE) == ["reasoning_content"]
    assert fields_of_thoughts(BOTH) == ["reasoning", "reasoning_content"]


def test_so_has_a_whole_answer() -> None:
    answer = Response(id="up", model="m", blocks=(Thinking(text="hm"), Text(text="Hi")), stop=Stop(reason="end"))
    told = [json.loads(write_answer(answer, asked))["choices"][0]["message"] for asked in (ONE, BOTH)]
    assert [sorted(name for name in one if name.startswith("reasoning")) for one in told] == [
        ["reasoning_content"],
        ["reasoning", "reasoning_content"],
    ]


def test_every_profile_reads_reasoning_somewhere() -> None:
    assert all(profile.reasoning for profile in PROFILES)
