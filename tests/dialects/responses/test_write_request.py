"""What a request to the Responses API asks beside its conversation."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.chat import Choice, Loss, Problem, Reasoning, Request, Tool, Usage
from engine.dialects import CODECS
from engine.dialects.codec import Losses, Written
from engine.dialects.openai.families import COMPATIBLE, Model
from engine.dialects.responses.write_request import write
from engine.dialects.translate import read as read_request
from engine.dialects.turns import settled
from tests.dialects.recorded import RECORDED, Recorded
from tests.dialects.responses.writing import asked, flaws, known, lost, spoken
from tests.support import conversations as some

KEPT_NOWHERE = {"store": False}
THINKS = {"include": ["reasoning.encrypted_content"]}


def test_the_least_that_is_said() -> None:
    body = {"model": "llama-3", "input": [{"type": "message", "role": "user", "content": "Hi"}], **KEPT_NOWHERE}
    assert spoken("llama-3").body == body
    assert spoken("gpt-5.5").body == {**body, "model": "gpt-5.5", **THINKS}
    assert spoken("gpt-4o").body == {**body, "model": "gpt-4o"}
    assert spoken("gpt-5.5", stream=True).body == {**body, "model": "gpt-5.5", **THINKS, "stream": True}
    assert spoken("gpt-5.5", "store", "include").body == {"model": "gpt-5.5", "input": body["input"]}


LONG = "x" * 70


@pytest.mark.parametrize(
    ("fields", "sent", "losses"),
    [
        ({"max_completion_tokens": 100}, {"max_output_tokens": 100}, {}),
        ({"max_tokens": 3}, {"max_output_tokens": 16}, {"max_tokens": "approximated"}),
        ({"max_tokens": 200_000}, {"max_output_tokens": 128_000}, {"max_tokens": "dropped"}),
        ({"temperature": 1, "top_p": 1}, {}, {}),
        ({"temperature": 0.5, "top_p": 0.5}, {}, {"temperature": "dropped", "top_p": "dropped"}),
        (
            {"temperature": 0.5, "top_p": 0.5, "reasoning_effort": "none"},
            {"temperature": 0.5, "top_p": 0.5, "reasoning": {"effort": "none"}},
            {},
        ),
        ({"top_k": 5}, {}, {"top_k": "dropped"}),
        ({"safety_identifier": "ada"}, {"safety_identifier": "ada"}, {}),
        ({"user": "ada"}, {"safety_identifier": "ada"}, {"user": "approximated"}),
        ({"user": "ada", "safety_identifier": "ada-1"}, {"safety_identifier": "ada-1", "user": "ada"}, {}),
        ({"prompt_cache_key": "s"}, {"prompt_cache_key": "s"}, {}),
        ({"service_tier": "flex"}, {"service_tier": "flex"}, {}),
        ({"service_tier": "novel"}, {}, {"service_tier": "approximated"}),
        ({"verbosity": "low"}, {"text": {"verbosity": "low"}}, {}),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}, {}),
        ({"moderation": {"model": "omni"}}, {"moderation": {"model": "omni"}}, {}),
        ({"prompt_cache_retention": "24h"}, {"prompt_cache_retention": "24h"}, {}),
        ({"prompt_cache_options": {"mode": "explicit"}}, {}, {"prompt_cache_options": "dropped"}),
        ({"top_logprobs": 3, "logprobs": True}, {}, {"top_logprobs": "dropped", "logprobs": "dropped"}),
        ({"seed": 1, "store": True}, {}, {"seed": "dropped", "store": "dropped"}),
        ({"n": 1, "modalities": ["text"], "store": False}, {}, {}),
    ],
)
def test_what_a_chat_client_asks(fields: dict[str, Any], sent: dict[str, Any], losses: dict[str, str]) -> None:
    written = asked("chat", "gpt-5.5", **fields)
    assert {
        name: value for name, value in written.body.items() if name not in ("model", "input", "store", "include")
    } == sent
    assert lost(written) == losses
    assert flaws(written.body) == []


@pytest.mark.parametrize(
    ("fields", "sent", "losses"),
    [
        ({"service_tier": "auto"}, {"service_tier": "auto"}, {}),
        ({"service_tier": "standard_only"}, {"service_tier": "default"}, {"service_tier": "approximated"}),
        ({"metadata": {"user_id": "ada"}}, {"safety_identifier": "ada"}, {"metadata.user_id": "approximated"}),
        ({"cache_control": {"type": "ephemeral"}}, {}, {"cache_control": "approximated"}),
        ({"context_management": {"edits": [1]}}, {}, {"context_management": "dropped"}),
        ({"speed": "standard", "mcp_servers": []}, {}, {}),
    ],
)
def test_what_a_messages_client_asks(fields: dict[str, Any], sent: dict[str, Any], losses: dict[str, str]) -> None:
    written = asked("messages", "gpt-4o", **fields)
    assert written.body == {**written.body, "max_output_tokens": 100, **sent}
    assert len(written.body) == 4 + len(sent)
    assert lost(written) == losses
    assert flaws(written.body) == []


def test_what_is_kept_of_a_cache_goes_to_models_that_keep_it_so() -> None:
    options = {"mode": "explicit", "ttl": "30m"}
    assert asked("chat", "gpt-6-sol", prompt_cache_options=options).body["prompt_cache_options"] == options


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"n": 2}, "n"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"web_search_options": {"search_context_size": "low"}}, "web_search_options"),
    ],
)
def test_what_cannot_be_asked_is_refused(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(Problem) as raised:
        asked("chat", "gpt-5.5", **fields)
    assert (raised.value.status, raised.value.code, raised.value.param) == (400, "unsupported_parameter", path)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"mcp_servers": [{"type": "url", "name": "x", "url": "https://x.test"}]}, "mcp_servers"),
        ({"container": {"skills": [{"type": "anthropic", "skill_id": "pdf"}]}}, "container.skills"),
    ],
)
def test_what_only_anthropic_runs_is_refused(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(Problem) as raised:
        asked("messages", "gpt-5.5", **fields)
    assert raised.value.param == path


@pytest.mark.parametrize(
    ("model", "refused", "wish", "sent", "exact"),
    [
        ("gpt-5.5", (), {"effort": "low"}, {"effort": "low", "summary": "auto"}, True),
        ("gpt-5.5", (), {"effort": "max"}, {"effort": "xhigh", "summary": "auto"}, False),
        ("gpt-5.5", (), {"effort": "none"}, {"effort": "none"}, True),
        ("gpt-5", (), {"effort": "none"}, {"effort": "minimal"}, False),
        ("gpt-5.5", (), {"effort": "low", "shown": "omitted"}, {"effort": "low"}, True),
        ("gpt-5.5", (), {"shown": "summarized"}, {"summary": "auto"}, True),
        ("gpt-5.5", (), {"mode": "adaptive"}, {"summary": "auto"}, False),
        ("gpt-5.5", (), {"mode": "off"}, {"effort": "none"}, False),
        (
            "gpt-5.5",
            (),
            {"mode": "budget", "budget": 8000},
            {"effort": "medium", "summary": "auto"},
            False,
        ),
        ("gpt-5.5", ("reasoning.summary",), {"effort": "low"}, {"effort": "low"}, False),
        ("gpt-5.5", ("reasoning.effort",), {"effort": "low"}, {"summary": "auto"}, False),
        (
            "gpt-5.5",
            ("reasoning.effort=low",),
            {"effort": "low"},
            {"effort": "medium", "summary": "auto"},
            False,
        ),
        ("gpt-5.5", ("reasoning",), {"effort": "low"}, None, False),
        ("gpt-4o", (), {"effort": "low"}, None, False),
        ("gpt-4o", (), {"mode": "off"}, None, True),
        ("llama-3", (), {"mode": "adaptive"}, None, False),
    ],
)
def test_how_much_is_thought(
    model: str, refused: tuple[str, ...], wish: dict[str, Any], sent: Any, exact: bool
) -> None:
    written = spoken(model, *refused, reasoning=Reasoning(at="reasoning", **wish))
    assert written.body.get("reasoning") == sent
    assert lost(written) == ({} if exact else {"reasoning": "approximated"})


def test_an_effort_beside_tools_is_fine_here() -> None:
    tool = Tool(name="f", schema=SCHEMA)
    written = spoken("gpt-6-sol", reasoning=Reasoning(effort="high", at="reasoning_effort"), tools=(tool,))
    assert written.body["reasoning"]["effort"] == "high"
    assert written.losses == ()


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
LOOSE = {"type": "object", "properties": {}}
GRAMMAR = {"syntax": "lark", "definition": "start: /.+/"}


@pytest.mark.parametrize(
    ("tool", "written"),
    [
        (Tool(name="f"), {"type": "function", "name": "f", "parameters": LOOSE, "strict": False}),
        (
            Tool(name="f", description="d", schema=SCHEMA, strict=True),
            {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
        ),
        (Tool(name="f", schema=SCHEMA), {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}),
        (Tool(name="f", kind="custom"), {"type": "custom", "name": "f"}),
        (
            Tool(name="f", description="d", kind="custom", grammar=GRAMMAR),
            {"type": "custom", "name": "f", "description": "d", "format": {"type": "grammar", **GRAMMAR}},
        ),
    ],
)
def test_tools_are_flat_and_say_whether_they_are_strict(tool: Tool, written: dict[str, Any]) -> None:
    sent = spoken("gpt-5.5", tools=(tool,))
    assert sent.body["tools"] == [written]
    assert sent.losses == ()
    assert flaws(sent.body) == []


@pytest.mark.parametrize(("model", "refused"), [("gpt-5.5", ("strict",)), ("llama-3", ()), ("gpt-5.5", ())])
def test_a_tool_that_cannot_be_strict_is_sent_loosely(model: str, refused: tuple[str, ...]) -> None:
    schema = LOOSE if model == "gpt-5.5" and not refused else SCHEMA
    written = spoken(model, *refused, tools=(Tool(name="f", schema=schema, strict=True, at="tools[0]"),))
    assert written.body["tools"][0]["strict"] is False
    assert lost(written) == {"tools[0].strict": "dropped"}


@pytest.mark.parametrize(("model", "refused"), [("gpt-4o", ()), ("o3", ()), ("llama-3", ()), ("gpt-5.5", ("custom",))])
def test_free_text_goes_as_a_function_where_nothing_else_is_known(model: str, refused: tuple[str, ...]) -> None:
    tool = Tool(name="patch", kind="custom", grammar=GRAMMAR, at="tools[0]")
    written = spoken(model, *refused, tools=(tool,), choice=Choice(mode="tool", name="patch"))
    (sent,) = written.body["tools"]
    assert (sent["type"], sent["strict"], list(sent["parameters"]["properties"])) == ("function", False, ["input"])
    assert "start: /.+/" in sent["description"]
    assert written.body["tool_choice"] == {"type": "function", "name": "patch"}
    assert written.customs == {"patch"}
    assert lost(written) == {"tools[0]": "approximated", "tools[0].format": "dropped"}


FUNCTION = Tool(name="f", schema=SCHEMA, at="tools[0]")
CUSTOM = Tool(name="g", kind="custom", at="tools[1]")
HOSTED = Tool(name="search", hosted="web_search_20250305", at="tools[2]")


@pytest.mark.parametrize(
    ("choice", "names", "sent", "losses"),
    [
        (Choice(mode="auto"), ["f", "g"], "auto", {}),
        (Choice(mode="none"), ["f", "g"], "none", {}),
        (Choice(mode="required"), ["f", "g"], "required", {}),
        (Choice(mode="tool", name="f"), ["f", "g"], {"type": "function", "name": "f"}, {}),
        (Choice(mode="tool", name="g"), ["f", "g"], {"type": "custom", "name": "g"}, {}),
        (Choice(mode="tool", name="search"), ["f", "g"], None, {"tool_choice": "dropped"}),
        (Choice(mode="required", allowed=("g",)), ["g"], "required", {"tool_choice": "approximated"}),
    ],
)
def test_which_tool_is_called(choice: Choice, names: list[str], sent: Any, losses: dict[str, str]) -> None:
    written = spoken("gpt-5.5", tools=(FUNCTION, CUSTOM, HOSTED), choice=choice)
    assert [tool["name"] for tool in written.body["tools"]] == names
    assert written.body.get("tool_choice") == sent
    assert lost(written) == {"tools[2]": "dropped", **losses}
    assert flaws(written.body) == []


def test_a_tool_that_nobody_declared_cannot_be_insisted_on() -> None:
    with pytest.raises(Problem) as raised:
        spoken("gpt-5.5", tools=(FUNCTION, CUSTOM, HOSTED), choice=Choice(mode="tool", name="h"))
    assert (raised.value.status, raised.value.code, raised.value.param) == (400, "invalid_request", "tool_choice")


def test_how_a_sound_is_to_be_that_nobody_asked_for_is_nothing() -> None:
    written = asked("chat", "gpt-5.5", audio={"format": "wav", "voice": "alloy"}, modalities=["text"])
    assert (lost(written), {"audio", "modalities"} & written.body.keys()) == ({}, set())


def test_without_tools_nothing_is_said_of_them() -> None:
    written = spoken("gpt-5.5", tools=(HOSTED,), choice=Choice(mode="required"), parallel=False)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & written.body.keys()
    assert lost(written) == {"tools[2]": "dropped", "tool_choice": "dropped"}


@pytest.mark.parametrize(("model", "refused"), [("o3", ()), ("gpt-5.5", ("parallel_tool_calls",)), ("llama-3", ())])
def test_one_call_at_a_time(model: str, refused: tuple[str, ...]) -> None:
    names = {"parallel": "tool_choice.disable_parallel_tool_use"}
    assert spoken("gpt-5.5", tools=(FUNCTION,), parallel=False).body["parallel_tool_calls"] is False
    written = spoken(model, *refused, tools=(FUNCTION,), parallel=False, named=names)
    assert "parallel_tool_calls" not in written.body
    assert lost(written) == {"tool_choice.disable_parallel_tool_use": "dropped"}


def test_a_tool_that_is_loaded_later_is_sent_at_once() -> None:
    later = replace(FUNCTION, deferred=True)
    placeholder = Tool(name="DeferredToolPlaceholder", deferred=True, at="tools[1]")
    written = spoken("gpt-5.5", tools=(later, placeholder))
    assert [tool["name"] for tool in written.body["tools"]] == ["f"]
    assert lost(written) == {"tools[0].defer_loading": "approximated", "tools[1]": "approximated"}


def test_changed_names_come_back() -> None:
    written = spoken("gpt-5.5", tools=(replace(FUNCTION, name=f"mcp__{LONG}"),))
    assert written.names == {written.body["tools"][0]["name"]: f"mcp__{LONG}"}


FORM = {"type": "json_schema", "name": "output", "schema": SCHEMA, "strict": True}


@pytest.mark.parametrize(
    ("model", "refused", "form", "told"),
    [
        ("gpt-4o", (), FORM, False),
        ("gpt-4o", ("strict",), {**FORM, "strict": False}, False),
        ("gpt-4o", ("text.format.json_schema",), {"type": "json_object"}, True),
        ("gpt-4o", ("text.format.json_schema", "text.format.json_object"), None, True),
        ("gpt-4o", ("text.format",), None, True),
        ("gpt-4", (), None, True),
        ("llama-3", (), {**FORM, "strict": True}, True),
    ],
)
def test_structured_answers(model: str, refused: tuple[str, ...], form: Any, told: bool) -> None:
    written = asked("messages", model, *refused, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    assert written.body.get("text", {}).get("format") == form
    assert written.fenced == told
    assert (written.body["input"][0]["role"] in ("system", "developer")) == told
    loose = form is None or form["type"] == "json_object"
    assert lost(written) == ({"output_config.format": "dropped"} if loose else {})
    assert flaws(written.body) == []


def test_the_form_of_a_chat_client() -> None:
    inner = {"name": "n", "description": "d", "schema": LOOSE, "strict": True}
    wish = {"type": "json_schema", "json_schema": inner}
    written = asked("chat", "gpt-5.5", response_format=wish, verbosity="high")
    form = {"type": "json_schema", "name": "n", "description": "d", "schema": LOOSE, "strict": False}
    assert written.body["text"] == {"format": form, "verbosity": "high"}
    assert lost(written) == {"response_format": "dropped"}
    closed = {"type": "json_schema", "json_schema": {**inner, "schema": SCHEMA}}
    assert asked("chat", "gpt-5.5", response_format=closed).losses == ()
    plain = asked("chat", "gpt-5.5", response_format={"type": "json_object"})
    assert plain.body["text"] == {"format": {"type": "json_object"}}
    assert "JSON" in plain.body["input"][0]["content"]  # without the word the API refuses


def test_stop_sequences_cut_the_answer_here() -> None:
    written = asked("messages", "gpt-4o", stop_sequences=["a", "b"])
    assert written.stop == ("a", "b")
    assert "stop" not in written.body
    assert written.losses == (
        Loss("stop_sequences", "dropped", "the model takes none; the answer is cut here instead"),
    )


@pytest.mark.parametrize(
    ("refused", "limit", "reason"),
    [
        (("max_output=64",), 64, "the model writes at most 64 tokens"),
        (("max_output=64", "room=32"), 32, "the input leaves room for 32 tokens"),
        (("room=5000",), 100, None),
        (("max_output_tokens",), None, "the upstream takes no limit"),
    ],
)
def test_how_long_the_answer_may_be(refused: tuple[str, ...], limit: int | None, reason: str | None) -> None:
    written = asked("messages", "gpt-4o", *refused)
    assert written.body.get("max_output_tokens") == limit
    assert written.losses == (() if reason is None else (Loss("max_tokens", "dropped", reason),))


def test_no_tokens_are_answered_here() -> None:
    written = asked("messages", "gpt-5.5", max_tokens=0)
    assert written.answered is not None
    assert (written.answered.blocks, written.answered.usage) == ((), Usage())
    assert asked("messages", "gpt-5.5", max_tokens=1).answered is None


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("temperature", {"temperature": 0.5}),
        ("top_p", {"top_p": 0.5}),
        ("safety_identifier", {"safety_identifier": "ada"}),
        ("prompt_cache_key", {"prompt_cache_key": "s"}),
        ("prompt_cache_retention", {"prompt_cache_retention": "24h"}),
        ("service_tier", {"service_tier": "flex"}),
        ("metadata", {"metadata": {"a": "b"}}),
    ],
)
def test_what_was_refused_is_left_out(word: str, fields: dict[str, Any]) -> None:
    assert word in asked("chat", "gpt-4o", **fields).body
    written = asked("chat", "gpt-4o", word, **fields)
    assert word not in written.body
    assert [loss.path for loss in written.losses] == [word]


def test_a_verbosity_that_is_not_taken_is_dropped() -> None:
    for written in (
        asked("chat", "gpt-4o", verbosity="low"),
        asked("chat", "gpt-5", "text.verbosity", verbosity="low"),
    ):
        assert "text" not in written.body
        assert lost(written) == {"verbosity": "dropped"}


MODELS = ["gpt-6-sol", "gpt-5.5", "gpt-5", "o3", "gpt-4o", "gpt-4", "gpt-oss:20b", "mistral-large", "novel-llm"]
FAMILIES: list[Model] = [known(model) for model in MODELS] + [COMPATIBLE]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.name)
@pytest.mark.parametrize(
    "recorded",
    [one for one in RECORDED if one.api in ("messages", "chat") and not {"thread", "n"} & one.json.keys()],
    ids=lambda one: one.name,
)
def test_what_real_clients_send_is_written(recorded: Recorded, family: Model) -> None:
    written = write(read_request(CODECS[recorded.api], recorded.body), family, "upstream-model")
    assert flaws(written.body) == []


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_whatever_is_asked_is_accepted_or_refused_by_name(data: st.DataObject) -> None:
    drawn = data.draw(some.requests(some.ALL))
    request = replace(drawn, messages=settled(drawn.messages, Losses()))
    written = written_or_not(request, data.draw(st.sampled_from(FAMILIES)))
    if isinstance(written, Problem):
        assert (written.status, written.code) == (400, "unsupported_parameter")
    else:
        assert flaws(written.body) == []


def written_or_not(request: Request, family: Model) -> Written | Problem:
    try:
        return write(request, family, "m")
    except Problem as problem:
        return problem


Mode = Literal["auto", "required"]


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_choice_that_allows_no_tool_there_is(mode: Mode) -> None:
    written = spoken("gpt-5.5", tools=(FUNCTION,), choice=Choice(mode=mode, allowed=("h",)))
    assert not {"tools", "tool_choice"} & written.body.keys()
    assert lost(written) == {"tool_choice": "dropped"}
