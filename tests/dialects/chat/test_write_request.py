"""Requests as chat completions: what the golden pairs do not show, above all what was learned from refusals."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.chat import (
    Call,
    Choice,
    Image,
    Loss,
    Message,
    Opaque,
    Problem,
    Reasoning,
    Refusal,
    Request,
    Result,
    Text,
    Thinking,
    Tool,
    Usage,
)
from engine.dialects import CODECS
from engine.dialects.chat.write_request import write
from engine.dialects.codec import Written
from engine.dialects.openai.families import COMPATIBLE, Model, family
from engine.dialects.seal import seal
from engine.dialects.translate import read
from engine.dialects.turns import is_empty
from tests.dialects import oracles
from tests.dialects.recorded import RECORDED, Recorded

OPENAI = "api.openai.com"
HI: list[Any] = [{"role": "user", "content": "Hi"}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
TOOL = {"name": "f", "input_schema": SCHEMA}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}


def asked(**fields: Any) -> Request:
    body = {"model": "m", "max_tokens": 100, "messages": HI, **fields}
    return read(CODECS["messages"], json.dumps(body).encode())


def sent(model: str, *refused: str, **fields: Any) -> Written:
    """Return what is written for a model whose upstream has refused these before."""
    known = replace(family(model, OPENAI), refused=frozenset(refused))
    return write(asked(**fields), known, model)


def lost(written: Written) -> dict[str, str]:
    return {loss.path: loss.grade for loss in written.losses}


@pytest.mark.parametrize(
    ("model", "refused", "fields", "there", "gone"),
    [
        ("gpt-4o", ("max_completion_tokens",), {}, {"max_tokens": 100}, "max_completion_tokens"),
        ("llama-3", ("max_tokens",), {}, {"max_completion_tokens": 100}, "max_tokens"),
        ("llama-3", ("max_tokens", "max_completion_tokens"), {}, {}, "max_tokens"),
        ("gpt-4o", ("max_output=64",), {}, {"max_completion_tokens": 64}, ""),
        ("gpt-4o", ("max_output=64", "max_output=32"), {}, {"max_completion_tokens": 32}, ""),
        ("gpt-4o", ("room=64",), {}, {"max_completion_tokens": 64}, ""),
        ("llama-3", ("max_output=64", "room=32", "room=40"), {}, {"max_tokens": 32}, ""),
        ("llama-3", ("room=5000",), {}, {"max_tokens": 100}, ""),
        ("gpt-4o", ("temperature",), {"temperature": 0.5}, {}, "temperature"),
        ("gpt-4o", ("top_p",), {"top_p": 0.5}, {}, "top_p"),
        ("llama-3", ("top_k",), {"top_k": 5}, {}, "top_k"),
        ("gpt-4o", ("stream_options",), {"stream": True}, {"stream": True}, "stream_options"),
        ("gpt-5.5", ("reasoning_effort",), {"output_config": {"effort": "low"}}, {}, "reasoning_effort"),
        (
            "gpt-5.5",
            ("reasoning_effort=none",),
            {"thinking": {"type": "disabled"}},
            {"reasoning_effort": "low"},
            "",
        ),
        (
            "gpt-5.1",
            ("reasoning_effort+tools",),
            {"output_config": {"effort": "low"}, "tools": [TOOL]},
            {},
            "reasoning_effort",
        ),
        ("gpt-4o", ("safety_identifier",), {"metadata": {"user_id": "ada"}}, {}, "safety_identifier"),
        ("gpt-4o", ("tool_choice",), {"tools": [TOOL], "tool_choice": {"type": "any"}}, {}, "tool_choice"),
        ("gpt-4o", ("tool_choice",), {"tools": [TOOL], "tool_choice": {"type": "none"}}, {"tool_choice": "none"}, ""),
        ("gpt-4o", ("service_tier",), {"service_tier": "standard_only"}, {}, "service_tier"),
        ("gpt-4o", (), {"service_tier": "standard_only"}, {"service_tier": "default"}, ""),
        ("gpt-4o", (), {"service_tier": "novel"}, {}, ""),
        (
            "gpt-4o",
            ("parallel_tool_calls",),
            {"tools": [TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            {"tool_choice": "auto"},
            "parallel_tool_calls",
        ),
    ],
)
def test_what_was_refused_is_left_out(
    model: str, refused: tuple[str, ...], fields: dict[str, Any], there: dict[str, Any], gone: str
) -> None:
    body = sent(model, *refused, **fields).body
    assert body | there == body
    assert gone not in body


def test_a_session_that_is_refused_is_left_out() -> None:
    user = json.dumps({"device_id": "d", "session_id": "s" * 70})
    assert sent("gpt-4o", metadata={"user_id": user}).body["safety_identifier"] == "d"
    assert len(sent("gpt-4o", metadata={"user_id": user}).body["prompt_cache_key"]) == 64
    assert "prompt_cache_key" not in sent("gpt-4o", "prompt_cache_key", metadata={"user_id": user}).body


def test_developers_become_system_again() -> None:
    assert [message["role"] for message in sent("gpt-5.5", system="x").body["messages"]] == ["developer", "user"]
    assert [m["role"] for m in sent("gpt-5.5", "developer", system="x").body["messages"]] == ["system", "user"]


def test_instructions_move_to_the_front_where_they_may_stand_nowhere_else() -> None:
    later = [*HI, {"role": "system", "content": "x"}]
    assert [m["role"] for m in sent("gpt-4o", messages=later).body["messages"]] == ["user", "system"]
    assert [m["role"] for m in sent("gpt-4o", "system_anywhere", messages=later).body["messages"]] == ["user"]


def test_instructions_between_assistant_and_user_go_to_the_user() -> None:
    turns = (
        Message(role="user", blocks=(Text(text="a"),)),
        Message(role="assistant", blocks=(Text(text="b"),)),
        Message(role="system", blocks=(Text(text="c"),)),
        Message(role="user", blocks=(Text(text="d"),)),
    )
    body = write(Request(model="m", messages=turns), COMPATIBLE, "m").body
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][2]["content"] == "<system-reminder>\nc\n</system-reminder>\n\nd"


@pytest.mark.parametrize(
    ("refused", "form"),
    [
        ((), {"type": "json_schema", "json_schema": {"name": "output", "schema": SCHEMA, "strict": True}}),
        (("strict",), {"type": "json_schema", "json_schema": {"name": "output", "schema": SCHEMA, "strict": False}}),
        (("response_format.json_schema",), {"type": "json_object"}),
        (("response_format.json_schema", "response_format.json_object"), None),
        (("response_format",), None),
    ],
)
def test_structured_answers(refused: tuple[str, ...], form: Any) -> None:
    written = sent("gpt-4o", *refused, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    assert written.body.get("response_format") == form
    told = form is None or form["type"] == "json_object"
    assert written.fenced == told
    assert (written.body["messages"][0]["role"] == "system") == told
    assert lost(written) == ({"output_config.format": "dropped"} if told else {})


@pytest.mark.parametrize(("model", "refused"), [("gpt-4o", ("vision",)), ("deepseek-chat", ())])
def test_an_image_nobody_sees_leaves_a_word(model: str, refused: tuple[str, ...]) -> None:
    written = sent(model, *refused, messages=[{"role": "user", "content": [PNG]}])
    assert written.body["messages"][0]["content"] == "[An image was here; this model sees none.]"
    assert lost(written) == {"messages[0].content[0]": "dropped"}


def test_a_refused_document_leaves_a_word() -> None:
    written = sent("gpt-4o", "file", messages=[{"role": "user", "content": [PDF]}])
    assert written.body["messages"][0]["content"] == "[The document document.pdf was here; this model reads none.]"


def test_strict_tools() -> None:
    strict = [{**TOOL, "strict": True}]
    assert sent("gpt-4o", tools=strict).body["tools"][0]["function"]["strict"] is True
    for written in (sent("gpt-4o", "strict", tools=strict), sent("llama-3", tools=strict)):
        assert "strict" not in written.body["tools"][0]["function"]
        assert lost(written) == {"tools[0].strict": "dropped"}
    loose = sent("gpt-4o", tools=[{**TOOL, "strict": True, "input_schema": {"type": "object"}}])
    assert lost(loose) == {"tools[0].strict": "dropped"}


@pytest.mark.parametrize(
    ("schema", "parameters"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        (SCHEMA, SCHEMA),
    ],
)
def test_the_schema_of_a_tool_is_an_objects(schema: Any, parameters: Any) -> None:
    (tool,) = sent("gpt-4o", tools=[{"name": "f", "input_schema": schema}]).body["tools"]
    assert tool["function"] == {"name": "f", "parameters": parameters}


def test_only_the_allowed_tools_are_sent() -> None:
    tools = (Tool(name="f", at="tools[0]"), Tool(name="g", at="tools[1]"))
    request = replace(asked(), tools=tools, choice=Choice(mode="required", allowed=("g",)))
    written = write(request, COMPATIBLE, "m")
    assert [tool["function"]["name"] for tool in written.body["tools"]] == ["g"]
    assert written.body["tool_choice"] == "required"
    assert lost(written) == {"tool_choice": "approximated"}


def test_no_tokens_are_answered_here() -> None:
    written = sent("gpt-4o", max_tokens=0)
    assert written.answered is not None
    assert (written.answered.blocks, written.answered.usage) == ((), Usage())
    assert sent("gpt-4o", max_tokens=1).answered is None


def test_stop_sequences_that_are_not_sent_cut_the_answer() -> None:
    assert sent("gpt-5.5", stop_sequences=["a", "b"]).stop == ("a", "b")
    assert sent("gpt-4o", stop_sequences=list("abcde")).stop == ("e",)
    assert sent("gpt-4o", "stop", stop_sequences=["a"]).stop == ("a",)
    assert sent("gpt-4o", stop_sequences=["a"]).stop == ()


READS = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
READ = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}
TURNS = [
    *HI,
    {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}, READS]},
    {"role": "user", "content": [READ]},
    {"role": "assistant", "content": "Done"},
    *HI,
    {"role": "assistant", "content": [{"type": "thinking", "thinking": "So.", "signature": seal("up/m")}, READS]},
    {"role": "user", "content": [READ]},
    *HI,
]


@pytest.mark.parametrize(
    ("model", "refused", "reasoning"),
    [
        ("kimi-k2.6", (), [None, None, "So."]),
        ("house-model", (), [None, None, None]),
        ("kimi-k2.6", ("without_reasoning",), [" ", " ", "So."]),
        ("deepseek-v4-pro", ("without_reasoning",), [" ", " ", "So."]),
        ("house-model", ("without_reasoning",), [" ", " ", "So."]),
        ("house-model", ("without_reasoning", "reasoning_content"), [None, None, None]),
        ("mistral-large", ("without_reasoning",), [" ", " ", "So.", " "]),  # which is told one turn more
    ],
)
def test_a_model_that_insists_on_reasoning_is_given_a_blank_where_there_is_none(
    model: str, refused: tuple[str, ...], reasoning: list[str | None]
) -> None:
    messages = sent(model, *refused, messages=TURNS).body["messages"]
    assert [one.get("reasoning_content") for one in messages if one["role"] == "assistant"] == reasoning
    assert not any("reasoning_content" in one for one in messages if one["role"] != "assistant")


def test_two_tools_of_one_name_are_sent_as_one() -> None:
    written = sent("gpt-4o", tools=[TOOL, TOOL, {**TOOL, "description": "Another"}])
    assert [tool["function"] for tool in written.body["tools"]] == [{"name": "f", "parameters": SCHEMA}]
    assert lost(written) == {"tools[1]": "approximated", "tools[2]": "dropped"}


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_choice_that_allows_no_tool_there_is(mode: Literal["auto", "required"]) -> None:
    request = replace(asked(tools=[TOOL]), choice=Choice(mode=mode, allowed=("g",)))
    written = write(request, COMPATIBLE, "m")
    assert not {"tools", "tool_choice"} & set(written.body)
    assert [(loss.path, loss.grade) for loss in written.losses] == [("tool_choice", "dropped")]


def test_changed_names_come_back() -> None:
    name = "mcp__" + "x" * 70
    written = sent("gpt-4o", tools=[{**TOOL, "name": name}])
    assert written.names == {written.body["tools"][0]["function"]["name"]: name}


def test_a_default_that_a_model_does_not_take_is_no_loss() -> None:
    assert sent("gpt-5.5", temperature=1, top_p=1.0, service_tier="auto").losses == ()
    assert "temperature" not in sent("gpt-5.5", temperature=1).body


@pytest.mark.parametrize("count", [4, 6])
def test_breakpoints_are_four_at_most(count: int) -> None:
    text = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    body = sent("gpt-6-sol", messages=[{"role": "user", "content": [text] * count}]).body
    marked = ["prompt_cache_breakpoint" in part for part in body["messages"][0]["content"]]
    assert marked == [False] * (count - 4) + [True] * 4


def test_a_breakpoint_that_was_refused_is_left_out() -> None:
    text = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    body = sent("gpt-6-sol", "prompt_cache_breakpoint", messages=[{"role": "user", "content": [text]}]).body
    assert body["messages"] == [{"role": "user", "content": "x"}]


def test_ids_of_calls_stay_the_same_in_every_request() -> None:
    call = {"type": "tool_use", "id": "toolu_01A", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_01A"}
    turns = [*HI, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    bodies = [sent("mistral-large", messages=turns).body, sent("gpt-4o", "call_ids", messages=turns).body]
    for body in bodies:
        (called,) = body["messages"][1]["tool_calls"]
        assert called["id"] == body["messages"][2]["tool_call_id"]
        assert len(called["id"]) == 9
        assert called["id"].isalnum()
    assert bodies[0]["messages"] == bodies[1]["messages"]


@pytest.mark.parametrize(
    "extra", [{"mcp_servers": []}, {"container": {"id": "c"}}, {"container": {"skills": []}}], ids=str
)
def test_what_asks_nothing_of_the_vendor_is_not_refused(extra: dict[str, Any]) -> None:
    assert sent("gpt-4o", **extra).body["messages"] == HI


CACHE = st.none() | st.just({"type": "ephemeral"}) | st.just({"type": "ephemeral", "ttl": "1h"})
TEXT = st.builds(lambda text, cache: {"type": "text", "text": text, "cache_control": cache}, st.text(max_size=3), CACHE)
PART = TEXT | st.sampled_from([PNG, PDF, {"type": "search_result", "title": "x", "content": []}])
ID = st.sampled_from(["a", "b", "toolu_" + "x" * 60, "nicht:erlaubt"])
CALL = st.builds(
    lambda one, name: {"type": "tool_use", "id": one, "name": name, "input": {}}, ID, st.text("f.", min_size=1)
)
RESULT = st.builds(
    lambda one, parts, error: {"type": "tool_result", "tool_use_id": one, "content": parts, "is_error": error},
    ID,
    st.lists(PART, max_size=2),
    st.booleans(),
)
THOUGHT = st.sampled_from(
    [{"type": "thinking", "thinking": "x", "signature": "y"}, {"type": "redacted_thinking", "data": "x"}]
)
TURN = st.one_of(
    st.builds(lambda parts: {"role": "user", "content": parts}, st.lists(PART | RESULT, max_size=3)),
    st.builds(lambda parts: {"role": "assistant", "content": parts}, st.lists(TEXT | CALL | THOUGHT, max_size=3)),
    st.builds(lambda parts: {"role": "system", "content": parts}, st.lists(TEXT, max_size=2)),
)

FAMILIES: list[Model] = [
    family(model, OPENAI)
    for model in ("gpt-6-sol", "gpt-5.5", "gpt-5", "o3", "gpt-4o", "gpt-4", "deepseek-chat", "kimi-k2", "mistral-large")
] + [COMPATIBLE]


@pytest.mark.parametrize("known", FAMILIES, ids=lambda known: known.name)
@pytest.mark.parametrize(
    "recorded",
    [one for one in RECORDED if one.api == "messages" and "thread" not in one.json],
    ids=lambda one: one.name,
)
def test_what_real_clients_send_is_written(recorded: Recorded, known: Model) -> None:
    written = write(read(CODECS["messages"], recorded.body), known, "upstream-model")
    assert flaws(written.body) == []
    assert "x-anthropic-billing-header" not in json.dumps(written.body)


@given(st.lists(TURN, max_size=6), st.sampled_from(FAMILIES))
def test_whatever_is_said_is_written_as_the_api_wants_it(turns: list[Any], known: Model) -> None:
    request = asked(messages=turns)
    blocks = [block for message in request.messages for block in message.blocks]
    if all(isinstance(block, Thinking) or is_empty(block) for block in blocks):
        with pytest.raises(Problem, match="`messages` must hold something"):
            write(request, known, "m")
        return
    written = write(request, known, "m")
    assert flaws(written.body) == []
    roles = [message["role"] for message in written.body["messages"]]
    assert known.system_anywhere or "system" not in roles[1:]
    assert known.user_after_tool or ("tool", "user") not in pairwise(roles)


def flaws(body: dict[str, Any]) -> list[str]:
    """Return what the vendor's types or rules hold against a body."""
    found = oracles.request_flaws("chat", body)
    open_: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_:
                found.append(f"a result of no call: {message['tool_call_id']}")
            else:
                open_.remove(message["tool_call_id"])
            continue
        if open_:
            found.append(f"calls without a result: {open_}")
        open_ = [call["id"] for call in message.get("tool_calls", [])]
        if not message.get("content") and not open_:
            found.append(f"an empty message: {message}")
    return found


