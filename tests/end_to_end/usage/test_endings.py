"""Whatever becomes of a request: the record holds what was told, and marks what is only guessed."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING

import pytest

from engine.dialects.measure import tokens
from tests.end_to_end.usage.house import (
    BY_PATH,
    CHAT_USAGE,
    COST,
    MESSAGE_USAGE,
    USAGE,
    WORDS,
    Json,
    record,
    written,
)
from tests.support import answers
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.events import event
from tests.support.http import Line, post
from tests.support.script import CUT, STALL, Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

APIS = (CHAT, MESSAGES, RESPONSES)
WRITTEN = tokens(len("".join(WORDS)))
ASKED = tokens(len("Hi"))
"""Our estimate of what the requests of these tests ask."""


def upstream_of(api: Api, openai: Upstream, anthropic: Upstream) -> Upstream:
    return openai if api.kind == "openai" else anthropic


def begun(api: Api) -> list[bytes]:
    """Return the events of a stream up to its last word."""
    reply: Reply = BY_PATH[api.path](stream=True)
    events = [part for part in reply.parts if isinstance(part, bytes)]
    last = max(at for at, one in enumerate(events) if WORDS[-1].encode() in one and b"delta" in one)
    return events[: last + 1]


def expected_of(api: Api) -> Json:
    """Return what is known of such a stream: the Messages API tells at once what it has read."""
    known = USAGE if api is MESSAGES else {"input": ASKED, "cache_read": 0, "cache_write": 0}
    told = {name: known[name] for name in ("input", "cache_read", "cache_write")}
    return {**told, "output": pytest.approx(WRITTEN, abs=1), "reasoning": None, "estimated": True}


@pytest.mark.parametrize("upstream", APIS, ids=lambda api: f"to-{api.name}")
@pytest.mark.parametrize("client", APIS, ids=lambda api: f"from-{api.name}")
def test_a_stream_that_breaks(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, client: Api, upstream: Api
) -> None:
    upstream_of(upstream, openai, anthropic).script(as_stream([*begun(upstream), CUT]))
    answer = post(turnout.url, client.path, client.body(f"to-{upstream.name}", stream=True))
    told = record(turnout, answer)
    assert told["usage"] == expected_of(upstream)
    assert told["cost"] > 0


@pytest.mark.parametrize("upstream", APIS, ids=lambda api: f"to-{api.name}")
@pytest.mark.parametrize("client", APIS, ids=lambda api: f"from-{api.name}")
def test_a_client_that_leaves_its_stream(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, client: Api, upstream: Api
) -> None:
    up = upstream_of(upstream, openai, anthropic)
    up.script(as_stream([*begun(upstream), STALL]))
    line = Line(turnout.url)
    line.ask("POST", client.path, body=client.body(f"to-{upstream.name}", stream=True))
    got = line.head()
    for _ in line.chunks(got):
        if WORDS[-1].strip(", ").encode() in got.read:
            break
    line.close()
    told = record(turnout, got)
    assert told["status"] == 499
    assert told["usage"] == expected_of(upstream)


def test_a_client_that_leaves_before_anything_came(turnout: Turnout, openai: Upstream) -> None:
    """The upstream reads what it was asked all the same."""
    openai.script(Reply(before=(STALL,)))
    since = len(turnout.log())
    line = Line(turnout.url)
    line.ask("POST", CHAT.path, body=CHAT.body("to-chat"))
    openai.wait_for(1)
    line.close()
    found = turnout.wait_for(re.compile(r'^\{.*"status":499.*\}$', re.MULTILINE), since=since)
    told = json.loads(found.group())
    assert told["usage"] == {**expected_of(CHAT), "output": 0}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_failed_try_that_told_nothing_costs_nothing(turnout: Turnout, anthropic: Upstream, stream: bool) -> None:
    anthropic.script(as_json({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}, 529))
    told = record(turnout, post(turnout.url, CHAT.path, CHAT.body("both", stream=stream)))
    assert told["target"] == "chat/gpt-5.5"
    assert told["usage"] == {**USAGE, "estimated": False}
    assert told["cost"] == COST


def test_a_failed_try_that_told_its_input_counts(turnout: Turnout, anthropic: Upstream) -> None:
    start = {**answers.message(""), "content": [], "stop_reason": None, "usage": {**MESSAGE_USAGE, "output_tokens": 0}}
    opened = event("message_start", message=start)
    anthropic.script(as_stream([opened, event("error", error={"type": "overloaded_error", "message": "Overloaded"})]))
    told = record(turnout, post(turnout.url, CHAT.path, CHAT.body("both", stream=True)))
    assert told["target"] == "chat/gpt-5.5"
    both = {name: 2 * USAGE[name] for name in ("input", "cache_read", "cache_write")}
    assert {name: told["usage"][name] for name in both} == both
    assert told["usage"]["output"] == USAGE["output"]
    assert told["cost"] == 2 * COST - 30 * 10


def test_nobody_answers(turnout: Turnout, openai: Upstream) -> None:
    openai.script(as_json({"error": {"message": "no", "type": "server_error"}}, 500))
    answer = post(turnout.url, CHAT.path, CHAT.body("to-chat"))
    assert answer.status == 500
    told = record(turnout, answer)
    assert "usage" not in told
    assert "cost" not in told


def test_a_model_without_a_price(turnout: Turnout) -> None:
    told = record(turnout, post(turnout.url, CHAT.path, CHAT.body("unpriced")))
    assert told["usage"] == {**USAGE, "estimated": False}
    assert "cost" not in told


def test_an_answer_without_usage(turnout: Turnout, openai: Upstream) -> None:
    whole = answers.chat("".join(WORDS))
    del whole["usage"]
    openai.script(as_json(whole))
    told = record(turnout, post(turnout.url, CHAT.path, CHAT.body("to-chat")))
    assert told["usage"] == expected_of(CHAT)


def test_a_json_answer_to_a_stream(turnout: Turnout, openai: Upstream) -> None:
    openai.script(as_json({**answers.chat("Hello"), "usage": CHAT_USAGE}))
    for api in (CHAT, MESSAGES):
        told = record(turnout, post(turnout.url, api.path, api.body("to-chat", stream=True)))
        assert told["usage"] == {**USAGE, "estimated": False}


def test_an_embedding(turnout: Turnout, openai: Upstream) -> None:
    openai.script(as_json({"object": "list", "data": [], "model": "gpt-5.5", "usage": {"prompt_tokens": 7}}))
    answer = post(turnout.url, "/v1/embeddings", {"model": "to-chat", "input": "Hi"})
    told = record(turnout, answer)
    assert (told["usage"]["input"], told["usage"]["output"], told["cost"]) == (7, 0, 14)


def test_a_count_takes_nothing(turnout: Turnout, anthropic: Upstream) -> None:
    anthropic.script(as_json({"input_tokens": 12}))
    answer = post(turnout.url, "/v1/messages/count_tokens", MESSAGES.body("to-messages"))
    assert answer.json == {"input_tokens": 12}
    assert "usage" not in record(turnout, answer)


def test_compressed_answers(turnout: Turnout, openai: Upstream) -> None:
    body = gzip.compress(json.dumps({**answers.chat("Hello"), "usage": CHAT_USAGE}).encode())
    openai.script(as_json(body, 200, ("content-encoding", "gzip")))
    told = record(turnout, post(turnout.url, CHAT.path, CHAT.body("to-chat")))
    assert told["usage"] == {**USAGE, "estimated": False}


def test_an_edit_of_the_prices_counts_from_the_next_request(turnout: Turnout) -> None:
    text = turnout.file.read_text()
    dearer = text.replace('"*/gpt-5.5": {input: 2,', '"*/gpt-5.5": {input: 3,')
    assert "~price */gpt-5.5" in turnout.taken(lambda: turnout.rewrite(dearer))
    try:
        told = record(turnout, post(turnout.url, CHAT.path, CHAT.body("to-chat")))
        assert told["cost"] == COST + 100
    finally:
        turnout.taken(lambda: turnout.rewrite(text))
    told = record(turnout, post(turnout.url, CHAT.path, CHAT.body("to-chat")))
    assert told["cost"] == COST


def test_a_file_that_asks_for_nothing_leaves_streams_alone(start: Start, openai: Upstream) -> None:
    plain = written(openai, openai)
    plain = plain[: plain.index("prices:")] + plain[plain.index("keys:") :]
    turnout = start(plain)
    raw = json.dumps(CHAT.body("to-chat", stream=True)).encode()
    answer = post(turnout.url, CHAT.path, raw)
    assert "stream_options" not in openai.last.json
    told = record(turnout, answer)
    assert "usage" not in told
    assert "cost" not in told
    turnout.taken(lambda: turnout.rewrite(plain.replace("log: {format: json}", "log: {format: json, usage: true}")))
    told = record(turnout, post(turnout.url, CHAT.path, raw))
    assert openai.last.json["stream_options"] == {"include_usage": True}
    assert told["usage"] == {**USAGE, "estimated": False}
    assert "cost" not in told


def test_requests_around_the_depth_that_can_be_looked_into(turnout: Turnout, openai: Upstream) -> None:
    """Where the body passes, and its answer tells no usage, it is estimated, if need be by its bytes."""
    whole = answers.chat("".join(WORDS))
    del whole["usage"]
    seen = set()
    for depth in range(700, 1001, 10):
        openai.clear()
        openai.script(as_json(whole))
        raw = json.dumps(CHAT.body("to-chat")).encode()[:-1] + b',"x":' + b"[" * depth + b"]" * depth + b"}"
        answer = post(turnout.url, CHAT.path, raw)
        seen.add(answer.status)
        if answer.status == 200:
            assert record(turnout, answer)["usage"]["input"] in (ASKED, tokens(len(raw)))
    assert seen == {200, 400}
