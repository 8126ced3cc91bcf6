"""`pass` routes: a plain reverse proxy for what needs no understanding (rule R6)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, SERVER_ERROR, digest
from tests.support.http import Line, get, head, post, send
from tests.support.script import CUT, STALL, Reply, as_json, as_stream
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA, EVE = "tk-ada-0123456789abcdef", "tk-eve-0123456789abcdef"
FILE = f"""
version: 1
server: {{{{body_limit: 256KB}}}}
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}/v1", api_key: env:TEST_OPENAI_KEY}}}}
  rooted: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
models: {{{{smart-chat: openai/gpt-5.5}}}}
routes:
  - {{{{name: no-edits, when: {{{{path: "/v1/images/edits"}}}}, deny: {{{{status: 403, message: no edits here}}}}}}}}
  - {{{{name: images, when: {{{{path: "/v1/images/**"}}}}, pass: openai}}}}
  - {{{{name: files, when: {{{{path: "/v1/files/*"}}}}, pass: rooted}}}}
keys:
  ada: {{{{hashes: ["{digest(ADA)}"], routes: [images, files, no-edits]}}}}
  eve: {{{{hashes: ["{digest(EVE)}"]}}}}
  anonymous: {{{{}}}}
"""
KEY = {"authorization": f"Bearer {ADA}"}


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_any_method_with_query_body_and_credential(turnout: Turnout, openai: Upstream, method: str) -> None:
    form = {**KEY, "content-type": "multipart/form-data; boundary=x", "x-novel": "1", "cookie": "a=b"}
    answer = send(turnout.url, method, "/v1/images/jobs/7?size=2&q=%2F", form, b"--x\r\n\x00\xff--x--")
    seen = openai.last
    assert answer.status == 200
    assert (seen.method, seen.target, seen.body) == (method, "/v1/images/jobs/7?size=2&q=%2F", b"--x\r\n\x00\xff--x--")
    assert seen.header("authorization") == f"Bearer {CREDENTIALS['TEST_OPENAI_KEY']}"
    assert (seen.header("x-novel"), seen.header("cookie")) == ("1", None)
    assert seen.header("content-type") == form["content-type"]
    assert (answer.header("x-turnout-route"), answer.header("x-turnout-attempts")) == ("images", "1")


def test_a_body_with_a_model_is_not_looked_into(turnout: Turnout, openai: Upstream) -> None:
    sent = b'{ "model":"unheard-of" , "prompt":"a cat"}'
    assert post(turnout.url, "/v1/images/generations", sent, KEY).status == 200
    assert openai.last.body == sent


def test_head_has_no_body(turnout: Turnout, openai: Upstream) -> None:
    openai.script(as_json({"big": "x" * 50}))
    answer = send(turnout.url, "HEAD", "/v1/images/1", KEY)
    assert (answer.status, answer.body, openai.last.method) == (200, b"", "HEAD")


@pytest.mark.parametrize("asked", ["//v1//images//1", "/v1/v1/images/1", "/v1/images/%31"])
def test_the_canonical_path_goes_up(turnout: Turnout, openai: Upstream, asked: str) -> None:
    assert get(turnout.url, asked, KEY).status == 200
    assert openai.last.target == "/v1/images/1"


def test_a_base_url_without_a_version_keeps_the_paths(turnout: Turnout, anthropic: Upstream) -> None:
    assert get(turnout.url, "/v1/files/f-1", KEY).status == 200
    assert anthropic.last.target == "/v1/files/f-1"
    assert CREDENTIALS["TEST_ANTHROPIC_KEY"] in str(anthropic.last.headers)


def test_the_body_is_streamed_upwards(turnout: Turnout, openai: Upstream) -> None:
    with Line(turnout.url) as line:
        line.write(head("POST", "/v1/images/edit", line.host, KEY, 20, is_json=False) + b"0123456789")
        seen = openai.wait_for(1)
        deadline = time.monotonic() + 30
        while len(seen.body) < 10 and time.monotonic() < deadline:
            time.sleep(0.005)
        assert (seen.body, seen.complete.is_set()) == (b"0123456789", False)
        line.write(b"abcdefghij")
        assert line.answer().status == 200
    assert openai.last.body == b"0123456789abcdefghij"
    assert (seen.header("content-length"), seen.header("transfer-encoding")) == ("20", None)


def test_the_answer_is_streamed_downwards(turnout: Turnout, openai: Upstream) -> None:
    openai.script(as_stream([b"one", STALL]))
    with Line(turnout.url) as line:
        line.ask("GET", "/v1/images/live", KEY)
        assert next(line.chunks(line.head())).data == b"one"
        left_at = time.monotonic()
    seen = openai.last
    assert seen.left_within(10)
    assert (seen.connection.closed_at or 0) - left_at < 0.5


def test_a_client_that_leaves_during_the_upload_takes_the_upstream_along(turnout: Turnout, openai: Upstream) -> None:
    with Line(turnout.url) as line:
        line.write(head("POST", "/v1/images/edit", line.host, KEY, 20, is_json=False) + b"0123456789")
        seen = openai.wait_for(1)
        time.sleep(0.05)
        left_at = time.monotonic()
    assert seen.left_within(10)
    assert (seen.connection.closed_at or 0) - left_at < 0.5
    assert not seen.complete.is_set()


def test_redirects_are_not_followed(turnout: Turnout, openai: Upstream) -> None:
    openai.script(Reply(status=302, headers=(("location", "http://169.254.169.254/"),)))
    answer = get(turnout.url, "/v1/images/1", KEY)
    assert (answer.status, answer.header("location")) == (302, "http://169.254.169.254/")
    assert len(openai.requests) == 1


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_errors_pass_and_nothing_is_tried_twice(turnout: Turnout, openai: Upstream, status: int) -> None:
    reply = as_json(SERVER_ERROR, status, ("retry-after", "1"))
    openai.script(reply)
    answer = get(turnout.url, "/v1/images/1", KEY)
    assert (answer.status, answer.body, answer.header("retry-after")) == (status, reply.body, "1")
    assert len(openai.requests) == 1


def test_an_answer_header_that_is_the_upstreams_own_business_stops(turnout: Turnout, openai: Upstream) -> None:
    openai.script(as_json({}).with_headers(("set-cookie", "a=b"), ("x-novel", "1"), ("x-turnout-target", "forged")))
    answer = get(turnout.url, "/v1/images/1", KEY)
    assert (answer.header("set-cookie"), answer.header("x-novel")) == (None, "1")
    assert answer.header("x-turnout-target") != "forged"


def test_a_compressed_answer_stays_as_it_is(turnout: Turnout, openai: Upstream) -> None:
    openai.script(Reply(headers=(("content-encoding", "br"), ("content-type", "image/png")), parts=(b"\x8b\x00\x80",)))
    answer = get(turnout.url, "/v1/images/1", KEY)
    assert (answer.body, answer.header("content-encoding")) == (b"\x8b\x00\x80", "br")


def test_a_body_that_says_it_is_too_long_reaches_nobody(turnout: Turnout, openai: Upstream) -> None:
    answer = post(turnout.url, "/v1/images/edit", b"x" * 300_000, {**KEY, "content-type": "image/png"})
    assert (answer.status, openai.requests) == (413, [])
    assert "server.body_limit" in CHAT.error(answer)["message"]


def test_a_body_that_turns_out_too_long_is_cut(turnout: Turnout, openai: Upstream) -> None:
    with Line(turnout.url) as line:
        line.write(
            head("POST", "/v1/images/edit", line.host, {**KEY, "transfer-encoding": "chunked"}, 0, is_json=False)
        )
        line.write(b"c350\r\n" + b"x" * 50_000 + b"\r\n")
        seen = openai.wait_for(1)
        for _ in range(5):
            line.write(b"c350\r\n" + b"x" * 50_000 + b"\r\n")
        assert line.answer().status == 413
    assert seen.left_within(10)
    assert not seen.complete.is_set()


WHO = {
    "a key that names the route": (KEY, 200),
    "a key that does not": ({"x-api-key": EVE}, 403),
    "anonymous": ({}, 403),
}


@pytest.mark.parametrize("who", WHO)
def test_a_key_needs_the_routes_name(turnout: Turnout, openai: Upstream, who: str) -> None:
    headers, status = WHO[who]
    answer = get(turnout.url, "/v1/images/1", headers)
    assert (answer.status, len(openai.requests)) == (status, int(status == 200))
    if status == 403:
        assert "images" in CHAT.error(answer)["message"]


def test_the_first_route_that_matches_decides(turnout: Turnout, openai: Upstream) -> None:
    answer = post(turnout.url, "/v1/images/edits", b"{}", KEY)
    assert (answer.status, openai.requests) == (403, [])
    assert CHAT.error(answer)["message"] == "no edits here"


@pytest.mark.parametrize("path", ["/v1/files/a/b", "/v1/audio/speech", "/v1/imagesque"])
def test_what_no_route_matches_is_404(turnout: Turnout, openai: Upstream, path: str) -> None:
    assert (get(turnout.url, path, KEY).status, openai.requests) == (404, [])


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS"])
def test_what_would_reflect_the_credential_is_not_passed(turnout: Turnout, openai: Upstream, method: str) -> None:
    answer = send(turnout.url, method, "/v1/images/1", KEY)
    assert (answer.status, openai.requests) == (405, [])


@pytest.mark.parametrize(("status", "told"), [(401, 502), (403, 502), (407, 502), (400, 400), (500, 500)])
def test_an_error_that_quotes_the_operators_credential_does_not_show_it(
    turnout: Turnout, openai: Upstream, status: int, told: int
) -> None:
    own = CREDENTIALS["TEST_OPENAI_KEY"]
    openai.script(as_json({"error": {"message": f"Incorrect API key provided: {own}"}}, status, ("x-debug", own)))
    answer = get(turnout.url, "/v1/images/1", KEY)
    assert answer.status == told
    assert own not in answer.body.decode() + str(answer.headers)


@pytest.mark.parametrize("status", [600, 999])
def test_a_status_that_is_none_is_a_bad_gateway(turnout: Turnout, openai: Upstream, status: int) -> None:
    openai.script(Reply(status=status, parts=(b"{}",)))
    assert get(turnout.url, "/v1/images/1", KEY).status == 502


def test_an_error_that_breaks_off_is_a_bad_gateway(turnout: Turnout, openai: Upstream) -> None:
    openai.script(Reply(status=500, headers=(("content-length", "100"),), parts=(b"{", CUT)))
    assert get(turnout.url, "/v1/images/1", KEY).status == 502