def test_a_problem_names_the_clients_own_path() -> None:
    with pytest.raises(Problem) as raised:
        sent("gpt-4o", mcp_servers=[{"type": "url", "name": "x", "url": "https://x.test"}])
    assert (raised.value.code, raised.value.param) == ("unsupported_parameter", "mcp_servers")


GRAMMAR = {"syntax": "lark", "definition": "start: /.+/"}
PATCH = Tool(name="patch", description="Patches.", kind="custom", grammar=GRAMMAR, at="tools[0]")
PATCHED = (
    Message(role="user", blocks=(Text(text="Hi"),)),
    Message(role="assistant", blocks=(Call(id="call_1", name="patch", arguments='*** "x"', kind="custom"),)),
    Message(role="user", blocks=(Result(id="call_1", parts=(Text(text="Done"),)),)),
)


def spoken(model: str, *refused: str, **fields: Any) -> Written:
    """Return what is written of a conversation that was not read from any API."""
    request = Request(model="m", **{"messages": PATCHED[:1], **fields})
    return write(request, replace(family(model, OPENAI), refused=frozenset(refused)), model)


@pytest.mark.parametrize("model", ["gpt-5", "gpt-5.5", "gpt-6-sol", "novel"])
def test_free_text_goes_as_it_is_to_models_that_know_it(model: str) -> None:
    chosen = Choice(mode="tool", name="patch")
    written = spoken(model, messages=PATCHED, tools=(PATCH,), choice=chosen)
    form = {"type": "grammar", "grammar": GRAMMAR}
    assert written.body["tools"] == [
        {"type": "custom", "custom": {"name": "patch", "description": "Patches.", "format": form}}
    ]
    assert written.body["tool_choice"] == {"type": "custom", "custom": {"name": "patch"}}
    (call,) = written.body["messages"][1]["tool_calls"]
    assert call == {"id": "call_1", "type": "custom", "custom": {"name": "patch", "input": '*** "x"'}}
    assert (written.customs, written.losses) == (frozenset(), ())
    assert flaws(written.body) == []


