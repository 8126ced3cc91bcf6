"""Who is told: a record is made only if somebody wants it, and nobody who fails harms anybody else."""

from __future__ import annotations

import io

from engine.observe.log import Log
from engine.observe.record import Reload, Request
from engine.observe.records import Records
from tests.observe.made import request


class Heard:
    """A subscriber that remembers, or fails."""

    def __init__(self, name: str, *, wanting: bool = True, failing: bool = False) -> None:
        self.name = name
        self.wanting = wanting
        self.failing = failing
        self.told: list[Request | Reload] = []

    def wants(self, _status: int, _problem: object) -> bool:
        return self.wanting

    def request(self, record: Request) -> None:
        self.told.append(record)
        if self.failing:
            raise RuntimeError("disk on fire")

    def reload(self, record: Reload) -> None:
        self.told.append(record)
        if self.failing:
            raise RuntimeError("disk on fire")


def logging(level: str) -> tuple[Log, io.StringIO]:
    stream = io.StringIO()
    log = Log(stream)
    log.configure(level, "text", bodies=False)  # type: ignore[arg-type]  # a level
    return log, stream


def test_a_record_is_made_if_anybody_wants_it() -> None:
    log, _ = logging("error")
    records = Records(log)
    assert not records.wants(200, None)
    assert records.wants(502, "problem")
    records.follow(Heard("journal", wanting=False))
    assert not records.wants(200, None)
    records.follow(Heard("journal", wanting=False), Heard("metrics"))
    assert records.wants(200, None)
    records.follow()
    assert not records.wants(200, None)


def test_one_that_fails_is_said_once_and_the_others_are_told() -> None:
    log, stream = logging("info")
    records = Records(log)
    broken, whole = Heard("journal", failing=True), Heard("metrics")
    records.follow(broken, whole)
    made = [request(number) for number in range(3)]
    for one in made:
        records.request(one)
    reload = Reload(file="proxy.yaml", generation="0123", taken=True, at=1.0, changes="+route a")
    records.reload(reload)
    log.flush()
    assert whole.told == broken.told == [*made, reload]
    assert stream.getvalue().count("journal failed: RuntimeError: disk on fire") == 1
    assert stream.getvalue().count("POST /v1/chat/completions") == 3
    assert "reloaded proxy.yaml: +route a (generation 0123)" in stream.getvalue()


def test_another_one_of_that_name_may_fail_anew() -> None:
    log, stream = logging("info")
    records = Records(log)
    records.follow(Heard("journal", failing=True))
    records.request(request())
    records.follow()
    records.follow(Heard("journal", failing=True))
    records.request(request())
    assert stream.getvalue().count("said only once") == 2
