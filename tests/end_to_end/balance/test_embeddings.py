"""Embeddings stay with one model: another upstream may stand in for the first, another model never."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.balance.house import BROKEN, breaks, file
from tests.support.http import Answer, post
from tests.support.script import as_json

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

PATH = "/v1/embeddings"
VECTOR = as_json({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "e3"})
ENTRIES = """\
  mixed: {targets: [a/e3, b/e4], fallback: [c/e3]}
  shared: {targets: [a/e3, b/e4, c/e3], balance: round_robin}
  chained: {targets: [a/e3], fallback: [other]}
  other: b/e4
  absent: {targets: [gone/e4, a/e3, b/e4]}"""
GONE = ", api_key: env:NOT_SET_ANYWHERE, optional: true}"


@pytest.fixture(scope="module")
def server(start: Start, _ups: dict[str, Upstream]) -> Turnout:
    text = file(_ups, ENTRIES)
    return start(text.replace("\ndefaults:", f'\n  gone: {{kind: openai, base_url: "{_ups["a"].url}"{GONE}\ndefaults:'))


def embed(server: Turnout, model: str) -> Answer:
    return post(server.url, PATH, {"model": model, "input": "Hi"})


def asked(ups: dict[str, Upstream]) -> list[str]:
    return [f"{name}/{seen.json['model']}" for name, up in ups.items() for seen in up.requests]


def test_the_same_model_elsewhere_stands_in(server: Turnout, ups: dict[str, Upstream]) -> None:
    ups["a"].script(BROKEN)
    ups["c"].script(VECTOR)
    answer = embed(server, "mixed")
    assert (answer.status, answer.header("x-turnout-target")) == (200, "c/e3")
    assert asked(ups) == ["a/e3", "c/e3"]


def test_another_model_never_does(server: Turnout, ups: dict[str, Upstream]) -> None:
    for up in ups.values():
        breaks(up)
    for model in ("mixed", "chained"):
        assert embed(server, model).status == 500
    assert asked(ups) == ["a/e3", "a/e3", "c/e3"]


def test_not_even_by_its_share(server: Turnout, ups: dict[str, Upstream]) -> None:
    for up in ups.values():
        up.answer = lambda _: VECTOR
    assert [embed(server, "shared").header("x-turnout-target") for _ in range(4)] == ["a/e3", "c/e3"] * 2
    assert not ups["b"].requests


def test_it_is_the_first_model_that_can_be_asked(server: Turnout, ups: dict[str, Upstream]) -> None:
    """Nothing was embedded by what is off; from there on it is one model."""
    ups["a"].script(BROKEN)
    assert embed(server, "absent").status == 500
    assert asked(ups) == ["a/e3"]