@pytest.mark.parametrize(
    ("model", "refused"),
    [("gpt-4o", ()), ("o3", ()), ("llama-3", ()), ("mistral-large", ()), ("gpt-6-sol", ("custom",))],
)
def test_free_text_goes_as_a_function_to_all_others(model: str, refused: tuple[str, ...]) -> None:
    chosen = Choice(mode="tool", name="patch")
    written = spoken(model, *refused, messages=PATCHED, tools=(PATCH,), choice=chosen)
    (tool,) = written.body["tools"]
    assert tool["type"] == "function"
    assert tool["function"]["parameters"] == {
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
    }
    assert tool["function"]["description"].startswith("Patches.\n\nThe input must fit this lark grammar:\nstart")
    assert written.body["tool_choice"] == {"type": "function", "function": {"name": "patch"}}
    (call,) = written.body["messages"][1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"input": '*** "x"'}
    assert written.customs == {"patch"}
    assert lost(written) == {"tools[0]": "approximated", "tools[0].format": "dropped"}
    assert flaws(written.body) == []


EXTRA = {
    "text.verbosity": "low",
    "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
    "prompt_cache_retention": "24h",
    "moderation": {"model": "omni-moderation-latest"},
    "user": "ada",
}


def test_what_the_responses_api_has_in_common_is_carried() -> None:
    written = spoken("gpt-6-sol", extra=EXTRA)
    assert written.losses == ()
    assert flaws(written.body) == []
    kept = {name: value for name, value in EXTRA.items() if name != "text.verbosity"}
    assert written.body | kept | {"verbosity": "low"} == written.body


