"""What the log says of an edit."""

from __future__ import annotations

import pytest

from engine.plan.changes import MOST, changes
from tests.plan.plans import plan

OLD = """\
version: 1
upstreams:
  one: {kind: openai, base_url: "http://127.0.0.1:1"}
models:
  fast: one/a
  smart: {targets: [one/b], fallback: [fast]}
routes:
  - {name: first, when: {model: x}, to: fast}
  - {name: second, when: {model: y}, to: fast}
bases: {team: {prefix: /team}}
keys: {anonymous: {}}
"""
FIRST, SECOND = [line + "\n" for line in OLD.splitlines() if "name:" in line]

EDITS = {
    "nothing": ("", "", "no change"),
    "a comment": ("keys:", "# who\nkeys:", "no change"),
    "what is the default anyway": ("version: 1", "version: 1\nserver: {drain: 30s}", "no change"),
    "another way to say the same target": ("fast: one/a", "fast: {targets: [one/a]}", "~model fast"),
    "a model more": ("  fast: one/a", "  fast: one/a\n  new: one/a", "+model new"),
    "a model less": ("  smart: {targets: [one/b], fallback: [fast]}\n", "", "-model smart"),
    "a model renamed": ("smart:", "clever:", "+model clever, -model smart"),
    "a target": ("one/b", "one/c", "~model smart"),
    "a parameter": ("{targets: [one/b],", "{set: {temperature: 0}, targets: [one/b],", "~model smart"),
    "what is stripped": ("{targets: [one/b],", "{strip: [x-team], targets: [one/b],", "~model smart"),
    "the translation": ("{targets: [one/b],", "{translation: exact, targets: [one/b],", "~model smart"),
    "a parameter of a route": (
        "to: fast}\n  - {name: second",
        "to: fast, unset: [seed]}\n  - {name: second",
        "~route first",
    ),
    "a parameter of all": ("version: 1", "version: 1\ndefaults: {model: {set: {seed: 1}}}", "~defaults"),
    "what an upstream is not sent": ("{kind: openai,", "{strip: [x-team], kind: openai,", "~upstream one"),
    "an upstream": ("127.0.0.1:1", "127.0.0.1:2", "~upstream one"),
    "a route": ("{model: x}", "{model: z}", "~route first"),
    "a route less": (FIRST, "", "-route first"),
    "two routes the other way round": (FIRST + SECOND, SECOND + FIRST, "~order of routes"),
    "a route before others": (
        FIRST,
        FIRST.replace("first", "zeroth").replace("model: x", "model: w") + FIRST,
        "+route zeroth",
    ),
    "a base": ("/team}", "/equipe}", "~base team"),
    "a key": ("{anonymous: {}}", "{anonymous: {models: []}}", "~key anonymous"),
    "a price more": ("keys:", "prices: {one/a: {input: 1, output: 1}}\nkeys:", "+price one/a"),
    "the server": ("version: 1", "version: 1\nserver: {body_limit: 1MB}", "~server"),
    "the defaults": ("version: 1", "version: 1\ndefaults: {model: {retries: 0}}", "~defaults"),
    "the log": ("version: 1", "version: 1\nobserve: {log: {level: error}}", "~observe"),
    "two things": ("fast: one/a", "quick: one/a\n  fast: one/z", "+model quick, ~model fast"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit(edit: str) -> None:
    old, new, told = EDITS[edit]
    assert not old or old in OLD
    assert changes(plan(OLD).document, plan(OLD.replace(old, new) if old else OLD).document) == told


def test_of_many_changes_the_first_are_named() -> None:
    more = OLD + "".join(f"  # {number}\n" for number in range(3))
    many = more.replace("  fast: one/a", "  fast: one/a\n" + "\n".join(f"  m{number}: one/a" for number in range(20)))
    told = changes(plan(OLD).document, plan(many).document)
    assert told.startswith("+model m0, +model m1, ")
    assert told.endswith(f"+model m{MOST - 1}, and {20 - MOST} more")
