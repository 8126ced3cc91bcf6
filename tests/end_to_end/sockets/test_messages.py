"""A socket holds nothing of a generation: each message is a POST, by the live file, with limits and a record."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.sockets.house import (
    ADA,
    EVE,
    FORMS,
    KEYS,
    SAME,
    WAYS,
    House,
    Way,
    done,
    talking,
    wait,
    written,
)
from tests.support.apis import MESSAGES
from tests.support.journal import written as journaled
from tests.support.metrics import Scraped
from tests.support.script import STALL, as_stream
from tests.support.turnout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.upstream import Upstream

CHATS, CLAUDES = SAME


@pytest.fixture
def fresh(start: Start, openai: Upstream, anthropic: Upstream) -> House:
    """A server whose file a test may edit."""
    return House(start(written(openai, anthropic)), openai, anthropic)


def edit(house: House, old: str, new: str) -> None:
    """Put `new` for `old` into the file, and wait until that is taken."""
    text = house.turnout.file.read_text()
    assert old in text
    house.turnout.taken(lambda: house.turnout.rewrite(text.replace(old, new)))


@FORMS
def test_an_edit_holds_from_the_next_message_on_and_what_runs_goes_on(fresh: House, way: Way) -> None:
    go_on = threading.Event()
    upto, after = way.server.parted()
    fresh.upstream(way).script(as_stream([*upto, go_on, *after]))
    with fresh.talk(way) as talk:
        talk.say(way.body(id="old"))
        while "Hello" not in json.dumps(talk.hear()):
            pass
        edit(fresh, "  gpt: openai/gpt-5.5\n  claude: anthropic/claude-sonnet-5\n", NEW)
        talk.ask(way.body(id="new"))
        assert fresh.upstream(way).last.json["model"].endswith("-new")
        assert fresh.status()["draining"] == 1
        go_on.set()
        *_, last = talk.rest("old")
        assert last == done("old")
        assert "-new" not in fresh.upstream(way).requests[0].json["model"]
        wait(lambda: fresh.status()["draining"] == 0, "the socket holds an old generation")
        talk.is_well(way)


NEW = "  gpt: openai/gpt-new\n  claude: anthropic/claude-new\n"
GONE = {
    "removed": re.compile(r"  ada: .*\n"),
    "expired": re.compile(r"(?<=  ada: \{)"),
    "disabled": re.compile(r"(?<=  ada: \{)(?=)"),
}
INSTEAD = {"removed": "", "expired": 'expires: "2020-01-01", ', "disabled": "enabled: false, "}


@FORMS
@pytest.mark.parametrize("how", GONE, ids=str)
def test_a_key_that_is_gone_is_told_so_and_then_the_connection_closes(fresh: House, way: Way, how: str) -> None:
    with fresh.talk(way) as talk, fresh.talk(way, EVE) as other:
        talk.ask(way.body())
        text = fresh.turnout.file.read_text()
        without = GONE[how].sub(INSTEAD[how], text, count=1)
        assert without != text
        fresh.turnout.taken(lambda: fresh.turnout.rewrite(without))
        talk.say(way.body(id="late"))
        error = talk.refusal(401, "late")
        assert error["type"] == ("authentication_error" if way.client is MESSAGES else "invalid_request_error")
        code, reason = talk.closed()
        assert code == 1008
        assert "key" in reason
        assert other.ask(way.body())
    assert len(fresh.upstream(way).requests) == 2


@FORMS
def test_what_a_key_may_not_use_is_refused_and_the_connection_stays(fresh: House, way: Way) -> None:
    with fresh.talk(way) as talk:
        edit(fresh, "  ada: {", "  ada: {models: [text-*], ")
        talk.say(way.body(id=1))
        assert talk.refusal(403, 1)
        edit(fresh, "models: [text-*], ", "")
        talk.is_well(way)


# limits --------------------------------------------------------------------------------------------------------------


def limited(limit: str) -> str:
    return KEYS + f"limits: {{one: {{{limit}, by: [key]}}}}\n"


@FORMS
def test_limits_count_messages_and_not_handshakes(
    start: Start, openai: Upstream, anthropic: Upstream, way: Way
) -> None:
    server = start(written(openai, anthropic, "limits: [one]", limited("requests: 3 per 10m")))
    house = House(server, openai, anthropic)
    with house.talk(way) as talk, house.talk(way), house.talk(way), house.talk(way), house.talk(way) as last:
        talk.ask(way.body())
        last.ask(way.body())
        assert house.post(way, way.body()).status == 200
        talk.say(way.body(id="more"))
        frame = talk.hear()
        assert (frame["type"], frame["status"], frame["id"]) == ("error", 429, "more")
        assert "limit `one` is used up" in frame["error"]["message"]
        assert int(frame["headers"]["retry-after"]) > 0
        with house.talk(way, EVE) as other:
            other.ask(way.body())
        talk.say(way.body(id="more"))
        talk.refusal(429, "more")


@WAYS
def test_a_place_is_given_back_whatever_became_of_the_message(
    start: Start, openai: Upstream, anthropic: Upstream, way: Way
) -> None:
    server = start(written(openai, anthropic, "limits: [one]", limited("concurrency: 1")))
    house = House(server, openai, anthropic)
    upto, _ = way.server.parted()
    stalled = as_stream([*upto, STALL])
    with house.talk(way) as talk:
        for _ in range(3):
            house.upstream(way).script(stalled)
            talk.say(way.body(id="a"))
            talk.hear()
            talk.say(way.body(id="b"))
            frame = talk.until("b")
            assert (frame["type"], frame["status"]) == ("error", 429)
            talk.say({"type": "cancel", "id": "a"})
            assert talk.until("a", "done") == done("a", cancelled=True)
        wait(lambda: house.status()["store"]["leases"] == 0)
        talk.is_well(way)
        house.upstream(way).script(stalled)
        talk.say(way.body(id="a"))
        talk.hear()
    wait(lambda: house.status()["store"]["leases"] == 0)
    assert house.post(way, way.body()).status == 200


# what is told of a message -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def watched(start: Start, _openai: Upstream, _anthropic: Upstream, tmp_path_factory: pytest.TempPathFactory) -> House:
    journal = tmp_path_factory.mktemp("journal") / "journal.db"
    more = f'journal: {{path: "{journal}"}}, metrics: true}}\n'
    text = written(_openai, _anthropic).replace("log: {format: text}}\n", "log: {format: text}, " + more)
    return House(start(text), _openai, _anthropic)


def test_records_journal_metrics_and_status_count_each_message(watched: House, openai: Upstream) -> None:
    openai.script(as_stream([*CHATS.server.parted()[0], STALL]))
    with watched.talk(CHATS) as talk:
        talk.say(CHATS.body(id="left"))
        talk.hear()
        wait(lambda: watched.status()["requests"]["in_flight"] == 1)
        talk.say({"type": "cancel", "id": "left"})
        talk.rest("left")
        talk.ask(CHATS.body())
        talk.ask({**CHATS.body(stream=False)})
        talk.say({**CHATS.body(), "model": "nobody"})
        talk.refusal(404)
    wait(lambda: watched.status()["requests"]["in_flight"] == 0)
    kept = journaled(journal_of(watched), 5)
    told = sorted((row["status"], row["key"], row["api"]) for row in kept)
    assert told == [
        (101, "ada", None),
        (200, "ada", "chat"),
        (200, "ada", "chat"),
        (404, "ada", "chat"),
        (499, "ada", "chat"),
    ]
    assert [row["output"] for row in kept if row["status"] == 200 and not row["stream"]] == [7]
    scraped = Scraped(watched.turnout.url)
    assert scraped.sum("turnout_requests_total", api="chat", status="200") == 2
    assert scraped.sum("turnout_requests_total", api="chat", status="499") == 1
    assert scraped.sum("turnout_requests_total", api="chat", status="404") == 1


def journal_of(house: House) -> Path:
    from pathlib import Path

    found = re.search(r'journal: \{path: "([^"]+)"', house.turnout.file.read_text())
    assert found
    return Path(found[1])


@WAYS
def test_explain_of_the_same_request_tells_the_same(house: House, way: Way) -> None:
    with house.talk(way) as talk:
        talk.ask(way.body())
        talk.say({**way.body(), "model": "nobody"})
        refused = talk.until(None)
    told = explained(house, way, way.model)
    assert told["target"] == f"{way.server.kind}/{house.upstream(way).last.json['model']}"
    assert told["refusal"] is None
    told = explained(house, way, "nobody")["refusal"]
    assert (told["status"], told["message"]) == (refused["status"], refused["error"]["message"])


def explained(house: House, way: Way, model: str) -> Any:
    command = ["explain", model, "--config", str(house.turnout.file), "--key", "ada", "--api", way.client.name]
    run = subprocess.run(
        [sys.executable, "-m", "engine", *command, "--format", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout, run.stderr
    return json.loads(run.stdout)


def test_what_a_handshake_says_of_a_caller_it_says_of_each_message(house: House) -> None:
    """Its query and fields go up as those of a POST; the keys of the handshake itself do not."""
    headers = {"anthropic-beta": "one", "user-agent": "a page", "cookie": "c=1", "idempotency-key": "k"}
    with talking(house.turnout, "/v1/messages?beta=true", headers=headers, subprotocols=["chat"]) as talk:
        talk.ask(CLAUDES.body())
    seen = house.anthropic.last
    assert seen.query == "beta=true"
    assert (seen.header("anthropic-beta"), seen.header("user-agent")) == ("one", "a page")
    assert seen.header("content-type") == "application/json"
    names = {name for name, _ in seen.headers}
    assert not {"cookie", "idempotency-key", "upgrade", "origin"} & names
    assert not any(name.startswith("sec-websocket-") for name in names)
    assert ADA not in str(seen.headers)
