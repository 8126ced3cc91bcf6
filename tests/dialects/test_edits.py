"""`set`, `unset` and `strip` on a request: what is asked changes, and nothing else does."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from engine.chat import Api, Headers, Problem
from engine.dialects.body import FIELDS
from engine.dialects.edits import apply, edited, stripped

BODY = """{"model": "m", "temperature": 0.70, "thinking": {"type": "enabled", "budget_tokens": 9e3},
 "stop": ["a"], "metadata": {"deep": {"a": 1.0, "b": [1, 2]}}, "messages": [{"role": "user", "content": "\\u00e9"}]}"""


class Edits(msgspec.Struct, frozen=True, kw_only=True):
    set: dict[str, Any] = {}
    unset: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()


PATHS: dict[str, tuple[dict[str, Any], tuple[str, ...], dict[str, Any]]] = {
    "a value is replaced": ({"temperature": 0}, (), {"temperature": 0}),
    "a value is added": ({"user": "x"}, (), {"user": "x"}),
    "null is a value": ({"stop": None}, (), {"stop": None}),
    "a value inside an object": (
        {"thinking.type": "adaptive"}, (), {"thinking": {"type": "adaptive", "budget_tokens": 9e3}},
    ),
    "a value deep inside": ({"metadata.deep.b": {"c": []}}, (), {"metadata": {"deep": {"a": 1.0, "b": {"c": []}}}}),
    "objects on the way are made": ({"reasoning.effort.x": "low"}, (), {"reasoning": {"effort": {"x": "low"}}}),
    "what is no object gives way": ({"stop.x": 1}, (), {"stop": {"x": 1}}),
    "the order of the file": (
        {"thinking": {"type": "enabled"}, "thinking.x": 1}, (), {"thinking": {"type": "enabled", "x": 1}},
    ),
    "a value is taken out": ({}, ("temperature",), {"temperature": ...}),
    "a value inside is taken out": ({}, ("metadata.deep.a",), {"metadata": {"deep": {"b": [1, 2]}}}),
    "an object stays, empty": ({}, ("metadata.deep",), {"metadata": {}}),
    "nothing there": ({}, ("top_p", "thinking.x", "stop.x", "temperature.x", "no.way"), {}),
    "out, then in": ({"thinking.type": "disabled"}, ("thinking",), {"thinking": {"type": "disabled"}}),
}  # fmt: skip


@pytest.mark.parametrize("case", PATHS)
def test_a_body_that_passes_and_a_translated_one_alike(case: str) -> None:
    values, unset, told = PATHS[case]
    plain = msgspec.json.decode(BODY)
    wanted = {name: value for name, value in {**plain, **told}.items() if value is not ...}
    assert edited(plain, values, unset) == wanted
    assert plain == msgspec.json.decode(BODY), "what was given is left as it was"
    assert msgspec.json.decode(msgspec.json.encode(edited(FIELDS.decode(BODY), values, unset))) == wanted


def test_what_is_not_touched_stays_byte_for_byte_on_every_level() -> None:
    fields = FIELDS.decode(BODY)
    found = edited(fields, {"metadata.deep.c": 1}, ("thinking.type", "metadata.none"))
    assert {name for name, value in found.items() if value is not fields[name]} == {"thinking", "metadata"}
    sent = msgspec.json.encode(found).decode()
    assert '"budget_tokens":9e3' in sent
    assert '"deep":{"a":1.0,"b":[1, 2],"c":1}' in sent
    assert '"temperature":0.70' in sent
    assert '{"role": "user", "content": "\\u00e9"}' in sent


def test_a_value_too_deep_to_be_opened_is_the_clients_mistake() -> None:
    fields = {"metadata": Raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)}
    with pytest.raises(Problem, match="nested too deeply") as refusal:
        edited(fields, {"metadata.x": 1}, ())
    assert refusal.value.status == 400


NAMES = st.sampled_from("abc")
VALUES = st.recursive(st.integers(), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)
STEPS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)


@given(st.dictionaries(NAMES, VALUES), st.lists(STEPS, max_size=2), st.dictionaries(STEPS, VALUES, max_size=2))
def test_raw_and_plain_come_to_the_same_and_the_second_time_changes_nothing(
    body: dict[str, Any], unset: list[str], values: dict[str, Any]
) -> None:
    once = edited(body, values, unset)
    raw = edited(FIELDS.decode(msgspec.json.encode(body)), values, unset)
    assert msgspec.json.decode(msgspec.json.encode(raw)) == once
    assert edited(once, values, unset) == once


# headers ------------------------------------------------------------------------------------------------------------

SENT: Headers = [
    (b"user-agent", b"cli"),
    (b"anthropic-beta", b"context-1m-2025-08-07, claude-code-20250219,fine-grained-tool-streaming-2025-05-14"),
    (b"x-app", b"context-1m-2025-08-07"),
]

STRIPPED = {
    "nothing": ((), SENT),
    "nothing that is there": (("x-other",), SENT),
    "a header, whatever the case": (("X-App",), SENT[:2]),
    "headers": (("user-agent", "x-*"), SENT[1:2]),
    "the first flag": (
        ("context-1m-2025-08-07",),
        [SENT[0], (b"anthropic-beta", b"claude-code-20250219,fine-grained-tool-streaming-2025-05-14"), SENT[2]],
    ),
    "a flag of whatever date": (
        ("fine-grained-tool-streaming-*", "claude-code-*"),
        [SENT[0], (b"anthropic-beta", b"context-1m-2025-08-07"), SENT[2]],
    ),
    "a part of a flag is no flag": (("context-1m", "code"), SENT),
    "every flag": (("context-1m-*", "claude-code-*", "fine-*"), [SENT[0], SENT[2]]),
    "the flags altogether": (("anthropic-beta",), [SENT[0], SENT[2]]),
    "everything": (("*",), []),
}


@pytest.mark.parametrize("case", STRIPPED)
def test_strip(case: str) -> None:
    names, left = STRIPPED[case]
    assert stripped(SENT, names) == left


@pytest.mark.parametrize("pattern", ["*", "content-*", "*-type", "c*", "anthropic-*"])
def test_patterns_do_not_mean_what_an_upstream_needs(pattern: str) -> None:
    needed: Headers = [(b"content-type", b"application/json"), (b"anthropic-version", b"2023-06-01")]
    assert stripped([*needed, (b"anthropic-beta", b"a")], (pattern, "anthropic-beta")) == needed
    assert stripped(needed, (pattern, "anthropic-version")) == needed[:1]


def test_every_line_of_betas_is_looked_at() -> None:
    two = [(b"anthropic-beta", b"a"), (b"anthropic-beta", b"b,a")]
    assert stripped(two, ("a",)) == [(b"anthropic-beta", b"b")]


# both ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("messages", {"max_tokens": 9, "thinking": {"type": "disabled"}}),
        ("chat", {"max_tokens": 9, "thinking": {"type": "disabled"}}),
        ("count_tokens", {"thinking": {"type": "disabled"}}),
        ("responses", {"max_output_tokens": 9}),
        ("input_tokens", {}),
    ],
)
def test_counting_is_forced_to_what_it_takes(api: Api, body: dict[str, Any]) -> None:
    edits = Edits(set={"max_tokens": 9, "thinking.type": "disabled"}, unset=("top_k",), strip=("x-app",))
    assert apply(api, {"top_k": Raw(b"1")}, SENT, edits) == (body, SENT[:2])


@pytest.mark.parametrize(
    ("api", "forced"),
    [
        ("chat", {"max_tokens", "temperature", "tools", "reasoning.effort", "truncate"}),
        ("messages", {"max_tokens", "temperature", "tools", "reasoning.effort", "truncate"}),
        ("completions", {"max_tokens", "temperature", "truncate"}),
        ("embeddings", {"truncate"}),
        ("responses", {"max_output_tokens", "temperature", "tools", "reasoning.effort", "truncate"}),
        ("count_tokens", {"tools"}),
        ("input_tokens", {"tools", "reasoning.effort"}),
    ],
)
def test_what_only_conversations_take_is_forced_on_nothing_else(api: Api, forced: set[str]) -> None:
    edits = Edits(set={"max_tokens": 9, "temperature": 0, "tools": [], "reasoning.effort": "low", "truncate": "END"})
    body, _ = apply(api, {"input": Raw(b'"x"')}, [], edits)
    assert set(body) - {"input"} == {path.partition(".")[0] for path in forced}


@pytest.mark.parametrize(
    ("api", "forced"),
    [
        ("responses", {"instructions", "max_tool_calls", "text", "truncation", "service_tier", "top_k"}),
        ("input_tokens", {"instructions", "text", "truncation"}),
        ("chat", {"service_tier", "response_format", "seed", "top_k"}),
        ("messages", {"instructions", "max_tool_calls", "text", "truncation", "service_tier", "response_format", "seed",
                      "top_k"}),
        ("completions", {"seed", "top_k"}),
        ("embeddings", {"truncation"}),
    ],
)  # fmt: skip
def test_what_only_the_responses_api_takes_is_forced_on_nothing_else_of_openai(api: Api, forced: set[str]) -> None:
    names = ["instructions", "max_tool_calls", "text", "truncation", "service_tier", "response_format", "seed", "top_k"]
    body, _ = apply(api, {}, [], Edits(set=dict.fromkeys(names, "x")))
    assert set(body) == forced


@pytest.mark.parametrize(
    ("api", "values", "body"),
    [
        ("responses", {"max_tokens": 12}, {"max_output_tokens": 12}),
        ("responses", {"max_completion_tokens": 12}, {"max_output_tokens": 12}),
        ("responses", {"max_output_tokens": 7, "max_tokens": 12}, {"max_output_tokens": 7}),
        ("responses", {"reasoning_effort": "low"}, {"reasoning": {"effort": "low", "summary": "auto"}}),
        ("responses", {"reasoning_effort": "low", "reasoning.effort": "high"},
         {"reasoning": {"effort": "high", "summary": "auto"}}),
        ("responses", {"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        ("input_tokens", {"max_tokens": 12, "verbosity": "low"}, {"text": {"verbosity": "low"}}),
        ("chat", {"max_output_tokens": 12}, {"max_completion_tokens": 12}),
        ("chat", {"max_output_tokens": 12, "max_tokens": 7}, {"max_tokens": 7}),
        ("chat", {"text.verbosity": "low"}, {"verbosity": "low"}),
        ("messages", {"max_output_tokens": 12}, {"max_output_tokens": 12}),
    ],
)  # fmt: skip
def test_the_same_is_forced_in_both_of_openais_apis(api: Api, values: dict[str, Any], body: dict[str, Any]) -> None:
    fields = {"reasoning": Raw(b'{"effort": "medium", "summary": "auto"}')} if "reasoning" in body else {}
    sent, _ = apply(api, fields, [], Edits(set=values))
    assert msgspec.json.decode(msgspec.json.encode(sent)) == body


@pytest.mark.parametrize(
    ("api", "values", "body"),
    [
        ("chat", {"max_tokens": 12}, {"max_tokens": 12}),
        ("chat", {"max_completion_tokens": 12}, {"max_completion_tokens": 12}),
        ("chat", {"max_tokens": 1, "max_completion_tokens": 2}, {"max_tokens": 1, "max_completion_tokens": 2}),
        ("messages", {"max_tokens": 12}, {"max_tokens": 12, "max_completion_tokens": 7}),
        ("chat", {"temperature": 0}, {"temperature": 0, "max_tokens": 5, "max_completion_tokens": 7}),
    ],
)
def test_one_limit_is_forced_and_the_other_name_of_it_gives_way(
    api: Api, values: dict[str, Any], body: dict[str, Any]
) -> None:
    fields = {"max_tokens": 5, "max_completion_tokens": 7}
    assert apply(api, fields, [], Edits(set=values)) == (body, [])
    raw, _ = apply(api, FIELDS.decode(msgspec.json.encode(fields)), [], Edits(set=values))
    assert msgspec.json.decode(msgspec.json.encode(raw)) == body


def test_nothing_to_change() -> None:
    fields = FIELDS.decode(BODY)
    assert apply("chat", fields, SENT, Edits()) == (fields, SENT)
