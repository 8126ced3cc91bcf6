"""The loss contract holds: every field of the SDKs' types has a row, and what a row says is what happens."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, get_args

import msgspec
import pytest

from engine.chat import Failed, Grade, Loss, Problem
from engine.dialects import CODECS
from engine.dialects.codec import Asked, Losses
from engine.dialects.contract import FORMS, Row, read, rows, table
from engine.dialects.translate import read as read_request
from engine.dialects.translate import write as write_request
from tests.dialects.contract.build import Built, build
from tests.dialects.contract.fields import Side, fields
from tests.dialects.contract.forms import FORMS as CHECKS
from tests.dialects.contract.places import found, holds, related
from tests.dialects.pairs import events, stream

TARGETS = {
    "chat": ("gpt-5.5", "api.openai.com"),
    "messages": ("claude-opus-5-5", "api.anthropic.com"),
    "responses": ("gpt-5.5", "api.openai.com"),
}
"""API -> the model of which a row speaks that names none, and its host."""

SIDES: tuple[Side, ...] = ("request", "answer", "stream")
FILES = [(api, side) for api in CODECS for side in SIDES if table(api, side)]
PAIRS = [(source, target, side) for source, side in FILES for target, _ in FILES if target != source]
PAIRS = [*dict.fromkeys(PAIRS)]


class Case(NamedTuple):
    source: str
    target: str
    side: Side
    path: str
    """The field; the row may speak of something around it."""
    row: Row

    def __str__(self) -> str:
        said = "" if self.row.value is msgspec.UNSET else f" = {json.dumps(self.row.value)}"
        model = f" {self.row.model}" if self.row.model else ""
        return f"{self.side} {self.source} to {self.target}: {self.path}{said}{model}"


class Outcome(NamedTuple):
    """What became of a body: `out` is None where it was refused, and then `losses` hold the one place that is why."""

    out: Any
    losses: tuple[Loss, ...]


@cache
def covering(source: str, side: Side, path: str) -> str | None:
    """Return the most specific row of a field, as its file has it."""
    keys = table(source, side)
    if path in keys:
        return path
    whole = [key for key in keys if key.endswith(".**") and holds(key.removesuffix(".**"), path)]
    return max(whole, key=len, default=None)


def cases() -> Iterator[Case]:
    for source, target, side in PAIRS:
        for path in fields(source, side):
            key = covering(source, side, path)
            told = table(source, side)[key].get(target) if key is not None else None
            if told is not None:
                yield from (Case(source, target, side, path, row) for row in read(str(key), told))


@pytest.mark.parametrize("case", [*cases()], ids=str)
def test_a_row_says_what_happens(case: Case) -> None:
    row = case.row
    built = build(case.source, case.side, case.path, row.value, row.path)
    got, before = outcome(case, built.body), outcome(case, built.without)
    CHECK[row.fate](case, built, got, before)


@pytest.mark.parametrize(("source", "side"), FILES)
def test_every_field_of_the_types_has_a_row_and_every_row_has_fields(source: str, side: Side) -> None:
    covered = {path: covering(source, side, path) for path in fields(source, side)}
    assert [path for path, key in covered.items() if key is None] == []
    assert [key for key in table(source, side) if key not in covered.values()] == []


@pytest.mark.parametrize(("source", "target", "side"), PAIRS)
def test_every_row_can_be_read(source: str, target: str, side: Side) -> None:
    for row in rows(source, target, side):
        assert row.form is None or row.form in FORMS, row
        assert (row.to is not None) if row.fate == "mapped" else row.why, row
    assert FORMS.keys() == CHECKS.keys()


# what each fate means ------------------------------------------------------------------------------------------------


def outcome(case: Case, body: dict[str, Any]) -> Outcome:
    try:
        return RUN[case.side](case, body)
    except Problem as problem:
        why = problem.message if problem.status == 400 else f"status {problem.status}"
        return Outcome(None, (Loss(problem.param or why, "dropped", why),))
    except Failed as failed:
        return Outcome(None, (Loss("", "dropped", failed.failure.message),))


def asked(case: Case, body: dict[str, Any]) -> Outcome:
    codec = CODECS[case.target]
    model, host = TARGETS[case.target]
    model = case.row.model or model
    request = read_request(CODECS[case.source], json.dumps(body).encode())
    written = write_request(request, codec, codec.family(model, host), model, "lenient")
    return Outcome(json.loads(msgspec.json.encode(written.body)), written.losses)


def answered(case: Case, body: dict[str, Any]) -> Outcome:
    told = asking()
    response = CODECS[case.source].read_answer(json.dumps(body).encode())
    return Outcome(json.loads(CODECS[case.target].write_answer(response, told)), tuple(told.lost.found))


def streamed(case: Case, body: dict[str, Any]) -> Outcome:
    told = asking()
    decoder, encoder = CODECS[case.source].decoder(), CODECS[case.target].encoder(told)
    got = encoder.feed([*decoder.feed(stream(body["event"], case.source)), *decoder.finish()])
    if decoder.failure is not None:
        raise Failed(decoder.failure)
    return Outcome({"event": events(got)}, tuple(told.lost.found))


def asking() -> Asked:
    return Asked(model="asked", id="x", created=0, source="up/model", lost=Losses())


RUN = {"request": asked, "answer": answered, "stream": streamed}


def told(case: Case, built: Built, got: Outcome, before: Outcome) -> list[str]:
    """Return the grades of the losses that the field brought; none of them is told of anything else.

    Where nothing is answered without the field, that is every loss that is told of it, or of what holds it and is lost.
    """
    place = case.row.at or built.at
    if before.out is None:
        near = related if case.row.fate in get_args(Grade) else lambda loss, place: holds(place, loss)
        return [loss.grade for loss in got.losses if near(loss.path, place)]
    brought = list((Counter(got.losses) - Counter(before.losses)).elements())
    assert [loss for loss in brought if not related(loss.path, place)] == []
    return [loss.grade for loss in brought]


def arrives(case: Case, built: Built, got: Outcome, before: Outcome) -> None:
    """Assert that the value is where the row says, and that it came there by the field."""
    row = case.row
    assert row.to is not None
    here = [place.value for place in found(got.out, row.to)]
    if row.equals is None:
        assert here == []
    elif row.equals is not msgspec.UNSET:
        assert row.equals in here
    elif row.form is not None:
        assert any(CHECKS[row.form](built.value, value) for value in here), here
    elif row.to.endswith("]") and not row.to.endswith("[]"):
        assert here
    else:
        assert built.value in here
    assert before.out is None or got.out != before.out or row.equals is not msgspec.UNSET


def check_mapped(case: Case, built: Built, got: Outcome, before: Outcome) -> None:
    assert got.out is not None, got.losses
    assert told(case, built, got, before) == []
    arrives(case, built, got, before)


def check_lost(case: Case, built: Built, got: Outcome, before: Outcome) -> None:
    assert got.out is not None, got.losses
    grades = told(case, built, got, before)
    if case.row.whole:  # what is in it may be told besides, as long as it is not worse
        assert max(grades, default=None) == case.row.fate  # "dropped" is the greater word
    else:
        assert set(grades) == {case.row.fate}
    if case.row.to is None:
        assert before.out is None or case.row.fate == "approximated" or got.out == before.out
    elif case.path == case.row.path:
        arrives(case, built, got, before)


def check_refused(case: Case, built: Built, got: Outcome, before: Outcome) -> None:
    assert got.out is None
    assert related(got.losses[0].path, case.row.at or built.at), got.losses
    assert before.out is not None or before.losses[0] != got.losses[0]


def check_idle(case: Case, built: Built, got: Outcome, before: Outcome) -> None:
    assert got.out is not None, got.losses
    assert told(case, built, got, before) == []
    assert before.out is None or got.out == before.out


CHECK = {
    "mapped": check_mapped,
    "approximated": check_lost,
    "dropped": check_lost,
    "refused": check_refused,
    "idle": check_idle,
}
