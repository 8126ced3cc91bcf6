"""The loss contract holds: every field of the SDKs' types has a row, and what a row says is what happens."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, get_args

import msgspec
import pytest

from engine.chat import Failed, Grade, Loss, Problem
from engine.dialects import CLIENTS, CODECS
from engine.dialects.codec import Asked, Losses
from engine.dialects.contract import FORMS, Row, Side, read, rows, table
from engine.dialects.translate import only_of
from engine.dialects.translate import read as read_request
from engine.dialects.translate import write as write_request
from tests.dialects.contract.build import Built, build
from tests.dialects.contract.fields import HEADERS, TYPES, fields, hints_of
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
FILES: list[tuple[str, Side]] = [(api, "request") for api in CLIENTS]
FILES += [(api, side) for api in CODECS for side in SIDES if side != "request"]
OTHERS = {"request": CODECS, "answer": CLIENTS, "stream": CLIENTS}
"""Side -> where it goes: requests to upstreams, all else to clients."""
PAIRS = [(source, target, side) for source, side in FILES for target in OTHERS[side] if target != source]


class Case(NamedTuple):
    """One field, of which a row speaks, or of something around it."""

    source: str
    target: str
    side: Side
    path: str
    row: Row


class Outcome(NamedTuple):
    """What became of a body: `out` is None where it was refused, and then `losses` hold the one place that is why."""

    out: Any
    losses: tuple[Loss, ...]


@cache
def of(source: str, target: str, side: Side, key: str) -> tuple[Row, ...]:
    """Return what a row says towards one API: a line, or several for some values and models."""
    return tuple(read(key, table(source, side)[key][target]))


@cache
def covering(source: str, side: Side, path: str) -> str | None:
    """Return the most specific row of a field, as its file has it."""
    keys = table(source, side)
    if path in keys:
        return path
    whole = [key for key in keys if key.endswith(".**") and holds(key.removesuffix(".**"), path)]
    return max(whole, key=len, default=None)


def told() -> Iterator[tuple[str, str, Side, str]]:
    """Yield each row once for each API it speaks of."""
    for source, side in FILES:
        for key, fates in table(source, side).items():
            yield from ((source, target, side, key) for target in fates)


@pytest.mark.parametrize(("source", "target", "side", "key"), [*told()])
def test_a_row_says_what_happens(source: str, target: str, side: Side, key: str) -> None:
    paths = [path for path in fields(source, side) if covering(source, side, path) == key]
    for case in (Case(source, target, side, path, row) for path in paths for row in of(source, target, side, key)):
        print(case)  # shown of a test that fails, whose last line is the case that did
        built = build(source, side, case.path, case.row.value, case.row.path)
        got, before = outcome(case, built.body), outcome(case, built.without)
        CHECK[case.row.fate](case, built, got, before)


@pytest.mark.parametrize(("source", "side"), FILES)
def test_every_field_of_the_types_has_a_row_and_every_row_has_fields(source: str, side: Side) -> None:
    covered = {path: covering(source, side, path) for path in fields(source, side)}
    assert [path for path, key in covered.items() if key is None] == []
    assert [key for key in table(source, side) if key not in covered.values()] == []


@pytest.mark.parametrize(("source", "side"), FILES)
def test_every_row_speaks_of_every_other_api_and_stands_once(source: str, side: Side) -> None:
    others = OTHERS[side].keys() - {source}
    assert [key for key, fates in table(source, side).items() if fates.keys() != others] == []
    text = (resources.files("engine.dialects.contract") / f"{source}-{side}.yaml").read_text("utf-8")
    keys = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert len(keys) == len(set(keys)) == len(table(source, side))


@pytest.mark.parametrize(("source", "target", "side"), PAIRS)
def test_every_row_says_where_or_why(source: str, target: str, side: Side) -> None:
    for row in rows(source, target, side):
        assert row.form is None or row.form in FORMS, row
        assert (row.to is not None) if row.fate == "mapped" else row.why, row


def test_every_form_is_used_and_can_be_checked() -> None:
    used = {row.form for pair in PAIRS for row in rows(*pair)} - {None}
    assert FORMS.keys() == CHECKS.keys() == used


def test_what_goes_as_a_header_is_a_parameter_of_the_sdk() -> None:
    assert {name for kind in TYPES["messages", "request"] for name in hints_of(kind)} >= HEADERS


# what each fate means ------------------------------------------------------------------------------------------------


def outcome(case: Case, body: dict[str, Any]) -> Outcome:
    try:
        return RUN[case.side](case, body)
    except Problem as problem:
        why = problem.message if problem.status == 400 else f"status {problem.status}"
        return Outcome(None, (Loss(problem.param or why, "dropped", why),))
    except Failed as failed:
        return Outcome(None, (Loss("", "dropped", failed.failure.message),))


def requested(case: Case, body: dict[str, Any]) -> Outcome:
    codec = CODECS[case.target]
    model, host = TARGETS[case.target]
    model = case.row.model or model
    request = only_of(read_request(CLIENTS[case.source], json.dumps(body).encode()), f"up/{model}", codec)
    written = write_request(request, codec, codec.family(model, host), model, "lenient")
    return Outcome(json.loads(msgspec.json.encode(written.body)), written.losses)


def answered(case: Case, body: dict[str, Any]) -> Outcome:
    asked = asking()
    response = CODECS[case.source].read_answer(json.dumps(body).encode())
    return Outcome(json.loads(CLIENTS[case.target].write_answer(response, asked)), tuple(asked.lost.found))


def streamed(case: Case, body: dict[str, Any]) -> Outcome:
    asked = asking()
    decoder, encoder = CODECS[case.source].decoder(), CLIENTS[case.target].encoder(asked)
    got = encoder.feed([*decoder.feed(stream(body["event"], case.source)), *decoder.finish()])
    if decoder.failure is not None:
        raise Failed(decoder.failure)
    return Outcome({"event": events(got)}, tuple(asked.lost.found))


def asking() -> Asked:
    return Asked(model="asked", id="x", created=0, source="up/model", lost=Losses())


RUN = {"request": requested, "answer": answered, "stream": streamed}


def graded(case: Case, built: Built, got: Outcome, before: Outcome) -> list[str]:
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
    assert graded(case, built, got, before) == []
    arrives(case, built, got, before)


def check_lost(case: Case, built: Built, got: Outcome, before: Outcome) -> None:
    assert got.out is not None, got.losses
    grades = graded(case, built, got, before)
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
    assert graded(case, built, got, before) == []
    if before.out is None:
        assert json.dumps(built.value) not in json.dumps(got.out)
    else:
        assert got.out == before.out


CHECK = {
    "mapped": check_mapped,
    "approximated": check_lost,
    "dropped": check_lost,
    "refused": check_refused,
    "idle": check_idle,
}
