"""The labels of metrics: every name that a client can send ends at one of the file, or at `other`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.plan.labels import KEPT, NONE, OTHER, Labels
from tests.plan.plans import plan

FILE = """\
version: 1
upstreams:
  openai: {kind: openai, base_url: "http://127.0.0.1:9"}
  local: {kind: openai, base_url: "http://127.0.0.1:9"}
  demo: {kind: echo, demo: true}
models:
  smart: openai/gpt-5.5
  alias: smart
  gpt-*: {targets: ["openai/gpt-*"], fallback: [local/llama, "local/gpt-*-mini"]}
  "*-local": "local/*"
routes:
  - {name: long, when: {model: smart}, to: local/large}
keys: {anonymous: {}}
"""
LABELS = Labels(plan(FILE))


def test_what_a_label_may_say() -> None:
    assert LABELS.models == {"smart", "alias", "gpt-*", "*-local"}
    assert LABELS.routes == {"long"}
    assert LABELS.targets == {
        *("openai/gpt-5.5", "openai/gpt-*", "local/llama", "local/gpt-*-mini", "local/*", "local/large", "demo/*")
    }


def test_models_by_the_entry_that_answers_to_them() -> None:
    asked = {
        "smart": "smart",
        "alias": "alias",
        "gpt-9": "gpt-*",
        "x-local": "*-local",
        "SMART": OTHER,
        "gpt-*": "gpt-*",
        "": OTHER,
        None: NONE,
    }
    assert {name: LABELS.model(name) for name in asked} == asked


def test_targets_as_the_file_writes_them_the_most_specific_first() -> None:
    asked = {
        "openai/gpt-5.5": "openai/gpt-5.5",
        "openai/gpt-6": "openai/gpt-*",
        "local/gpt-6-mini": "local/gpt-*-mini",
        "local/gpt-6": "local/*",
        "local/large": "local/large",
        "demo/whatever": "demo/*",
        "elsewhere/x": OTHER,
        None: NONE,
    }
    assert {name: LABELS.target(name) for name in asked} == asked


def test_routes() -> None:
    assert [LABELS.route(name) for name in ("long", "gone", None)] == ["long", OTHER, NONE]


@given(st.text())
def test_no_name_of_a_client_is_a_label(name: str) -> None:
    assert LABELS.model(name) in {*LABELS.models, OTHER}
    assert LABELS.target(f"openai/{name}") in {*LABELS.targets, OTHER}
    assert LABELS.route(name) in {*LABELS.routes, OTHER}


def test_only_so_many_names_are_remembered() -> None:
    labels = Labels(plan(FILE))
    for number in range(2 * KEPT):
        labels.model(f"gpt-{number}")
        assert len(labels._known) <= KEPT
    assert labels.model("gpt-0") == "gpt-*"