@pytest.mark.parametrize(
    ("model", "refused", "dropped"),
    [
        ("gpt-5.5", (), {"prompt_cache_options"}),
        ("gpt-4o", (), {"prompt_cache_options", "text.verbosity"}),
        ("llama-3", (), set(EXTRA)),
        ("gpt-6-sol", ("verbosity", "user"), {"text.verbosity", "user"}),
    ],
)
def test_what_a_model_does_not_take_of_it_is_dropped(model: str, refused: tuple[str, ...], dropped: set[str]) -> None:
    written = spoken(model, *refused, extra=EXTRA)
    assert lost(written) == dict.fromkeys(dropped, "dropped")
    assert len(written.body) == 2 + len(EXTRA) - len(dropped)


def test_what_the_cache_options_of_this_api_lack_is_dropped() -> None:
    written = spoken("gpt-6-sol", extra={"prompt_cache_options": {"mode": "implicit", "ttl": "12h", "prewarm": True}})
    assert written.body["prompt_cache_options"] == {"mode": "implicit"}
    assert lost(written) == dict.fromkeys(("prompt_cache_options.ttl", "prompt_cache_options.prewarm"), "dropped")


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"truncation": "auto"}, "no counterpart in chat completions"),
        ({"top_logprobs": 3}, "no answer of another API tells probabilities of tokens"),
    ],
)
def test_any_other_parameter_is_dropped(extra: dict[str, Any], reason: str) -> None:
    (name,) = extra
    assert spoken("gpt-6-sol", extra=extra).losses == (Loss(name, "dropped", reason),)


