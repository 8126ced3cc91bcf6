"""The four timeouts of an upstream: an HTTP status before the commit point, one error in the stream after it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, Api
from tests.support.http import post
from tests.support.nowhere import nowhere
from tests.support.script import STALL, Reply, as_stream, paced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

KINDS = """
  {api}-connect: {{kind: {kind}, base_url: "{nowhere}", api_key: env:TEST_OPENAI_KEY, timeouts: {{connect: 300ms}}}}
  {api}-first: {{kind: {kind}, base_url: "{url}", api_key: env:TEST_OPENAI_KEY, timeouts: {{first_byte: 300ms}}}}
  {api}-idle: {{kind: {kind}, base_url: "{url}", api_key: env:TEST_OPENAI_KEY, timeouts: {{idle: 300ms}}}}
  {api}-total: {{kind: {kind}, base_url: "{url}", api_key: env:TEST_OPENAI_KEY, timeouts: {{total: 500ms}}}}"""
FILE = """
version: 1
upstreams:{upstreams}
defaults: {{model: {{retries: 0}}}}
models:
{models}
keys: {{anonymous: {{}}}}
"""
LIMITS = ("connect", "first", "idle", "total")
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
BOTH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)


@pytest.fixture(scope="module", name="nowhere")
def _nowhere() -> Iterator[str]:
    with nowhere() as url:
        yield url


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream, nowhere: str) -> Turnout:
    urls = {"openai": _openai.url, "anthropic": _anthropic.url}
    upstreams = "".join(
        KINDS.format(api=api.name, kind=api.options, url=urls[api.kind], nowhere=nowhere) for api in APIS
    )
    names = [f"{api.name}-{limit}" for api in APIS for limit in LIMITS]
    return start(FILE.format(upstreams=upstreams, models="\n".join(f"  {name}: {name}/m" for name in names)))


@pytest.fixture
def upstream(api: Api, openai: Upstream, anthropic: Upstream) -> Upstream:
    return openai if api.kind == "openai" else anthropic


@BOTH
@STREAM
def test_connect(turnout: Turnout, api: Api, stream: bool) -> None:
    started = time.monotonic()
    answer = post(turnout.url, api.path, api.body(f"{api.name}-connect", stream=stream))
    assert (answer.status, "connect" in api.error(answer)["message"]) == (504, True)
    assert 0.25 < time.monotonic() - started < 20


@BOTH
@STREAM
def test_first_byte(turnout: Turnout, api: Api, upstream: Upstream, stream: bool) -> None:
    upstream.script(Reply(before=(STALL,)))
    started = time.monotonic()
    answer = post(turnout.url, api.path, api.body(f"{api.name}-first", stream=stream))
    assert (answer.status, bool(api.error(answer)["message"])) == (504, True)
    assert 0.25 < time.monotonic() - started < 20
    assert upstream.last.left_within(10)


@BOTH
def test_idle_after_content_is_an_error_in_the_stream(turnout: Turnout, api: Api, upstream: Upstream) -> None:
    upto, _ = api.parted()
    upstream.script(as_stream([*upto, STALL]))
    answer = post(turnout.url, api.path, api.body(f"{api.name}-idle", stream=True))
    assert (answer.status, answer.whole, api.text(answer.body)) == (200, True, "Hello")
    api.in_band(answer.body)
    assert upstream.last.left_within(10)


@BOTH
def test_idle_before_content_is_a_status(turnout: Turnout, api: Api, upstream: Upstream) -> None:
    upstream.script(as_stream([*api.events()[: api.lifecycle], STALL]))
    answer = post(turnout.url, api.path, api.body(f"{api.name}-idle", stream=True))
    assert (answer.status, bool(api.error(answer)["message"])) == (504, True)


@BOTH
def test_idle_within_a_json_answer_is_a_status(turnout: Turnout, api: Api, upstream: Upstream) -> None:
    body = api.whole().body
    headers = (("content-type", "application/json"), ("content-length", str(len(body))))
    upstream.script(Reply(headers=headers, parts=(body[:20], STALL)))
    answer = post(turnout.url, api.path, api.body(f"{api.name}-idle"))
    assert (answer.status, bool(api.error(answer)["message"])) == (504, True)
    assert upstream.last.left_within(10)


@BOTH
def test_a_stream_that_keeps_talking_is_not_idle(turnout: Turnout, api: Api, upstream: Upstream) -> None:
    upstream.script(as_stream(paced(api.events(*"abcd"), 0.1)))
    answer = post(turnout.url, api.path, api.body(f"{api.name}-idle", stream=True))
    assert api.text(answer.body) == "abcd"
    assert api.terminal in answer.body


@BOTH
def test_total_ends_a_stream_that_never_ends(turnout: Turnout, api: Api, upstream: Upstream) -> None:
    upto, _ = api.parted()
    endless = paced(api.more(upto, 100), 0.05)
    upstream.script(as_stream([*upto, *endless]))
    started = time.monotonic()
    answer = post(turnout.url, api.path, api.body(f"{api.name}-total", stream=True))
    assert 0.4 < time.monotonic() - started < 20
    api.in_band(answer.body)
    assert upstream.last.left_within(10)


@BOTH
def test_total_before_content_is_a_status(turnout: Turnout, api: Api, upstream: Upstream) -> None:
    upstream.script(Reply(before=(STALL,)))
    answer = post(turnout.url, api.path, api.body(f"{api.name}-total"))
    assert (answer.status, bool(api.error(answer)["message"])) == (504, True)
