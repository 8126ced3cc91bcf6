"""What a connection at /v1/realtime counts for: limits while it is open, what its responses took, and its record."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection

from tests.conftest import Start
from tests.end_to_end.sockets.voices import ADA, BOB, dial, end, event, refusal, tell
from tests.support.apis import digest
from tests.support.journal import written
from tests.support.metrics import Scraped
from tests.support.realtime import Realtime
from tests.support.turnout import Turnout

FILE = f"""
version: 1
server: {{hosts: [127.0.0.1], websocket: {{connections: 3}}}}
observe: {{journal: {{path: turnout.db}}, metrics: true}}
upstreams:
  voice: {{kind: openai, base_url: "VOICE/v1", apis: [realtime]}}
models: {{talk: voice/gpt-realtime}}
limits:
  one: LIMIT
prices:
  gpt-realtime: {{input: 4, cached: 0.4, output: 16}}
keys:
  ada: {{hashes: ["{digest(ADA)}"], limits: [one]}}
  bob: {{hashes: ["{digest(BOB)}"]}}
"""
COST = -(-(24 * 40 + 16 * 4 + 20 * 160) // 10)
"""Micro-USD of a response: 40 tokens in, 16 of them cached, and 20 out."""


def begin(start: Start, voice: Realtime, limit: str) -> Turnout:
    return start(FILE.replace("VOICE", voice.url).replace("LIMIT", limit))


def patiently(turnout: Turnout) -> ClientConnection:
    """Connect as soon as the one before has given its place back."""
    while True:
        with contextlib.suppress(InvalidStatus):
            return dial(turnout, legacy=True)
        time.sleep(0.02)


def answered(client: ClientConnection) -> None:
    """Ask for a response, and read to its end."""
    tell(client, "response.create")
    while event(client)["type"] != "response.done":
        pass


def test_it_is_one_at_once_for_as_long_as_it_is_open(start: Start, voice: Realtime) -> None:
    turnout = begin(start, voice, "{concurrency: 1, by: [key]}")
    with dial(turnout) as client:
        event(client)
        status, body, _ = refusal(turnout)
        assert (status, "limit `one` is full" in body["error"]["message"]) == (429, True)
        with dial(turnout, key=BOB) as other:
            event(other)
    for _ in range(3):  # each gives its place back, however it ends
        voice.visit(-1).close()
        client = patiently(turnout)
        event(client)
        tell(client, "test.cut")
        assert end(client)[0] == 1014


def test_a_handshake_is_a_request_and_a_refused_one_is_none(start: Start, voice: Realtime) -> None:
    turnout = begin(start, voice, "{requests: 1 per 1h, by: [key]}")
    assert refusal(turnout, "model=nobody")[0] == 404
    with dial(turnout) as client:
        event(client)
    status, _, error = refusal(turnout)
    assert (status, int(error.response.headers["retry-after"]) > 3000) == (429, True)
    assert voice.asked == 1


def test_tokens_are_settled_by_what_the_responses_took(start: Start, voice: Realtime) -> None:
    turnout = begin(start, voice, "{tokens: 1130 per 1h, by: [key]}")
    for _ in range(2):  # 1000 are reckoned with, and 60 taken
        with dial(turnout) as client:
            event(client)
            answered(client)
        voice.visit(-1).close()
        written(Path(turnout.file.parent / "turnout.db"), len(voice.visits))
    with dial(turnout) as client:
        event(client)
        assert refusal(turnout)[0] == 429


def test_the_response_that_uses_a_budget_up_is_the_last(start: Start, voice: Realtime) -> None:
    turnout = begin(start, voice, "{budget: 0.017 USD per day, by: [key]}")
    with dial(turnout) as client:
        event(client)
        number = 0
        while True:
            tell(client, "response.create")
            number += 1
            kinds = [event(client) for _ in range(3)]
            assert kinds[2]["type"] == "response.done"
            if number * COST > 17_000 - 1:
                break
        told = event(client)
        assert (told["type"], told["error"]["code"]) == ("error", "insufficient_quota"), told
        code, reason = end(client)
        assert (code, "the budget of limit `one` is spent" in reason) == (1008, True)
    assert voice.visit().close()[0] == 1001
    assert refusal(turnout)[0] == 429
    first, refused = written(Path(turnout.file.parent / "turnout.db"), 2)
    assert (first["status"], first["reason"], first["cost"]) == (101, "quota", number * COST)
    assert refused["status"] == 429


def test_its_record_and_its_metrics(start: Start, voice: Realtime) -> None:
    turnout = begin(start, voice, "{concurrency: 9, by: [key]}")
    with dial(turnout) as client:
        event(client)
        answered(client)
        answered(client)
    refusal(turnout, key="wrong")
    row, refused = written(Path(turnout.file.parent / "turnout.db"), 2)
    told = {name: row[name] for name in ("status", "api", "key", "model", "target", "reason", "stream", "cost")}
    assert told == {
        "status": 101,
        "api": "realtime",
        "key": "ada",
        "model": "talk",
        "target": "voice/gpt-realtime",
        "reason": None,
        "stream": 0,
        "cost": 2 * COST,
    }
    assert (row["input"], row["cache_read"], row["output"]) == (48, 32, 40)
    assert (refused["status"], refused["api"], refused["key"]) == (401, "realtime", None)
    scraped = Scraped(turnout.url)
    assert scraped.sum("turnout_requests_total", api="realtime", status="101") == 1
    assert scraped.sum("turnout_requests_total", api="realtime", status="401") == 1


def test_a_client_that_leaves_before_the_usage_is_told_pays_for_what_it_got(start: Start, voice: Realtime) -> None:
    turnout = begin(start, voice, "{concurrency: 9, by: [key]}")
    with dial(turnout) as client:
        event(client)
        answered(client)
        tell(client, "response.create", hold=True)
        assert [event(client)["type"] for _ in range(2)][1] == "response.output_text.delta"
    (row,) = written(Path(turnout.file.parent / "turnout.db"), 1)
    assert (row["output"], row["estimated"]) == (22, 1)


def test_an_open_connection_takes_no_place_of_a_request(start: Start, voice: Realtime) -> None:
    text = FILE.replace("VOICE", voice.url).replace("LIMIT", "{concurrency: 9, by: [key]}")
    turnout = start(text.replace("{hosts: [127.0.0.1], ", "{hosts: [127.0.0.1], max_concurrency: 1, queue: 0, "))
    with dial(turnout) as one, dial(turnout) as two:
        event(one)
        event(two)


def test_a_target_that_recovers_is_everybodys_again_while_the_connection_that_tried_it_is_open(
    start: Start, voice: Realtime
) -> None:
    text = FILE.replace("VOICE", voice.url).replace("LIMIT", "{concurrency: 9, by: [key]}")
    circuit = "apis: [realtime], circuit: {failures: 1, cooldown: 300ms, longest: 300ms}"
    turnout = start(text.replace("apis: [realtime]", circuit))
    for _ in range(2):
        voice.refusals.append((500, {}, b"{}"))
        assert refusal(turnout)[0] in (500, 502)
        assert refusal(turnout)[0] == 503  # it cools
        with patiently(turnout) as trying, dial(turnout) as other:
            event(trying)
            event(other)
            voice.visits.clear()


def test_no_more_are_open_than_may_be(start: Start, voice: Realtime) -> None:
    turnout = begin(start, voice, "{concurrency: 9, by: [key]}")
    with dial(turnout) as one, dial(turnout) as two, dial(turnout) as three:
        for client in (one, two, three):
            event(client)
        status, body, error = refusal(turnout)
        assert (status, "server.websocket.connections" in body["error"]["message"]) == (503, True)
        assert error.response.headers["retry-after"]