SEARCH = Opaque(vendor="openai", kind="web_search_call", raw={"type": "web_search_call", "id": "ws_1", "query": "x"})


def test_an_item_that_only_the_responses_api_knows_becomes_text() -> None:
    said = Message(role="assistant", blocks=(replace(SEARCH, at="input[1]"), Text(text="Found")))
    written = spoken("gpt-6-sol", messages=(*PATCHED[:1], said, *PATCHED[:1]))
    assert written.body["messages"][1]["content"] == '[web_search_call] {"query":"x"}\n\nFound'
    assert lost(written) == {"input[1]": "dropped"}


@pytest.mark.parametrize(
    ("raw", "model", "content"),
    [
        ({"type": "input_file", "file_id": "file-1"}, "gpt-4o", [{"type": "file", "file": {"file_id": "file-1"}}]),
        ({"type": "input_file", "file_id": "file-1"}, "llama-3", '[file] {"file_id":"file-1"}'),
        ({"type": "input_image", "file_id": "file-1"}, "gpt-4o", '[file] {"file_id":"file-1"}'),
    ],
)
def test_a_file_kept_at_openai_goes_to_its_models_only(raw: dict[str, Any], model: str, content: Any) -> None:
    kept = Opaque(vendor="openai", kind="file", raw=raw, at="input[0].content[0].file_id")
    written = spoken(model, messages=(Message(role="user", blocks=(kept,)),))
    assert written.body["messages"][0]["content"] == content
    assert lost(written) == ({kept.at: "dropped"} if isinstance(content, str) else {})


