"""Same API on both sides: what the upstream says comes back byte for byte, under the name that was asked for."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.answers import chat, chat_events, event, message, message_events
from tests.support.apis import APIS, CHAT, MESSAGES, Api
from tests.support.http import Answer, post
from tests.support.passing import PASSING, fields, of
from tests.support.script import Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(PASSING.format(openai=_openai.url, anthropic=_anthropic.url))


ODD_JSON = (
    b'{"id":"x", "model" : "%s","n":[1.10,1e2 ,-0.0],"s":"\\u00e9\\ud83d\\ude00 \\/",'
    b'"obj":{"model":"keep me"},"usage":{ }}'
)


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_json_answers_come_back_under_the_asked_name(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    of(api.name, openai, anthropic).script(as_json(ODD_JSON % api.upstream_model.encode()))
    answer = post(turnout.url, api.path, api.body())
    assert fields(answer.body) == fields(ODD_JSON % api.asked.encode())
    assert answer.header("content-length") == str(len(answer.body))


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_json_answers_are_untouched_where_the_names_agree(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    sent = ODD_JSON % api.upstream_model.encode()
    of(api.name, openai, anthropic).script(as_json(sent))
    assert post(turnout.url, api.path, api.body(api.upstream_model)).body == sent


PING = event("ping")


def without_early_ping(events: list[bytes]) -> list[bytes]:
    """Return `events` without the ping before the first content: until then, keep-alives are Turnout's own affair."""
    at = events.index(PING) if PING in events else len(events)
    return [*events[:at], *events[at + 1 :]]


def odd_events(api: Api) -> list[bytes]:
    """Return a stream with everything that only bytes bring back: comments, odd spaces, CRLF, new events, `retry`."""
    events = api.events("Hello", " there")
    novel = b'data:{"choices":[],"novel":[1.10, 1e2]}\n\n' if api is CHAT else event("event_of_2027", novel=[1.5])
    odd = b": a comment\n\nretry: 100\n\n"
    return [*events[:-2], odd, PING, novel, events[-2].replace(b"\n", b"\r\n"), events[-1]]


@pytest.mark.odd_stream("events that no API has")
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_streams_are_untouched_where_the_names_agree(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    sent = odd_events(api)
    of(api.name, openai, anthropic).script(as_stream(sent))
    got = post(turnout.url, api.path, api.body(api.upstream_model, stream=True)).body
    assert got == b"".join(without_early_ping(sent) if api is MESSAGES else sent)


@pytest.mark.parametrize("size", [1, 7, 4096], ids=lambda size: f"{size} bytes at a time")
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_streams_come_back_under_the_asked_name_however_they_are_split(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, size: int
) -> None:
    events = api.events("Hello", " \u00e9\U0001f600")
    sent = b"".join(events)
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    of(api.name, openai, anthropic).script(as_stream(pieces))

    answer = post(turnout.url, api.path, api.body(stream=True))

    upstream_name, asked = f'"{api.upstream_model}"'.encode(), f'"{api.asked}"'.encode()
    assert answer.body == b"".join(without_early_ping(events)).replace(upstream_name, asked)


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_a_stream_that_ends_with_its_connection(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    """HTTP/1.0 style, as small servers answer: whole only if its own last event came."""
    upto, after = api.parted()
    headers = (("content-type", "text/event-stream"),)
    of(api.name, openai, anthropic).script(
        Reply(headers=headers, parts=(*upto, *after), framing="close"),
        Reply(headers=headers, parts=(*upto,), framing="close"),
    )
    whole, broken = (post(turnout.url, api.path, api.body(stream=True)) for _ in range(2))
    assert (whole.whole, api.text(whole.body)) == (True, "Hello there")
    assert api.terminal in whole.body
    api.in_band(broken.body)


THINKING = [
    event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
    event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "Er/8B+=="}),
    event("content_block_stop", index=0),
]


def test_thinking_signatures_come_back(turnout: Turnout, anthropic: Upstream) -> None:
    events = [one.replace(b'"index": 0', b'"index": 1') for one in message_events(["Hi"])]
    anthropic.script(as_stream([*events[:2], *THINKING, *events[2:]]))
    got = post(turnout.url, "/v1/messages", MESSAGES.body(stream=True)).body
    assert b"".join(THINKING) in got


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_an_upstream_that_compresses_unasked(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> None:
    """The tap must read the events, so they come down inflated, and the header that says otherwise stays behind."""
    packed = gzip.compress(b"".join(api.events()))
    whole = gzip.compress(api.whole().body)
    encoding = ("content-encoding", "gzip")
    of(api.name, openai, anthropic).script(
        as_stream([packed[:15], packed[15:40], packed[40:]], encoding), as_json(whole, 200, encoding)
    )
    stream, answer = (post(turnout.url, api.path, api.body(stream=one)) for one in (True, False))
    assert (stream.header("content-encoding"), api.text(stream.body)) == (None, "Hello there")
    assert (answer.header("content-encoding"), answer.json["model"]) == (None, api.asked)


@pytest.mark.odd_stream("no [DONE]")
def test_answers_that_are_not_sdk_shaped_pass_too(turnout: Turnout, openai: Upstream) -> None:
    """A field that an OpenAI-like server adds, or leaves out, is no business of a proxy."""
    odd: dict[str, Any] = {**chat(), "timings": {"ms": 1}, "prompt_logprobs": None}
    odd.pop("created")
    openai.script(as_json(odd), as_stream([*chat_events(["Hi"])[:-1]]))
    assert post(turnout.url, CHAT.path, CHAT.body("gpt-5.5")).json == odd
    without_done: Answer = post(turnout.url, CHAT.path, CHAT.body("gpt-5.5", stream=True))
    assert CHAT.text(without_done.body) == "Hi"


def test_the_upstreams_own_name_is_not_shown_where_it_differs_from_the_targets(
    turnout: Turnout, anthropic: Upstream
) -> None:
    """Vendors answer with dated names; the client still sees the one it asked for."""
    anthropic.script(as_json(message(model="claude-sonnet-5-20260901")))
    assert post(turnout.url, "/v1/messages", MESSAGES.body()).json["model"] == "smart-claude"
