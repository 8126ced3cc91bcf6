"""Every row of the translation, by example: golden/rows.yaml are the rows, golden/*/*.json the pairs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from engine.chat import Failed, Problem
from engine.dialects import CODECS
from engine.dialects.translate import read, write
from tests.dialects import oracles
from tests.dialects.pairs import PAIRS, Pair, events, rows, stands_in
from tests.dialects.rules import broken
from tests.dialects.splits import pieces
from tests.support.wire import violations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.chat import Loss


def of(kind: str) -> pytest.MarkDecorator:
    found = [pair for pair in PAIRS if pair.kind == kind]
    return pytest.mark.parametrize("pair", found, ids=[pair.name for pair in found])


@of("request")
def test_requests(pair: Pair) -> None:
    source, target = CODECS[pair.source], CODECS[pair.target]
    model = pair.fields["model"]
    family = target.family(model, pair.host)
    if refused := pair.fields.get("refused"):
        with pytest.raises(Problem) as raised:
            write(read(source, pair.body), target, family, model, "lenient")
        assert (raised.value.status, raised.value.param) == (400, refused["param"])
        assert raised.value.code in ("unsupported_parameter", "invalid_request")
        assert stands_in(refused["param"], pair.fields["in"])
        return
    written = write(read(source, pair.body), target, family, model, "lenient")
    assert plain(written.body) == pair.fields["out"]
    assert grades(written.losses) == pair.fields.get("losses", {})
    assert [loss.path for loss in written.losses if not stands_in(loss.path, pair.fields["in"])] == []
    headers = {name.decode(): value.decode() for name, value in written.headers}
    assert headers | pair.fields.get("headers", {}) == headers


@of("answer")
def test_answers(pair: Pair) -> None:
    source, target, asked = CODECS[pair.source], CODECS[pair.target], pair.asked
    if reason := pair.fields.get("failed"):
        with pytest.raises(Failed) as raised:
            source.read_answer(pair.body)
        assert raised.value.failure.reason == reason
        return
    answer = target.write_answer(source.read_answer(pair.body), asked)
    assert json.loads(answer) == pair.fields["out"]
    assert grades(asked.lost.found) == pair.fields.get("losses", {})


@pytest.mark.parametrize("size", [1, 1 << 20], ids=["byte by byte", "at once"])
@of("stream")
def test_streams(pair: Pair, size: int) -> None:
    asked = pair.asked
    decoder, encoder = CODECS[pair.source].decoder(), CODECS[pair.target].encoder(asked)
    got = b"".join(encoder.feed(decoder.feed(piece)) for piece in pieces(pair.body, [size]))
    got += encoder.feed(decoder.finish())
    assert events(got) == pair.fields["out"]
    assert grades(asked.lost.found) == pair.fields.get("losses", {})
    failed = decoder.failure.reason if decoder.failure else None
    assert (failed, decoder.ended) == (pair.fields.get("failed"), "failed" not in pair.fields)
    assert violations(pair.target, got, usage=pair.asked.usage, cut=decoder.failure is not None) == []


@of("request")
def test_the_vendors_accept_both_sides(pair: Pair) -> None:
    for side, api in (("in", pair.source), ("out", pair.target)):
        if pair.meant(side):
            assert oracles.request_flaws(api, pair.fields[side]) == [], side
    if pair.meant("out"):
        assert broken(pair.target, pair.fields["out"]) == []


@of("answer")
def test_the_vendors_types_know_both_answers(pair: Pair) -> None:
    for side, api in (("in", pair.source), ("out", pair.target)):
        if pair.meant(side):
            assert oracles.answer_flaws(api, pair.fields[side]) == [], side


def test_every_exact_or_approximate_row_has_a_pair() -> None:
    proven = {pair.row for pair in PAIRS}
    owed = [
        f"{section}/{row}"
        for section, found in rows().items()
        for row, what in found.items()
        if what["policy"] in ("M", "A")
    ]
    assert sorted(set(owed) - proven) == []
    assert len(owed) > 80, "rows.yaml has lost its rows"


def test_every_pair_names_a_row() -> None:
    known = {f"{section}/{row}" for section, found in rows().items() for row in found}
    assert {pair.name: pair.row for pair in PAIRS if pair.row not in known} == {}
    assert all(pair.name.startswith(pair.row) for pair in PAIRS), "a file is called after its row"


def test_every_policy_is_one_of_five() -> None:
    for found in rows().values():
        assert {what["policy"] for what in found.values()} <= {"M", "A", "W", "R", ""}


def plain(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


def grades(losses: Iterable[Loss]) -> dict[str, str]:
    """Return the worst grade of every path."""
    found: dict[str, str] = {}
    for loss in losses:
        found[loss.path] = "dropped" if "dropped" in (loss.grade, found.get(loss.path)) else loss.grade
    return found