def test_a_file_kept_at_openai_stands_behind_the_results() -> None:
    kept = Opaque(vendor="openai", kind="file", raw={"type": "input_file", "file_id": "file-1"}, at="x")
    turns = (*PATCHED[:2], Message(role="user", blocks=(Result(id="call_1", parts=(kept,)),)))
    messages = spoken("gpt-6-sol", messages=turns, tools=(PATCH,)).body["messages"]
    assert messages[3]["content"][1] == {"type": "file", "file": {"file_id": "file-1"}}
    assert messages[2]["content"] == "[The result is in the next message.]"


def test_instructions_hold_nothing_but_text() -> None:
    blocks = (Text(text="x"), Image(url="https://x.test/1.png", at="input[0].content[1]"))
    written = spoken("gpt-4o", messages=(Message(role="system", blocks=blocks), *PATCHED[:1]))
    assert written.body["messages"][0] == {"role": "system", "content": "x"}
    assert lost(written) == {"input[0].content[1]": "dropped"}


def test_a_refusal_goes_as_text() -> None:
    said = Message(role="assistant", blocks=(Refusal(text="No.", at="input[1].content[0]"),))
    written = spoken("gpt-4o", messages=(*PATCHED[:1], said, *PATCHED[:1]))
    assert written.body["messages"][1] == {"role": "assistant", "content": "No."}
    assert lost(written) == {"input[1].content[0]": "approximated"}


