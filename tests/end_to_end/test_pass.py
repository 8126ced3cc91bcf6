"""Same API on both sides: the bytes pass, both ways; only the model's name and the credential change."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.support.answers import chat, chat_events, event, message, message_events
from tests.support.apis import APIS, CHAT, MESSAGES, Api
from tests.support.http import Answer, Line, head, post, send
from tests.support.script import Reply, as_json, as_stream
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

FILE = """
version: 1
upstreams:
  openai: {{kind: openai, base_url: "{openai}/v1", api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  by-route: openai/gpt-5.5-mini
  gpt-*: openai/gpt-*
  claude-*: anthropic/claude-*
  text-*: openai/text-*
routes:
  - {{name: rerouted, when: {{model: by-route}}, to: smart-chat}}
bases:
  team: {{prefix: /team-a}}
keys: {{anonymous: {{}}}}
"""

ENDPOINTS = {
    "chat": ("/v1/chat/completions", b'"messages":[{"role":"user","content":"Hi"}]'),
    "completions": ("/v1/completions", b'"prompt":"def add(a, b):","suffix":"# end"'),
    "embeddings": ("/v1/embeddings", b'"input":["a","b"]'),
    "messages": ("/v1/messages", b'"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]'),
    "count_tokens": ("/v1/messages/count_tokens", b'"messages":[{"role":"user","content":"Hi"}]'),
}
STREAMS = ("chat", "completions", "messages")

ODD = (
    b'"extra_field": {"nested" : [1.10, 1e3,-0.0 ,\t"\\u00e9\\ud83d\\ude00 \\/ \xc3\xa9", null],\n "model":"keep me"}'
    b',"cache_control":{"type":"ephemeral","ttl":"1h"},"big":123456789012345678901234567890'
)
"""Fields no API has, with spellings that a decode and encode would not bring back."""

SIGNED = (
    b'[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}]},'
    b'{"role":"assistant","content":[{"type":"thinking","thinking":"hm \\u2028","signature":"Er\\/8B+=="},'
    b'{"type":"redacted_thinking","data":"EmwK=="},{"type":"tool_use","id":"toolu_1","name":"read","input":{ }}]},'
    b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"}]},'
    b'{"role":"user","content":[{"type":"block_of_2027","novel":{"a":1.0}}]}]'
)

REQUESTS = Path(__file__).parents[1] / "data" / "requests"


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


def of(name: str, openai: Upstream, anthropic: Upstream) -> Upstream:
    return anthropic if name in ("messages", "count_tokens") else openai


def asked_of(name: str) -> tuple[bytes, bytes]:
    """Return the name that is asked for, and the upstream's."""
    return (
        (b"smart-claude", b"claude-sonnet-5") if name in ("messages", "count_tokens") else (b"smart-chat", b"gpt-5.5")
    )


def fields(body: bytes) -> list[tuple[str, bytes]]:
    """Return the top-level fields, values byte for byte."""
    return [(name, bytes(raw)) for name, raw in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items()]


# upwards -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "stream"), [(name, False) for name in ENDPOINTS] + [(name, True) for name in STREAMS])
def test_the_upstream_gets_the_clients_bytes_but_for_the_model(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, name: str, stream: bool
) -> None:
    path, needed = ENDPOINTS[name]
    asked, model = asked_of(name)
    sent = b'{ "model" :"%s",%s%s,%s}' % (asked, b'"stream":true,' if stream else b"", needed, ODD)

    answer = post(turnout.url, path, sent)

    seen = of(name, openai, anthropic).last
    assert (answer.status, seen.method, seen.target) == (200, "POST", path)
    assert fields(seen.body) == fields(sent.replace(asked, model))
    assert seen.header("content-length") == str(len(seen.body))


def test_signatures_cache_control_and_unknown_blocks_survive(turnout: Turnout, anthropic: Upstream) -> None:
    post(turnout.url, "/v1/messages", b'{"model":"smart-claude","max_tokens":9,"messages":%s}' % SIGNED)
    assert dict(fields(anthropic.last.body))["messages"] == SIGNED


def test_a_second_model_field_cannot_smuggle_another_name(turnout: Turnout, openai: Upstream) -> None:
    sent = b'{"model":"gpt-secret","messages":[{"role":"user","content":"Hi"}],"model":"gpt-5.5"}'
    answer = post(turnout.url, CHAT.path, sent)
    if answer.status == 200:
        assert b"gpt-secret" not in openai.last.body
        assert openai.last.json["model"] == answer.json["model"] == "gpt-5.5"
    else:
        assert (answer.status, openai.requests) == (400, [])


@pytest.mark.parametrize("suffixed", ["smart-claude[1m]", " smart-claude "])
def test_a_context_suffix_and_blanks_are_no_part_of_the_name(
    turnout: Turnout, anthropic: Upstream, suffixed: str
) -> None:
    assert post(turnout.url, "/v1/messages", MESSAGES.body(suffixed)).status == 200
    assert anthropic.last.json["model"] == "claude-sonnet-5"


def test_query_and_gzip(turnout: Turnout, anthropic: Upstream) -> None:
    sent = json.dumps(MESSAGES.body(big="x" * 5000)).encode()
    answer = post(turnout.url, "/v1/messages?beta=true", gzip.compress(sent), {"content-encoding": "gzip"})
    assert (answer.status, anthropic.last.target) == (200, "/v1/messages?beta=true")
    assert anthropic.last.header("content-encoding") is None
    assert anthropic.last.json == {**json.loads(sent), "model": "claude-sonnet-5"}


CAPTURED = sorted(REQUESTS.glob("*/*.json"))
EVERY_NAME = """
version: 1
upstreams:
  openai: {{kind: openai, base_url: "{openai}/v1", api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
models: {{"*": {{targets: ["openai/*", "anthropic/*"]}}}}
keys: {{anonymous: {{}}}}
"""


@pytest.fixture(scope="module")
def every_name(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(EVERY_NAME.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.mark.parametrize("file", CAPTURED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_real_clients_sent_arrives_whole(
    every_name: Turnout, openai: Upstream, anthropic: Upstream, file: Path
) -> None:
    captured = json.loads(file.read_bytes())
    own = {name.lower(): value for name, value in captured["headers"].items()}
    headers = {name: value for name, value in own.items() if name not in ("host", "content-length")}
    sent = json.dumps(captured["body"], ensure_ascii=False, indent=1).encode()

    answer = send(every_name.url, captured["method"], captured["target"], headers, sent)

    upstream = anthropic if "/messages" in captured["target"] else openai
    assert (answer.status, len(openai.requests) + len(anthropic.requests)) == (200, 1)
    assert upstream.last.target == captured["target"]
    assert fields(upstream.last.body) == fields(sent)
    passing = set(headers) - {"authorization", "x-api-key", "connection", "accept-encoding"}
    assert {name: upstream.last.header(name) for name in passing} == {name: headers[name] for name in passing}


def test_there_are_captured_requests() -> None:
    assert {file.parent.name for file in CAPTURED} >= {"claude-code", "cline", "openai-js", "openai-python"}


HEADERS_THAT_PASS = {
    "accept": "text/event-stream",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
    "anthropic-version": "2023-06-01",
    "anthropic-dangerous-direct-browser-access": "true",
    "content-type": "application/json; charset=utf-8",
    "idempotency-key": "once",
    "openai-organization": "org-1",
    "session-id": "s-1",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "user-agent": "claude-cli/2.1.330 (external, cli)",
    "x-app": "cli",
    "x-claude-code-session-id": "c-1",
    "x-header-of-2027": 'novel; value="kept", 1',
    "x-stainless-retry-count": "0",
}
HEADERS_THAT_STOP = {
    "api-key": "client-secret-3",
    "authorization": "Bearer client-secret-1",
    "connection": "keep-alive, x-hop",
    "cookie": "session=1",
    "forwarded": "for=10.0.0.1",
    "keep-alive": "timeout=5",
    "proxy-authorization": "Basic client-secret-4",
    "te": "trailers",
    "x-api-key": "client-secret-2",
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-proto": "https",
    "x-hop": "named by connection",
    "x-turnout-anything": "1",
    "x-turnout-session": "s-2",
}


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_request_headers(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api) -> None:
    sent = {**HEADERS_THAT_PASS, **HEADERS_THAT_STOP, "accept-encoding": "gzip, br, zstd"}
    assert post(turnout.url, api.path, api.body(), sent).status == 200

    seen = of(api.name, openai, anthropic).last
    assert {name: seen.header(name) for name in HEADERS_THAT_PASS} == HEADERS_THAT_PASS
    ours = CREDENTIALS["TEST_OPENAI_KEY" if api is CHAT else "TEST_ANTHROPIC_KEY"]
    credential = {"authorization": f"Bearer {ours}"} if api is CHAT else {"x-api-key": ours}
    assert {name: seen.header(name) for name in HEADERS_THAT_STOP if seen.header(name)} == credential
    assert seen.header("accept-encoding") == "identity"
    assert seen.header("host") == of(api.name, openai, anthropic).url.removeprefix("http://")
    assert len({name for name, _ in seen.headers}) == len(seen.headers), "a header went up twice"
    assert "client-secret" not in str(seen.headers)


def test_a_header_that_comes_twice_goes_up_twice(turnout: Turnout, anthropic: Upstream) -> None:
    betas = [("anthropic-beta", "one"), ("anthropic-beta", "two")]
    assert post(turnout.url, MESSAGES.path, MESSAGES.body(), betas).status == 200
    assert [pair for pair in anthropic.last.headers if pair[0] == "anthropic-beta"] == betas


# downwards -----------------------------------------------------------------------------------------------------------

ANSWER_HEADERS_THAT_PASS = {
    "anthropic-ratelimit-requests-remaining": "49",
    "openai-processing-ms": "12",
    "x-header-of-2027": "kept",
    "x-ratelimit-remaining-tokens": "1000",
    "request-id": "req_upstream",
    "x-request-id": "upstream-1",
}
ANSWER_HEADERS_THAT_STOP = {
    "access-control-allow-origin": "https://upstream.example",
    "alt-svc": 'h3=":443"',
    "connection": "x-hop",
    "set-cookie": "__cf_bm=1",
    "server": "cloudflare",
    "strict-transport-security": "max-age=1",
    "x-hop": "named by connection",
    "x-turnout-target": "forged",
    "x-turnout-forged": "forged",
}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_answer_headers(turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool) -> None:
    reply = api.stream() if stream else api.whole()
    headers = [*ANSWER_HEADERS_THAT_PASS.items(), *ANSWER_HEADERS_THAT_STOP.items()]
    of(api.name, openai, anthropic).script(reply.with_headers(*headers))

    answer = post(turnout.url, api.path, api.body(stream=stream))

    assert {name: answer.header(name) for name in ANSWER_HEADERS_THAT_PASS} == ANSWER_HEADERS_THAT_PASS
    assert answer.header("content-type") == dict(reply.headers)["content-type"]
    values = {value for _, value in answer.headers}
    assert not values & set(ANSWER_HEADERS_THAT_STOP.values())
    assert answer.header("x-turnout-target") == f"{api.kind}/{api.upstream_model}"
    assert (answer.header("content-length") is None) == stream


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_answers_say_how_they_came_about(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api, stream: bool
) -> None:
    reply = api.stream() if stream else api.whole()
    of(api.name, openai, anthropic).script(reply, reply)
    first, second = (post(turnout.url, api.path, api.body(stream=stream)) for _ in range(2))
    for answer in (first, second):
        assert answer.header("x-turnout-target") == f"{api.kind}/{api.upstream_model}"
        assert answer.header("x-turnout-attempts") == "1"
        assert answer.header("x-request-id") == answer.header("request-id") == answer.header("x-turnout-request")
    assert first.header("x-turnout-request") != second.header("x-turnout-request")
    assert first.header("x-turnout-generation") == second.header("x-turnout-generation")
    assert first.header("x-turnout-generation")


@pytest.mark.parametrize("name", ["x-request-id", "request-id"])
def test_the_upstreams_own_request_id_stays(turnout: Turnout, openai: Upstream, name: str) -> None:
    openai.script(CHAT.whole().with_headers((name, "upstream-1")))
    answer = post(turnout.url, CHAT.path, CHAT.body())
    assert answer.header(name) == "upstream-1"
    assert answer.header("x-turnout-request") != "upstream-1"


def test_the_route_that_decided_is_named(turnout: Turnout, openai: Upstream) -> None:
    answer = post(turnout.url, CHAT.path, CHAT.body("by-route"))
    assert answer.header("x-turnout-route") == "rerouted"
    assert answer.header("x-turnout-target") == "openai/gpt-5.5"
    assert openai.last.json["model"] == "gpt-5.5"


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


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_streams_are_untouched_where_the_names_agree(
    turnout: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    sent = odd_events(api)
    of(api.name, openai, anthropic).script(as_stream(sent))
    got = post(turnout.url, api.path, api.body(api.upstream_model, stream=True)).body
    assert got == b"".join(sent if api is CHAT else without_early_ping(sent))


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
    events = message_events(["Hi"])
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


# connections ---------------------------------------------------------------------------------------------------------


def test_one_connection_carries_request_after_request(turnout: Turnout) -> None:
    """Whatever the answer was: a stream, JSON, an error with its body unread."""
    turns: list[tuple[int, Any, dict[str, str]]] = [
        (200, CHAT.body(), {}),
        (200, CHAT.body(stream=True), {}),
        (404, CHAT.body("unheard-of"), {}),
        (415, b"x" * 300_000, {"content-type": "text/plain"}),
        (400, b"{nope", {}),
        (200, CHAT.body(), {}),
    ]
    with Line(turnout.url) as line:
        for status, body, headers in turns:
            line.ask("POST", CHAT.path, headers, body)
            assert line.answer().status == status


def test_requests_sent_ahead_are_answered_in_order(turnout: Turnout) -> None:
    with Line(turnout.url) as line:
        for stream in (False, True, False):
            line.ask("POST", CHAT.path, body=CHAT.body(stream=stream))
        kinds = [(line.answer().header("content-type") or "").partition(";")[0] for _ in range(3)]
    assert kinds == ["application/json", "text/event-stream", "application/json"]


def test_expect_100_continue(turnout: Turnout, openai: Upstream) -> None:
    """curl asks before it sends more than a megabyte."""
    body = json.dumps(CHAT.body()).encode()
    with Line(turnout.url) as line:
        line.write(head("POST", CHAT.path, line.host, {"expect": "100-continue"}, len(body), is_json=True))
        assert line.head().status == 100
        line.write(body)
        assert line.answer().status == 200
    assert openai.last.header("expect") is None


# paths ---------------------------------------------------------------------------------------------------------------

SAME_PATH = [
    "/v1/chat/completions",
    "/chat/completions",
    "//v1//chat/completions",
    "/v1/v1/chat/completions",
    "/v1//v1/chat/completions",
    "/v1/chat/%63ompletions",
    "/team-a/v1/chat/completions",
    "/team-a/chat/completions",
    "/team-a//v1/v1/chat/completions",
]


@pytest.mark.parametrize("path", SAME_PATH)
def test_the_canonical_path_goes_up(turnout: Turnout, openai: Upstream, path: str) -> None:
    answer = post(turnout.url, path, CHAT.body())
    assert (answer.status, openai.last.target) == (200, "/v1/chat/completions")


BAD_PATHS = [
    "/v1/../v1/chat/completions",
    "/v1/./chat/completions",
    "/v1/%2e%2e/chat/completions",
    "/v1/.%2E/chat/completions",
    "/v1\\chat\\completions",
    "/v1/chat%5Ccompletions",
    "/v1/chat/completions%00",
    "/v1%2Fchat/completions",
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_two_readers_may_read_differently_is_refused(turnout: Turnout, openai: Upstream, path: str) -> None:
    answer = post(turnout.url, path, CHAT.body())
    assert (answer.status, openai.requests) == (400, [])
    CHAT.error(answer)


# shapes --------------------------------------------------------------------------------------------------------------


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


QUIET = """
version: 1
server: {{answer_model: upstream}}
observe: {{headers: false}}
upstreams: {{openai: {{kind: openai, base_url: "{openai}", api_key: env:TEST_OPENAI_KEY}}}}
models: {{smart-chat: openai/gpt-5.5}}
keys: {{anonymous: {{}}}}
"""


def test_without_headers_of_ours_and_with_the_upstreams_own_names(start: Start, openai: Upstream) -> None:
    quiet = start(QUIET.format(openai=openai.url))
    openai.script(CHAT.whole(), CHAT.stream())
    whole, stream = (post(quiet.url, CHAT.path, CHAT.body(stream=one)) for one in (False, True))
    assert (whole.body, stream.body) == (CHAT.whole().body, CHAT.stream().body)
    for answer in (whole, stream, post(quiet.url, CHAT.path, b"{nope")):
        assert not [name for name, _ in answer.headers if name.startswith("x-turnout-")]
        assert answer.header("x-request-id")
