"""Tokens and money: reserved when a request comes in, settled by what it used, and remembered over a restart."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT
from tests.support.http import Answer, get, post
from tests.support.script import CUT, Reply, as_json, as_stream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

PRICES = "prices: {gpt-*: {input: 1, output: 10}}\n"


def text(openai: Upstream, anthropic: Upstream, limits: str, more: str = "", *, upstream: str = "") -> str:
    server = "" if upstream else "server: {limits: [one]}\n"
    own = f", limits: [{upstream}]" if upstream else ""
    return f"""\
version: 1
{server}upstreams:
  openai: {{kind: openai, base_url: "{openai.url}", api_key: env:TEST_OPENAI_KEY{own}}}
  other: {{kind: openai, base_url: "{anthropic.url}", api_key: env:TEST_OPENAI_KEY}}
models:
  smart-chat: {{targets: [openai/gpt-5.5, other/gpt-5.4], retries: 0}}
limits:
  {limits}
keys: {{anonymous: {{}}}}
{more}"""


def used(prompt: int, completion: int) -> Reply:
    answer = CHAT.answer("Hello there")
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return as_json({**answer, "usage": usage})


def ask(turnout: Turnout, most: int = 50, *, stream: bool = False) -> Answer:
    return post(turnout.url, CHAT.path, {**CHAT.body(stream=stream), "max_completion_tokens": most})


def left(answer: Answer) -> int:
    return int(answer.header("x-ratelimit-remaining-tokens") or -1)


def test_tokens_are_reserved_and_settled(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    turnout = start(text(openai, anthropic, "one: {tokens: 1000 per 10m, by: [all]}"))
    openai.script(used(100, 300), used(1, 1), used(1, 1))
    first = left(ask(turnout, 800))
    assert 1000 - 800 - 20 < first < 1000 - 800
    second = left(ask(turnout, 100))
    assert 1000 - 400 - 100 - 20 < second < 1000 - 400 - 100
    refused = ask(turnout, 700)
    assert refused.status == 429
    assert CHAT.error(refused)["code"] == "rate_limit_exceeded"
    assert ask(turnout, 500).status == 200


def test_what_one_request_takes_beyond_the_whole_limit_is_no_matter_of_waiting(
    start: Start, openai: Upstream, anthropic: Upstream
) -> None:
    turnout = start(text(openai, anthropic, "one: {tokens: 1000 per 10m, by: [all]}"))
    answer = ask(turnout, 5000)
    assert answer.status == 400
    assert "limit `one` allows (1000 tokens/10m)" in CHAT.error(answer)["message"]
    assert answer.header("x-should-retry") == "false"
    assert openai.requests == []


def test_usage_beyond_the_estimate_counts_too(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    turnout = start(text(openai, anthropic, "one: {tokens: 1000 per 10m, by: [all]}"))
    openai.script(used(900, 90))
    assert ask(turnout, 50).status == 200
    assert ask(turnout, 50).status == 429


def test_what_failed_took_no_tokens(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    turnout = start(text(openai, anthropic, "one: {tokens: 1000 per 10m, by: [all]}"))
    for upstream in (openai, anthropic):
        upstream.script(as_json(CHAT.refusal("invalid_request_error", "no"), 400))
    assert ask(turnout, 900).status == 400
    openai.script(used(1, 1))
    assert ask(turnout, 900).status == 200


def test_a_stream_without_usage_keeps_an_estimate(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    turnout = start(text(openai, anthropic, "one: {tokens: 1000 per 10m, by: [all]}"))
    openai.script(as_stream([*CHAT.events("word " * 400)[:2], CUT]))
    ask(turnout, 600, stream=True)
    assert ask(turnout, 600).status == 429, "about 500 tokens were written"


def test_a_budget_is_spent_by_the_prices_of_the_file(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    turnout = start(text(openai, anthropic, "one: {budget: 0.01 USD per day, by: [all]}", PRICES))
    openai.script(used(1000, 850), used(1, 1))  # 1000 x 1 + 850 x 10 = 9,500 of 10,000 micro-USD
    assert ask(turnout, 900).status == 200
    refused = ask(turnout, 100)
    assert refused.status == 429
    error = CHAT.error(refused)
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
    assert re.search(
        "the budget of limit `one` is spent: 0.01 USD/day by all; it begins anew in [0-9]+ s", error["message"]
    )
    assert 0 < int(refused.header("retry-after") or 0) <= 86400
    assert ask(turnout, 30).status == 200


def test_a_restart_forgets_nothing_that_the_journal_knows(
    start: Start, openai: Upstream, anthropic: Upstream, tmp_path: Path
) -> None:
    journal = f'observe: {{journal: {{path: "{tmp_path}/turnout.db"}}}}\n'
    file = text(openai, anthropic, "one: {budget: 0.01 USD per day, by: [all]}", PRICES + journal)
    turnout = start(file)
    openai.script(used(1000, 850))
    assert ask(turnout, 900).status == 200
    turnout.stop()
    again = start(file)
    assert ask(again, 100).status == 429
    assert ask(again, 30).status == 200


def test_an_edit_of_a_budget_forgets_nothing_that_was_spent(
    start: Start, openai: Upstream, anthropic: Upstream
) -> None:
    turnout = start(text(openai, anthropic, "one: {budget: 0.01 USD per day, by: [all]}", PRICES))
    openai.script(used(1000, 850))
    assert ask(turnout, 900).status == 200
    for limit in ("0.0099 USD per day, by: [all]", "0.01 USD per day, by: [all], when: {model: smart-*}"):
        turnout.taken(lambda one=limit: turnout.rewrite(text(openai, anthropic, f"one: {{budget: {one}}}", PRICES)))
        assert ask(turnout, 100).status == 429
    more = text(openai, anthropic, "one: {budget: 0.02 USD per day, by: [all]}", PRICES)
    turnout.taken(lambda: turnout.rewrite(more))
    assert ask(turnout, 100).status == 200


def test_a_request_dearer_than_a_whole_budget_is_told_in_dollars(
    start: Start, openai: Upstream, anthropic: Upstream
) -> None:
    turnout = start(text(openai, anthropic, "one: {budget: 0.01 USD per day, by: [all]}", PRICES))
    answer = ask(turnout, 100_000)
    assert answer.status == 400
    assert "(0.01 USD/day): an estimated 1.00 USD of 0.01 USD" in CHAT.error(answer)["message"]


def test_what_no_waiting_helps_at_an_upstream_is_no_429(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    file = text(openai, anthropic, "one: {tokens: 1000 per 10m, by: [all]}", upstream="one")
    turnout = start(file.replace(", other/gpt-5.4", ""))
    answer = ask(turnout, 5000)
    assert answer.status == 400
    assert CHAT.error(answer)["code"] == "request_exceeds_limit"


def test_a_limit_that_moves_a_request_is_seen_in_metrics_and_journal(
    start: Start, openai: Upstream, anthropic: Upstream, tmp_path: Path
) -> None:
    observe = f'observe: {{metrics: true, journal: {{path: "{tmp_path}/turnout.db"}}}}\n'
    turnout = start(text(openai, anthropic, "one: {requests: 1 per 10m, by: [target]}", observe, upstream="one"))
    assert [ask(turnout).status for _ in range(2)] == [200, 200]
    metrics = get(turnout.url, "/metrics").body.decode()
    assert 'turnout_limit_refusals_total{limit="one"} 1.0' in metrics
    assert 'turnout_fallbacks_total{reason="limited",target="openai/gpt-5.5"} 1.0' in metrics
    turnout.stop()
    with closing(sqlite3.connect(tmp_path / "turnout.db")) as db:
        tries = [json.loads(one) for (one,) in db.execute("SELECT tries FROM requests ORDER BY id")]
    assert [[one[:2] for one in row] for row in tries] == [
        [["openai/gpt-5.5", None]],
        [["openai/gpt-5.5", "limited"], ["other/gpt-5.4", None]],
    ]


def test_figures_are_those_of_the_target_that_answers(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    turnout = start(text(openai, anthropic, "one: {requests: 1 per 10m, by: [target]}", upstream="one"))
    first, second = (ask(turnout) for _ in range(2))
    assert first.header("x-ratelimit-remaining-requests") == "0"
    assert second.header("x-turnout-target") == "other/gpt-5.4"
    assert second.header("x-ratelimit-remaining-requests") is None


def test_a_full_upstream_is_passed_over(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    turnout = start(text(openai, anthropic, "one: {requests: 1 per 10m, by: [all]}", upstream="one"))
    targets = [ask(turnout).header("x-turnout-target") for _ in range(3)]
    assert targets == ["openai/gpt-5.5", "other/gpt-5.4", "other/gpt-5.4"]
    assert len(openai.requests) == 1


def test_the_last_target_being_full_is_said(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    file = text(openai, anthropic, "one: {concurrency: 1, by: [target]}", upstream="one")
    file = file.replace(", other/gpt-5.4", "").replace("concurrency: 1", "requests: 1 per 10m")
    turnout = start(file)
    assert ask(turnout).status == 200
    answer = ask(turnout)
    assert answer.status == 429
    assert "limit `one` is used up: 1 requests/10m by target" in CHAT.error(answer)["message"]
    assert int(answer.header("retry-after") or 0) > 1


def test_tries_that_fail_give_their_tokens_back_to_the_upstreams_limit(
    start: Start, openai: Upstream, anthropic: Upstream
) -> None:
    turnout = start(text(openai, anthropic, "one: {tokens: 1000 per 10m, concurrency: 1, by: [all]}", upstream="one"))
    openai.script(as_json(CHAT.refusal("server_error", "no"), 500), used(400, 400), used(1, 1))
    assert [ask(turnout, 900).header("x-turnout-target") for _ in range(2)] == ["other/gpt-5.4", "openai/gpt-5.5"]
    assert [ask(turnout, most).header("x-turnout-target") for most in (500, 100)] == ["other/gpt-5.4", "openai/gpt-5.5"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_record_names_the_limit_that_refused(
    start: Start, openai: Upstream, anthropic: Upstream, *, stream: bool
) -> None:
    turnout = start(text(openai, anthropic, "one: {requests: 1 per 10m, by: [all]}"))
    ask(turnout, stream=stream)
    since = len(turnout.log())
    ask(turnout, stream=stream)
    line = turnout.wait_for(re.compile(r'^.*"status":429.*$', re.MULTILINE), since=since).group()
    assert json.loads(line)["limit"] == "one"
