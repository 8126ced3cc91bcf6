"""Where requests go, and why: rules N1-N8, R1-R6, K3, P3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Problem
from engine.facts import Depth, Facts
from engine.plan.nodes import Decision, Plan
from engine.plan.resolve import names
from engine.plan.route import asked_name, check_name, route
from tests.plan.plans import UPSTREAMS, plan

HASH = "sha256:" + "0" * 63

FILE = (
    UPSTREAMS
    + f"""
  ollama: {{kind: openai, base_url: "http://127.0.0.1:2"}}
  mixed: {{kind: echo}}
defaults: {{model: {{retries: 2, hold: 3s}}}}
models:
  smart: {{targets: [anthropic/claude-sonnet-5, openai/gpt-5.5], fallback: [fast, mixed/last], retries: 0, hold: 7s}}
  fast: {{targets: [openai/gpt-5.5-mini, openai/gpt-5.5]}}
  best: smart
  bold: {{targets: [smart], retries: 5, fallback: [ollama/llama3]}}
  gpt-4: openai/gpt-4.1
  gpt-*: {{targets: [openai/gpt-*], fallback: [ollama/*], list: [gpt-5.5, gpt-4]}}
  gpt-*-max: openai/gpt-*-large
  old-gpt-*: gpt-*
  opus: claude-opus
  claude-*: anthropic/claude-*
  ollama/*: ollama/*
  pinned: {{targets: [mixed/a], fallback_on: [timeout]}}
routes:
  - {{name: long, when: {{model: fast, input_tokens: {{min: 100000}}}}, to: smart}}
  - {{name: direct, when: {{header: {{x-lane: direct}}}}, to: mixed/lane/model}}
  - {{name: legacy, when: {{model: davinci}}, to: gpt-4}}
  - {{name: no-previews, when: {{model: "*-preview"}}, deny: {{status: 451, message: not approved yet}}}}
  - {{name: images, when: {{path: "/v1/images/**"}}, pass: openai}}
  - {{name: closed, when: {{path: "/v1/files/**"}}, deny: {{}}}}
keys:
  anonymous: {{}}
  ada: {{hashes: ["{HASH}1"], models: [fast, "gpt-*", davinci], routes: [images, legacy]}}
  none: {{hashes: ["{HASH}2"], models: [], routes: []}}
  team: {{hashes: ["{HASH}3"], bases: [team-a]}}
bases: {{team-a: {{prefix: /team-a}}}}
"""
)
PLAN = plan(FILE)


def decide(model: str | None, api: str | None = "chat", **facts: object) -> Decision:
    return route(PLAN, asking(api=api, model=model, **{"path": "/v1/chat/completions", **facts}), traced=True)


def asking(**fields: object) -> Facts:
    return Facts(**fields)  # type: ignore[arg-type]  # fields of Facts


def pools(decision: Decision) -> list[str]:
    """Return `entry: targets xRETRIES` of each pool, or the refusal."""
    if decision.refusal is not None:
        return [f"{decision.refusal.status} {decision.refusal.code}"]
    return [f"{one.entry}: {' '.join(map(str, one.targets))} x{one.retries}" for one in decision.pools]


@pytest.mark.parametrize(
    ("raw", "name", "suffix"),
    [
        ("smart", "smart", None),
        ("  smart\n", "smart", None),
        ("claude-opus-4-8[1m]", "claude-opus-4-8", "[1m]"),
        ("claude-opus-4-8 [1M] ", "claude-opus-4-8", "[1M]"),
        ("x[200k]", "x", "[200k]"),
        ("x[beta]", "x[beta]", None),
        ("[1m]", "[1m]", None),
        ("a[1m]b", "a[1m]b", None),
        ("", "", None),
    ],
)
def test_the_asked_name(raw: str, name: str, suffix: str | None) -> None:
    assert asked_name(raw) == (name, suffix)


SMART = [
    "smart: anthropic/claude-sonnet-5 openai/gpt-5.5 x0",
    "fast: openai/gpt-5.5-mini x2",
    "mixed/last: mixed/last x2",
]
"""Whoever asks: conversations are translated, and to count their tokens there is an estimate."""
MODELS = [
    ("fast", "chat", ["fast: openai/gpt-5.5-mini openai/gpt-5.5 x2"]),
    ("smart", "chat", SMART),
    ("smart", "messages", SMART),
    ("smart", "count_tokens", SMART),
    ("smart", "embeddings", ["smart: openai/gpt-5.5 x0"]),
    ("best", "chat", SMART),
    ("bold", "chat", ["smart: anthropic/claude-sonnet-5 openai/gpt-5.5 x5", "ollama/llama3: ollama/llama3 x2"]),
    ("bold", "completions", ["smart: anthropic/claude-sonnet-5 openai/gpt-5.5 x5", "ollama/llama3: ollama/llama3 x2"]),
    ("gpt-4", "chat", ["gpt-4: openai/gpt-4.1 x2"]),
    ("gpt-9", "chat", ["gpt-*: openai/gpt-9 x2", "ollama/9: ollama/9 x2"]),
    ("gpt-9-max", "chat", ["gpt-*-max: openai/gpt-9-large x2"]),
    ("old-gpt-4", "chat", ["gpt-*: openai/gpt-4 x2", "ollama/4: ollama/4 x2"]),
    ("opus", "messages", ["claude-*: anthropic/claude-opus x2"]),
    ("ollama/org/llama:8b", "chat", ["ollama/*: ollama/org/llama:8b x2"]),
    ("ollama/", "chat", ["ollama/*: ollama/ x2"]),
    ("openai/gpt-5.5", "chat", ["404 model_not_found"]),
    ("GPT-4", "chat", ["404 model_not_found"]),
    ("demo", "chat", ["404 model_not_found"]),
    ("", "chat", ["404 model_not_found"]),
    ("gpt-*", "chat", ["gpt-*: openai/gpt-* x2", "ollama/*: ollama/* x2"]),
    ("opus", "chat", ["claude-*: anthropic/claude-opus x2"]),
    ("opus", "embeddings", ["501 unsupported_api"]),
    ("opus", "completions", ["claude-*: anthropic/claude-opus x2"]),
    ("fast", "messages", ["fast: openai/gpt-5.5-mini openai/gpt-5.5 x2"]),
    ("fast", "count_tokens", ["fast: openai/gpt-5.5-mini openai/gpt-5.5 x2"]),
    ("x-preview", "chat", ["451 route_denied"]),
    ("davinci", "completions", ["gpt-4: openai/gpt-4.1 x2"]),
]


@pytest.mark.parametrize(("model", "api", "expected"), MODELS)
def test_models(model: str, api: str, expected: list[str]) -> None:
    assert pools(decide(model, api)) == expected


def test_an_entry_brings_its_settings() -> None:
    assert decide("smart").hold == 7
    assert decide("best").hold == 7
    assert decide("fast").hold == 3
    assert decide("pinned").pools[0].fallback_on == {"timeout"}
    assert "server_error" in decide("fast").pools[0].fallback_on
    assert "bad_request" not in decide("fast").pools[0].fallback_on


def trace(decision: Decision) -> list[str]:
    return [f"{s.section} {s.name} {s.verdict}: {s.why}" for s in decision.trace]


def test_the_first_route_that_matches_decides_and_says_why() -> None:
    decision = decide("fast", depth=Depth(input_tokens=150_000))
    assert decision.route == "long"
    assert pools(decision) == SMART
    assert trace(decision) == ["route long yes: to smart", "model smart yes: as the route says"]
    assert decide("davinci").route == "legacy"
    assert decide("fast").route is None


def test_what_is_not_translated_goes_to_targets_that_speak_it() -> None:
    assert trace(decide("smart", "embeddings"))[-4:-2] == [
        "model smart yes: as asked",
        "target anthropic/claude-sonnet-5 skipped: speaks messages, count_tokens; embeddings asked",
    ]
    assert refused(decide("opus", "embeddings")) == (
        "501 unsupported_api: no target of `opus` speaks the embeddings API, which is not translated: "
        "`anthropic/claude-opus` speaks messages, count_tokens; ask for a model of an upstream of kind openai, "
        "or name such a target for `opus` in the file"
    )


def test_embeddings_stay_with_the_first_model_that_is_on() -> None:
    assert trace(decide("smart", "embeddings"))[-2:] == [
        "target openai/gpt-5.5-mini skipped: another model than gpt-5.5",
        "target mixed/last skipped: another model than gpt-5.5",
    ]
    same = """version: 1
upstreams: {a: {kind: echo}, b: {kind: echo}, c: {kind: echo}}
models:
  both: {targets: [a/x, b/y, c/y], fallback: [c/x]}
  heavy: {targets: [a/x, {to: b/y, weight: 2}], balance: weighted}
keys: {anonymous: {}}
"""
    one = plan(same)
    assert pools(route(one, Facts(api="embeddings", model="both"))) == ["both: a/x x1", "c/x: c/x x1"]
    assert pools(route(one, Facts(api="embeddings", model="heavy"))) == ["heavy: b/y x1"]
    assert pools(route(plan(same, {"a": "off"}), Facts(api="embeddings", model="both"))) == ["both: b/y c/y x1"]


def test_every_line_of_the_trace_has_its_place() -> None:
    decision = decide("old-gpt-7")
    assert trace(decision) == [
        "route long no: model is old-gpt-7, not fast",
        "route direct no: there is no header x-lane",
        "route legacy no: model is old-gpt-7, not davinci",
        "route no-previews no: old-gpt-7 does not match *-preview",
        "route images no: /v1/chat/completions is not /v1/images/**",
        "route closed no: /v1/chat/completions is not /v1/files/**",
        "model old-gpt-* yes: old-gpt-7 matches",
        "model gpt-* yes: old-gpt-* is another name for it",
    ]
    lines = FILE.splitlines()
    for step in decision.trace:
        assert step.span is not None
        assert lines[step.span.line - 1][step.span.column - 1 : step.span.end - 1].strip("\"'") == step.name


def test_a_route_may_name_a_target() -> None:
    decision = decide("fast", headers={"x-lane": "direct"})
    assert pools(decision) == ["mixed/lane/model: mixed/lane/model x2"]
    assert decision.pools[0].targets[0].model == "lane/model"


def test_a_refusal_names_its_route() -> None:
    decision = decide("x-preview")
    assert decision.refusal is not None
    assert (decision.route, decision.refusal.message) == ("no-previews", "not approved yet")


def test_a_refusal_behind_a_route_names_the_route() -> None:
    off = plan(FILE, {"openai": "off", "ollama": "off", "mixed": "off"})
    decision = route(off, asking(api="chat", model="davinci"))
    assert refused(decision).startswith("503 no_target")
    assert decision.route == "legacy"


def refused(decision: Decision) -> str:
    assert decision.refusal is not None, trace(decision)
    return f"{decision.refusal.status} {decision.refusal.code}: {decision.refusal.message}"


def test_an_unknown_name_is_answered_with_names_that_this_key_may_use() -> None:
    assert refused(decide("smrt")) == "404 model_not_found: the model `smrt` does not exist; did you mean `smart`?"
    assert refused(decide("smrt", key="ada")) == "404 model_not_found: the model `smrt` does not exist"
    told = refused(decide("gpt4"))
    assert "`gpt-4`" in told
    assert told.count("`") <= 8
    assert refused(decide("x" * 10_000)).endswith("x` does not exist")


def test_permission_is_asked_for_the_asked_name_alone() -> None:
    told = "403 model_not_allowed: this key may not use the model `smart`"
    assert refused(decide("smart", key="ada")) == told
    assert pools(decide("gpt-7", key="ada"))[0] == "gpt-*: openai/gpt-7 x2"
    assert pools(decide("davinci", key="ada"))[0] == "gpt-4: openai/gpt-4.1 x2"
    assert refused(decide("fast", key="none")).startswith("403 model_not_allowed")
    assert refused(decide("nothing", key="none")).startswith("404 model_not_found")
    assert refused(decide("davinci", key="none")).startswith("404 model_not_found")


def test_a_key_takes_only_the_routes_it_may() -> None:
    long = decide("fast", key="ada", depth=Depth(input_tokens=150_000))
    assert refused(long) == "403 route_not_allowed: this key may not take the route `long`"
    assert long.route == "long"


@pytest.mark.parametrize(
    ("key", "path", "method", "told"),
    [
        ("ada", "/v1/images/generations", "POST", "passes to openai"),
        ("ada", "/v1/images/1", "DELETE", "passes to openai"),
        (
            "anonymous",
            "/v1/images/generations",
            "POST",
            "403 route_not_allowed: this key may not take the route `images`",
        ),
        ("ada", "/v1/files/1", "GET", "403 route_denied: denied by a route"),
        ("ada", "/v1/audio", "GET", "404 not_found: nothing is served at /v1/audio"),
    ],
)
def test_pass(key: str, path: str, method: str, told: str) -> None:
    decision = decide(None, None, key=key, path=path, method=method)
    said = f"passes to {decision.passes}" if decision.passes else refused(decision)
    assert said == told


def test_to_is_not_for_paths_that_are_no_model_endpoint() -> None:
    decision = decide(None, None, path="/v1/x", headers={"x-lane": "direct"})
    assert "route direct no: /v1/x is no model endpoint" in trace(decision)


def test_bases_are_checked_before_anything_else() -> None:
    assert pools(decide("fast", key="team", base="team-a")) == ["fast: openai/gpt-5.5-mini openai/gpt-5.5 x2"]
    assert refused(decide("nonsense", key="team")).startswith("403 base_not_allowed")


# --- off, and the demo ----------------------------------------------------------------------------------------------

KEYLESS = {"openai": "OPENAI_API_KEY is not set", "anthropic": "ANTHROPIC_API_KEY is not set"}
SMALL = UPSTREAMS + "models: {both: {targets: [openai/a, anthropic/a]}, one: openai/b}\nkeys: {anonymous: {}}\n"


def test_an_off_target_stays_in_the_order_and_is_skipped_by_the_attempts() -> None:
    decision = route(plan(FILE, {"openai": "OPENAI_API_KEY is not set"}), Facts(api="chat", model="smart"))
    assert pools(decision)[:2] == SMART[:2]


def test_when_all_are_off_the_answer_names_the_missing_variables_and_never_another_entry() -> None:
    one = {"openai": "OPENAI_API_KEY is not set"}
    told = "503 no_target: every target of `one` is off (openai: OPENAI_API_KEY is not set)"
    assert refused(route(plan(SMALL, one), Facts(api="chat", model="one"))) == told
    told = "503 no_target: every target of `both` that speaks embeddings is off (openai: OPENAI_API_KEY is not set)"
    assert refused(route(plan(SMALL, one), Facts(api="embeddings", model="both"))) == told
    assert pools(route(plan(SMALL, one), Facts(api="chat", model="both"))) == ["both: openai/a anthropic/a x1"]
    off = plan(FILE, {"openai": "enabled: false"})
    told = "503 no_target: upstream `openai` is off (openai: enabled: false)"
    assert refused(route(off, Facts(api=None, key="ada", path="/v1/images/x"))) == told


def test_the_demo_answers_every_name_while_no_other_upstream_is_on() -> None:
    alone = plan(SMALL, KEYLESS)
    for model in ("one", "both", "anything"):
        for api in ("chat", "messages"):
            assert [str(t) for one in route(alone, Facts(api=api, model=model)).pools for t in one.targets] == [
                f"demo/{model}"
            ]
    assert single(alone, "anonymous", "anything") == "found"


def test_the_demo_is_silent_as_soon_as_another_upstream_is_on() -> None:
    some = plan(SMALL, {"openai": KEYLESS["openai"]})
    assert refused(route(some, Facts(api="chat", model="anything"))).startswith("404 model_not_found")
    assert refused(route(some, Facts(api="chat", model="one"))).startswith("503 no_target")
    assert single(some, "anonymous", "anything") == "404 model_not_found"


def test_a_demo_that_is_off_answers_nothing() -> None:
    off = plan(SMALL, {**KEYLESS, "demo": "enabled: false"})
    assert refused(route(off, Facts(api="chat", model="anything"))).startswith("404")
    assert refused(route(off, Facts(api="messages", model="both"))) == (
        "503 no_target: every target of `both` is off "
        "(openai: OPENAI_API_KEY is not set; anthropic: ANTHROPIC_API_KEY is not set)"
    )


def test_the_demo_obeys_routes_and_permissions() -> None:
    text = FILE.replace("  mixed: {kind: echo}\n", "").replace("mixed/", "ollama/")
    alone = plan(text, {**KEYLESS, "ollama": "enabled: false"})
    assert refused(route(alone, Facts(api="chat", model="x-preview"))).startswith("451")
    assert refused(route(alone, Facts(api="chat", model="smart", key="ada"))).startswith("403")
    assert refused(route(alone, Facts(api="chat", model="anything", key="none"))).startswith("403")


def single(declared: Plan, key: str, name: str) -> str:
    """Return how GET /v1/models/{name} is answered."""
    try:
        check_name(declared, declared.keys[key], name)
    except Problem as problem:
        return f"{problem.status} {problem.code}"
    return "found"


# --- /v1/models -----------------------------------------------------------------------------------------------------


def test_the_list_of_models_is_in_file_order_and_holds_what_the_key_may_use() -> None:
    assert names(PLAN, PLAN.keys["anonymous"]) == [
        "smart", "fast", "best", "bold", "gpt-4", "gpt-5.5", "opus", "pinned",
    ]  # fmt: skip
    assert names(PLAN, PLAN.keys["ada"]) == ["fast", "gpt-4", "gpt-5.5"]
    assert names(PLAN, PLAN.keys["none"]) == []


@pytest.mark.parametrize(
    ("key", "name", "found"),
    [
        ("anonymous", "smart", "found"),
        ("anonymous", "gpt-77", "found"),
        ("anonymous", "ollama/org/llama", "found"),
        ("anonymous", "nothing", "404 model_not_found"),
        ("ada", "smart", "403 model_not_allowed"),
        ("ada", "gpt-77", "found"),
        ("none", "smart", "403 model_not_allowed"),
        ("none", "nothing", "404 model_not_found"),
    ],
)
def test_a_single_model_is_answered_for_when_it_resolves(key: str, name: str, found: str) -> None:
    assert single(PLAN, key, name) == found


@given(
    st.builds(
        asking,
        api=st.sampled_from(["chat", "messages", "embeddings", None]),
        method=st.sampled_from(["GET", "POST"]),
        path=st.sampled_from(["/v1/chat/completions", "/v1/images/x", "/v1/files/1", "/"]),
        base=st.sampled_from([None, "team-a"]),
        key=st.sampled_from(sorted(PLAN.keys)),
        model=st.one_of(st.none(), st.text(max_size=20), st.sampled_from(sorted(PLAN.entries))),
        headers=st.dictionaries(st.just("x-lane"), st.text(max_size=6)),
    )
)
def test_routing_is_total(facts: Facts) -> None:
    decision = route(PLAN, facts)
    traced = route(PLAN, facts, traced=True)
    assert (traced.pools, traced.passes, traced.route) == (decision.pools, decision.passes, decision.route)
    assert str(traced.refusal) == str(decision.refusal)
    ways = [bool(decision.pools), decision.passes is not None, decision.refusal is not None]
    assert ways.count(True) == 1
    targets = [str(target) for one in decision.pools for target in one.targets]
    assert len(targets) == len(set(targets))
