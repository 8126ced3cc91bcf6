"""Limits through the front door: who counts with whom, what a refusal says, and what is given back."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, CHAT, MESSAGES, Api, digest
from tests.support.http import Answer, Line, get, post
from tests.support.script import STALL, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

EACH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
ADA, EVE = ("tk-ada-0123456789abcdef", "tk-eve-0123456789abcdef")
FILE = """\
version: 1
server: {{{server}}}
upstreams:
  openai: {{kind: openai, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: {{targets: [anthropic/claude-sonnet-5]{entry}}}
  smart-responses: openai/gpt-5.5
routes:
  - {{name: header, when: {{header: {{x-road: other}}}}, to: openai/gpt-5.5{route}}}
  - {{name: images, when: {{path: "/v1/images/**"}}, pass: openai}}
bases:
  team-a: {{prefix: /team-a{base}}}
limits:
{limits}
keys:
  anonymous: {{routes: [images, header]{anonymous}}}
  ada: {{hashes: ["{ada}"]{key}}}
  eve: {{hashes: ["{eve}"]{key}}}
"""


@pytest.fixture
def serve(start: Start, openai: Upstream, anthropic: Upstream):  # type: ignore[no-untyped-def]  # a function with many options
    def begin(limits: str, **named: str) -> Turnout:
        return start(text(openai, anthropic, limits, **named))

    return begin


def text(openai: Upstream, anthropic: Upstream, limits: str, **named: str) -> str:
    """Return a file with `limits`, and where each place names them: `server="limits: [one]"`."""
    places = dict.fromkeys(("server", "entry", "route", "base", "anonymous", "key"), "") | {
        place: said if place == "server" else f", limits: [{said}]" for place, said in named.items()
    }
    return FILE.format(
        openai=openai.url, anthropic=anthropic.url, limits=limits, ada=digest(ADA), eve=digest(EVE), **places
    )


def ask(turnout: Turnout, api: Api, headers: dict[str, str] | None = None, base: str = "", **more: object) -> Answer:
    return post(turnout.url, base + api.path, api.body(**more), headers or {})


def statuses(
    turnout: Turnout, api: Api, count: int, headers: dict[str, str] | None = None, base: str = ""
) -> list[int]:
    return [ask(turnout, api, headers, base).status for _ in range(count)]


@EACH
def test_what_is_more_than_a_limit_is_refused_in_the_form_of_the_api(serve, api: Api) -> None:
    turnout = serve("  few: {requests: 2 per 10m, by: [ip]}", server="limits: [few]")
    assert statuses(turnout, api, 2) == [200, 200]
    answer = ask(turnout, api)
    assert answer.status == 429
    error = api.error(answer)
    assert error["type"] == ("rate_limit_error" if api is MESSAGES else "requests")
    assert "limit `few` is used up: 2 requests/10m by ip; try again in " in error["message"]
    assert 1 <= int(answer.header("retry-after") or 0) <= 611
    assert ask(turnout, api).status == 429


@EACH
def test_what_is_left_is_told_as_clients_of_the_api_read_it(
    serve, api: Api, openai: Upstream, anthropic: Upstream
) -> None:
    turnout = serve("  few: {requests: 5 per 10m, by: [all]}", server="limits: [few]")
    for upstream in (openai, anthropic):
        upstream.answer = with_limits_of_its_own(upstream.answer)
    for stream in (False, True):
        answer = ask(turnout, api, stream=stream)
        assert answer.status == 200
        told = {name: value for name, value in answer.headers if "ratelimit" in name}
        first = "anthropic-ratelimit-requests-" if api is MESSAGES else "x-ratelimit-"
        last = "" if api is MESSAGES else "-requests"
        assert set(told) == {f"{first}{figure}{last}" for figure in ("limit", "remaining", "reset")}
        assert told[f"{first}limit{last}"] == "5"
        assert told[f"{first}remaining{last}"] == ("3" if stream else "4")


def with_limits_of_its_own(answer):  # type: ignore[no-untyped-def]
    def limited(seen):  # type: ignore[no-untyped-def]
        fields = [(f"x-ratelimit-remaining-{kind}", "77") for kind in ("requests", "tokens")]
        fields += [(f"anthropic-ratelimit-{kind}-remaining", "77") for kind in ("requests", "input-tokens")]
        return answer(seen).with_headers(*fields)

    return limited


def test_the_upstreams_own_figures_pass_where_no_limit_has_any(serve, openai: Upstream) -> None:
    turnout = serve("  few: {concurrency: 5, by: [all]}", server="limits: [few]")
    openai.answer = with_limits_of_its_own(openai.answer)
    assert ask(turnout, CHAT).header("x-ratelimit-remaining-requests") == "77"


def test_who_counts_with_whom(serve) -> None:
    ada, eve = {"x-api-key": ADA}, {"x-api-key": EVE}
    apart = serve("  few: {requests: 1 per 10m, by: [key]}", key="few")
    assert [statuses(apart, CHAT, 2, who) for who in (ada, eve)] == [[200, 429], [200, 429]]
    assert statuses(apart, CHAT, 2) == [200, 200]
    together = serve("  few: {requests: 1 per 10m, by: [all]}", key="few")
    assert [statuses(together, CHAT, 1, who) for who in (ada, eve)] == [[200], [429]]
    by_model = serve("  few: {requests: 1 per 10m, by: [model]}", server="limits: [few]")
    assert [statuses(by_model, api, 2) for api in (CHAT, MESSAGES)] == [[200, 429], [200, 429]]


def test_a_limit_counts_where_it_is_named(serve) -> None:
    limits = "  few: {requests: 1 per 10m, by: [all]}"
    by_base = serve(limits, base="few")
    assert statuses(by_base, CHAT, 2, base="/team-a") == [200, 429]
    assert statuses(by_base, CHAT, 2) == [200, 200]
    by_route = serve(limits, route="few")
    assert statuses(by_route, CHAT, 2, {"x-road": "other"}) == [200, 429]
    assert statuses(by_route, CHAT, 2) == [200, 200]
    by_entry = serve(limits, entry="few")
    assert statuses(by_entry, MESSAGES, 2) == [200, 429]
    assert statuses(by_entry, CHAT, 2) == [200, 200]


def test_a_limit_named_on_two_roads_counts_once(serve) -> None:
    turnout = serve("  few: {requests: 2 per 10m, by: [key]}", server="limits: [few]", key="few", base="few")
    assert statuses(turnout, CHAT, 3, {"x-api-key": ADA}, "/team-a") == [200, 200, 429]


def test_when_says_which_requests_count(serve) -> None:
    turnout = serve("  few: {requests: 1 per 10m, by: [ip], when: {stream: true}}", server="limits: [few]")
    assert [ask(turnout, CHAT, stream=stream).status for stream in (True, False, True, False)] == [200, 200, 429, 200]
    deep = serve("  few: {requests: 1 per 10m, by: [ip], when: {max_tokens: {min: 60}}}", server="limits: [few]")
    assert statuses(deep, MESSAGES, 2) == [200, 429]
    assert statuses(deep, CHAT, 2) == [200, 200]


def test_what_another_limit_refuses_has_not_counted(serve) -> None:
    limits = """\
  door: {requests: 3 per 10m, by: [ip]}
  wide: {requests: 3 per 10m, by: [all]}
  few: {requests: 1 per 10m, by: [key]}"""
    turnout = serve(limits, server="limits: [wide, door]", key="few")
    assert statuses(turnout, CHAT, 3, {"x-api-key": ADA}) == [200, 429, 429]
    assert statuses(turnout, CHAT, 3) == [200, 200, 429]


def test_the_first_in_the_file_names_itself_and_the_longest_wait_is_told(serve) -> None:
    limits = """\
  short: {requests: 1 per 1m, by: [key]}
  long: {requests: 1 per 10m, by: [key]}"""
    turnout = serve(limits, server="limits: [long, short]")
    assert statuses(turnout, CHAT, 1) == [200]
    answer = ask(turnout, CHAT)
    assert "`short`" in CHAT.error(answer)["message"]
    assert 70 < int(answer.header("retry-after") or 0) <= 611


def test_what_costs_nothing_does_not_count(serve) -> None:
    turnout = serve("  few: {requests: 1 per 10m, by: [ip]}", server="limits: [few]")
    for _ in range(3):
        assert get(turnout.url, "/v1/models", {"x-api-key": ADA}).status == 200
        counted = post(turnout.url, "/v1/messages/count_tokens", {"model": "smart-claude", "messages": []}, {})
        assert counted.status == 200
        assert get(turnout.url, "/health").status == 200
    assert statuses(turnout, CHAT, 2) == [200, 429]
    assert get(turnout.url, "/health").status == 200


def test_guessing_keys_is_limited(serve) -> None:
    turnout = serve("  few: {requests: 3 per 10m, by: [ip]}", server="limits: [few]")
    wrong = {"x-api-key": "tk-guessed-0123456789abcdef"}
    assert statuses(turnout, CHAT, 5, wrong) == [401, 401, 401, 429, 429]
    assert get(turnout.url, "/v1/models", wrong).status == 429
    assert statuses(turnout, CHAT, 1, {"x-api-key": ADA}) == [429]


def test_pass_routes_count(serve, openai: Upstream) -> None:
    turnout = serve("  few: {requests: 1 per 10m, by: [ip]}", server="limits: [few]")
    assert [post(turnout.url, "/v1/images/generations", {"prompt": "x"}).status for _ in range(2)] == [200, 429]


@EACH
def test_no_more_at_once_than_the_limit_says(serve, api: Api, openai: Upstream, anthropic: Upstream) -> None:
    turnout = serve("  two: {concurrency: 2, by: [all]}", server="limits: [two]")
    upstream = anthropic if api is MESSAGES else openai
    upstream.script(*(as_stream([*api.events()[: api.lifecycle + 2], STALL]) for _ in range(2)))
    with ExitStack() as stack:
        lines = [stack.enter_context(Line(turnout.url)) for _ in range(2)]
        for line in lines:
            line.ask("POST", api.path, (), api.body(stream=True))
            line.head()
        answer = ask(turnout, api)
        assert answer.status == 429
        assert "limit `two` is full: 2 at once by all" in api.error(answer)["message"]
        assert answer.header("retry-after") == "1"
        lines[0].close()
        assert upstream.requests[0].left_within(5)
        assert statuses(turnout, api, 3) == [200, 200, 200]


def test_one_after_the_other_is_never_two_at_once(serve) -> None:
    turnout = serve("  one: {concurrency: 1, by: [ip]}", server="limits: [one]")
    with Line(turnout.url) as line:
        for stream in (False, True) * 10:
            line.ask("POST", CHAT.path, (), CHAT.body(stream=stream))
            assert line.answer().status == 200


def test_counters_outlive_edits_and_changed_limits_count_afresh(serve, openai: Upstream, anthropic: Upstream) -> None:
    turnout = serve("  few: {requests: 2 per 10m, by: [ip]}", server="limits: [few]")
    assert statuses(turnout, CHAT, 2) == [200, 200]
    same = text(openai, anthropic, "  few: {requests: 2 per 10m, by: [ip]}", server="limits: [few], drain: 5s")
    turnout.taken(lambda: turnout.rewrite(same))
    assert statuses(turnout, CHAT, 1) == [429]
    other = text(openai, anthropic, "  few: {requests: 3 per 10m, by: [ip]}", server="limits: [few]")
    assert "~limit few" in turnout.taken(lambda: turnout.rewrite(other))
    assert statuses(turnout, CHAT, 4) == [200, 200, 200, 429]
