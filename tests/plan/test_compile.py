"""What a document becomes: sections of a plan by value. What is wrong with one: the corpus in tests/configs/bad."""

from __future__ import annotations

import pytest

from engine.config.sections.models import FALLBACK_ON
from engine.dialects import ENDPOINTS, realtime
from engine.plan.compile import as_written
from engine.plan.nodes import Origin
from engine.plan.reach import MODEL_PATHS
from tests.plan.plans import UPSTREAMS, plan, report

FILE = (
    UPSTREAMS
    + """
  spare: {kind: anthropic, enabled: false, auth: forward}
server:
  hosts: [LocalHost, "[::1]"]
  body_limit: 1.5MB
  drain: 1m
  cors: {origins: ["https://app.example", "vscode-webview://*"]}
models:
  "*": {targets: [openai/*], hold: 250ms}
  gpt-*: {targets: [openai/gpt-*], fallback: [spare/last], retries: 0, fallback_on: [timeout], allow_mixed_auth: true}
  gpt-*-mini: openai/gpt-*-mini
  smart: best
  best: anthropic/claude-opus-4-8
routes:
  - {name: rest, when: {header: {X-A: b}}, to: gpt-9}
bases: {team: {prefix: /team}}
keys:
  ada: {hashes: ["sha256:AB", "sha256:CD"], models: ["gpt-*"]}
""".replace("AB", "ab" * 32).replace("CD", "cd" * 32)
)


def test_the_sections_of_a_plan() -> None:
    made = plan(FILE)
    assert made.hosts == {"localhost", "[::1]"}
    assert made.body_limit == 1_572_864
    assert made.drain == 60
    assert made.origins == (
        Origin(scheme="https", host="app.example", port=443),
        Origin(scheme="vscode-webview", host=None, port=None),
    )
    assert made.bases == {"team": "/team"}
    assert made.off == {"spare": "enabled: false"}
    assert {name for name, upstream in made.upstreams.items() if upstream.demo} == {"demo"}
    assert {name for name, upstream in made.upstreams.items() if upstream.forward} == {"spare"}
    assert {digest.hex()[:2]: key.name for digest, key in made.digests.items()} == {"ab": "ada", "cd": "ada"}
    assert not made.deep


def test_entries_keep_the_order_of_the_file_and_patterns_go_from_specific_to_general() -> None:
    made = plan(FILE)
    assert list(made.entries) == ["*", "gpt-*", "gpt-*-mini", "smart", "best"]
    assert [entry.name for entry in made.patterns] == ["gpt-*-mini", "gpt-*", "*"]


def test_an_entry_says_what_it_sets_itself_and_takes_the_rest_from_defaults() -> None:
    gpt, best = plan(FILE).entries["gpt-*"], plan(FILE).entries["best"]
    assert (gpt.retries, gpt.fallback_on, gpt.hold) == (0, {"timeout"}, 10)
    assert gpt.own == {"fallback", "retries", "fallback_on"}
    assert (best.retries, best.fallback_on, best.hold, best.own) == (1, frozenset(FALLBACK_ON), 10, frozenset())
    assert plan(FILE).entries["*"].hold == 0.25


def test_a_reference_leads_to_a_target_or_to_an_entry() -> None:
    made = plan(FILE)
    assert made.entries["smart"].alias is not None
    assert made.entries["smart"].alias.entry == "best"
    assert made.entries["best"].alias is None
    link = made.rules[0].link
    assert link is not None
    assert (link.text.text, link.entry) == ("gpt-9", "gpt-*")


@pytest.mark.parametrize(
    ("when", "deep"),
    [
        ("{model: a, stream: true, header: {x: y}}", False),
        ("{tools: false}", True),
        ("{not: {images: true}}", True),
        ("{max_tokens: {max: 5}}", True),
        ("{input_tokens: {min: 5}}", True),
        ("{thinking: true}", True),
    ],
)
def test_how_deep_requests_are_read_is_decided_here(when: str, deep: bool) -> None:
    text = UPSTREAMS + f"routes: [{{name: r, when: {when}, to: openai/x}}]\nkeys: {{anonymous: {{}}}}\n"
    assert plan(text).deep is deep


def test_the_plan_as_written_does_not_ask_the_environment() -> None:
    assert as_written(plan(FILE, {"openai": "OPENAI_API_KEY is not set"})).off == {"spare": "enabled: false"}


def test_all_errors_of_the_layer_come_at_once() -> None:
    text = UPSTREAMS + "server: {listen: 'x:99999'}\nmodels: {a: b, c: nowhere/x}\nkeys: {k: {any_key: true}}\n"
    assert [found.code for found in report(text).errors] == [
        "bad-port", "unknown-model", "unknown-upstream", "misplaced-any-key",
    ]  # fmt: skip


ENTRY_OR_TARGET = [
    ("openai/*: openai/*", []),
    ("openai/*: openai/*\n  small: openai/gpt-5.5-mini", []),
    ("openai/*: openai/*\n  gpt-*: openai/gpt-*", []),
    ("openai/x: openai/x", []),
    ("openai/x: openai/y\n  a: openai/x", ["ambiguous-reference"]),
    ("openai/*: anthropic/*\n  a: openai/x", ["ambiguous-reference"]),
    ("'*': anthropic/*\n  a: openai/x", []),
    ("'*': openai/*\n  a: opnai/x", ["unknown-upstream"]),
    ("local/x: openai/x\n  a: local/x", []),
    ("local/*: openai/*\n  a: {targets: [openai/y], fallback: [local/x]}", []),
]


@pytest.mark.parametrize(("models", "codes"), ENTRY_OR_TARGET)
def test_a_reference_that_could_be_two_things_is_refused_unless_they_are_the_same(
    models: str, codes: list[str]
) -> None:
    found = report(UPSTREAMS + f"models:\n  {models}\nkeys: {{anonymous: {{}}}}\n")
    assert [one.code for one in found.errors] == codes


def test_the_model_endpoints_are_those_of_the_dialects() -> None:
    posted = {path: endpoint.api for path, (_, endpoint) in ENDPOINTS.items()}
    assert posted | {realtime.PATH: "realtime"} == MODEL_PATHS


ROUND = [
    ("127.0.0.1:4000", "http://127.0.0.1:4000/v1", True),
    ("127.0.0.1:4000", "http://localhost:4000", True),
    ("127.0.0.1:4000", "http://127.0.0.1:4001/v1", False),
    ("127.0.0.1:4000", "http://127.0.0.2:4000/v1", False),
    ("10.0.0.7:80", "http://10.0.0.7/v1", True),
    ("10.0.0.7:80", "https://10.0.0.7/v1", False),
    ("'[::]:4000'", "http://[::1]:4000/v1", True),
]


@pytest.mark.parametrize(("listen", "url", "is_itself"), ROUND)
def test_an_upstream_that_is_this_server_is_refused(listen: str, url: str, is_itself: bool) -> None:
    text = f"version: 1\nserver: {{listen: {listen}}}\nupstreams: {{a: {{kind: openai, base_url: '{url}'}}}}\n"
    assert ("upstream-is-itself" in [found.code for found in report(text).errors]) == is_itself