NAMES = {"user": "safety_identifier", "session": "prompt_cache_key", "tier": "service_tier", "messages": "input"}


def test_what_both_apis_call_alike_is_no_loss() -> None:
    wish = Reasoning(effort="low", at="reasoning")
    said = {"user": "ada", "session": "s", "tier": "flex", "reasoning": wish, "named": NAMES}
    written = spoken("gpt-5", **said)
    assert written.losses == ()
    assert written.body | {"reasoning_effort": "low", "service_tier": "flex", "prompt_cache_key": "s"} == written.body
    assert lost(spoken("llama-3", **said)) == dict.fromkeys(
        ("safety_identifier", "prompt_cache_key", "service_tier", "reasoning"), "approximated"
    )
    shown = replace(wish, shown="summarized")
    assert [loss.reason for loss in spoken("gpt-5", reasoning=shown).losses] == [
        "thoughts are shown as the model shows them"
    ]


def test_where_nothing_is_said_the_client_is_told_in_its_own_words() -> None:
    with pytest.raises(Problem, match="`input` must hold something") as raised:
        spoken("gpt-4o", messages=(), named=NAMES)
    assert raised.value.param == "input"


def test_a_schema_that_cannot_be_strict_as_asked_is_told() -> None:
    wish = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}}
    body = json.dumps({"model": "m", "messages": HI, "response_format": wish}).encode()
    written = write(read(CODECS["chat"], body), family("gpt-4o", OPENAI), "gpt-4o")
    assert written.body["response_format"]["json_schema"]["strict"] is False
    assert lost(written) == {"response_format": "dropped"}


def test_the_room_that_the_input_leaves_is_a_loss_of_the_clients_limit() -> None:
    [loss] = sent("llama-3", "room=64").losses
    assert (loss.path, loss.grade, loss.reason) == ("max_tokens", "dropped", "the input leaves room for 64 tokens")
    assert sent("llama-3", "room=100").losses == ()
