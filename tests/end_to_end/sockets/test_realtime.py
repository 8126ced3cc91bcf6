"""/v1/realtime through a live server: what passes, what is mapped, and what is refused before anybody is accepted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai as openai_sdk
import pytest
from websockets.sync.client import connect

from tests.conftest import Start
from tests.end_to_end.sockets.voices import ADA, BOB, dial, event, refusal, tell
from tests.support.apis import digest
from tests.support.realtime import USAGE, Realtime
from tests.support.turnout import CREDENTIALS, Turnout
from tests.transport.proxy import proxying

FILE = """
version: 1
server:
  hosts: [127.0.0.1]
  cors: {{origins: ["https://good.example"]}}
upstreams:
  voice: {{kind: openai, base_url: "{voice}/v1", api_key: env:TEST_OPENAI_KEY, apis: [chat, realtime], circuit: off}}
  spare: {{kind: openai, base_url: "{spare}/v1", apis: [realtime]}}
  mine: {{kind: openai, base_url: "{voice}/v1", apis: [realtime], auth: forward}}
  text: {{kind: openai, base_url: "{voice}/v1"}}
models:
  talk: voice/gpt-realtime
  both: {{targets: [voice/gpt-realtime, spare/other-realtime], retries: 0}}
  mixed: {{targets: [text/gpt-text, voice/gpt-realtime]}}
  own: mine/gpt-realtime
  written: text/gpt-text
keys:
  ada: {{hashes: ["ADA"]}}
  bob: {{hashes: ["BOB"], models: [talk]}}
""".replace("ADA", digest(ADA)).replace("BOB", digest(BOB))


@pytest.fixture(scope="module")
def turnout(start: Start, _voice: Realtime, _spare: Realtime) -> Turnout:
    return start(FILE.format(voice=_voice.url, spare=_spare.url))


# --- what passes ------------------------------------------------------------------------------------------------------


def test_a_conversation(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout, "voice=x%20y&model=talk&flag") as client:
        assert event(client) == {
            "type": "session.created",
            "event_id": "event_1",
            "session": {"type": "realtime", "model": "talk"},
        }
        tell(client, "session.update", session={"type": "realtime", "model": "talk", "instructions": "grüße"})
        assert event(client)["session"] == {"type": "realtime", "model": "talk", "instructions": "grüße"}
        tell(client, "response.create")
        kinds = [event(client) for _ in range(3)]
        assert [one["type"] for one in kinds] == ["response.created", "response.output_text.delta", "response.done"]
        assert kinds[2]["response"]["usage"] == USAGE
        client.send(b"\x00\xff\x01")
        assert client.recv(20) == b"\x00\xff\x01"
        assert client.response is not None
        assert client.response.headers["x-turnout-target"] == "voice/gpt-realtime"
    visit = voice.visit()
    assert visit.target == "/v1/realtime?voice=x%20y&model=gpt-realtime&flag"
    assert visit.headers["authorization"] == f"Bearer {CREDENTIALS['TEST_OPENAI_KEY']}"
    assert visit.heard[0] == {
        "type": "session.update",
        "session": {"type": "realtime", "model": "gpt-realtime", "instructions": "grüße"},
    }
    assert not [name for name in visit.headers if name.startswith("x-turnout") or name == "sec-websocket-extensions"]
    assert visit.close() == (1000, "")


def test_a_session_cannot_move_to_another_model(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout, key=BOB) as client:
        event(client)
        tell(client, "session.update", session={"model": "the-dear-one"})
        assert event(client)["session"]["model"] == "talk"
    assert voice.visit().heard == [{"type": "session.update", "session": {"model": "gpt-realtime"}}]


def test_a_frame_that_is_no_event_goes_nowhere(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout) as client:
        event(client)
        for garbage in ("no json", "[1]", '{"type": 7}', '{"type":"session.update","session":{"model":"x"},"a":NaN}'):
            client.send(garbage)
            told = event(client)
            assert (told["type"], told["error"]["type"]) == ("error", "invalid_request_error")
            assert told["event_id"].startswith("event_req_")
        tell(client, "response.create")
        assert event(client)["type"] == "response.created"
    assert len(voice.visit().heard) == 1


def test_what_the_upstream_says_passes_even_if_it_is_none(turnout: Turnout, voice: Realtime) -> None:
    secret = CREDENTIALS["TEST_OPENAI_KEY"]
    with dial(turnout) as client:
        event(client)
        tell(client, "test.say", text="no json")
        assert client.recv(20) == "no json"
        tell(client, "test.say", text=json.dumps({"type": "error", "error": {"message": f"bad key {secret}"}}))
        assert event(client)["error"]["message"] == "bad key ***"


@pytest.mark.parametrize(
    "offer", [["realtime"], ["realtime", f"openai-insecure-api-key.{ADA}", "openai-beta.realtime-v1"]]
)
def test_the_subprotocol_is_answered_and_its_key_kept_here(turnout: Turnout, voice: Realtime, offer: list[str]) -> None:
    with dial(turnout, key=ADA if len(offer) == 1 else None, subprotocols=offer) as client:
        assert client.subprotocol == "realtime"
        event(client)
    sent = voice.visit().headers
    assert sent["sec-websocket-protocol"] == ", ".join(one for one in offer if "key" not in one)
    assert ADA not in repr(sent)


def test_an_upstream_that_answers_no_subprotocol(turnout: Turnout, voice: Realtime, spare: Realtime) -> None:
    voice.refusals.append((503, {}, b"{}"))
    with dial(turnout, "model=both", subprotocols=["realtime"]) as client:
        assert (client.subprotocol, event(client)["session"]["model"]) == ("realtime", "both")
    assert spare.visit().model == "other-realtime"


def test_a_forwarded_credential_goes_up_as_bearer(turnout: Turnout, voice: Realtime) -> None:
    theirs = "sk-theirs-1234567890"
    offer = ["realtime", f"openai-insecure-api-key.{theirs}"]
    with dial(turnout, "model=own", key=None, headers={"x-turnout-key": ADA}, subprotocols=offer) as client:
        event(client)
    assert voice.visit().headers["authorization"] == f"Bearer {theirs}"
    assert voice.visit().headers["sec-websocket-protocol"] == "realtime"
    status, body, _ = refusal(turnout, "model=own")
    assert (status, body["error"]["code"]) == (401, "invalid_api_key")


def test_the_missing_v1_and_large_frames(turnout: Turnout, voice: Realtime) -> None:
    url = turnout.url.replace("http", "ws")
    with connect(f"{url}/realtime?model=talk", additional_headers={"x-api-key": ADA}, max_size=None) as client:
        event(client)
        client.send(b"x" * 5_000_000)
        assert client.recv(20) == b"x" * 5_000_000


def test_an_upstream_behind_a_proxy(start: Start, voice: Realtime) -> None:
    async def main() -> None:
        async with proxying() as proxy:
            text = FILE.format(voice=voice.url, spare=voice.url)
            through = text.replace("circuit: off}", f"circuit: off, proxy: '{proxy.url}'}}")
            turnout = await asyncio.to_thread(start, through)
            await asyncio.to_thread(talk, turnout)
            assert proxy.asked == [f"CONNECT 127.0.0.1:{voice.port} HTTP/1.1".encode()]

    def talk(turnout: Turnout) -> None:
        with dial(turnout) as client:
            event(client)
            client.send(b"x" * 300_000)
            assert client.recv(20) == b"x" * 300_000

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore:.*must be used as a context manager:DeprecationWarning")  # the SDK's own affair
def test_the_sdk(turnout: Turnout, voice: Realtime) -> None:
    with (
        openai_sdk.OpenAI(base_url=f"{turnout.url}/v1", api_key=ADA) as client,
        client.realtime.connect(model="talk") as connection,
    ):
        assert connection.recv().type == "session.created"
        connection.session.update(session={"type": "realtime", "instructions": "short"})
        updated = connection.recv()
        assert updated.type == "session.updated"
        assert updated.session.model == "talk"  # type: ignore[union-attr]  # not of a transcription
        connection.response.create()
        kinds = [connection.recv() for _ in range(3)]
        assert kinds[2].type == "response.done"
        assert kinds[2].response.usage
        assert kinds[2].response.usage.input_tokens == 40
    assert voice.visit().close() == (1000, "")


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "how", "status", "code"),
    [
        ("model=talk", {"key": None}, 401, "invalid_api_key"),
        ("model=talk", {"key": "wrong"}, 401, "invalid_api_key"),
        ("model=talk", {"key": None, "subprotocols": ["openai-insecure-api-key.wrong"]}, 401, "invalid_api_key"),
        ("model=talk", {"headers": {"Origin": "https://evil.example"}}, 403, "origin_not_allowed"),
        ("model=both", {"key": BOB}, 403, "model_not_allowed"),
        ("model=nothing", {}, 404, "model_not_found"),
        ("intent=transcription", {}, 400, "invalid_request_error"),
        ("model=written", {}, 501, "unsupported_api"),
    ],
)
def test_refusals_come_before_anybody_is_asked(
    turnout: Turnout, voice: Realtime, query: str, how: dict[str, Any], status: int, code: str
) -> None:
    told, body, _ = refusal(turnout, query, **how)
    assert told == status, body
    assert code in (body["error"]["code"], body["error"]["type"]), body
    assert voice.asked == 0


def test_a_page_of_an_allowed_origin(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout, origin="https://good.example", subprotocols=["realtime"]) as client:
        event(client)
    assert voice.asked == 1


def test_the_first_target_that_speaks_it(turnout: Turnout, voice: Realtime) -> None:
    with dial(turnout, "model=mixed") as client:
        event(client)
    assert voice.visit().model == "gpt-realtime"


def test_an_upstreams_own_refusal_passes(turnout: Turnout, voice: Realtime) -> None:
    said = {"error": {"message": "slow down", "type": "tokens", "code": "rate_limit_exceeded"}}
    for _ in range(4):
        voice.refusals.append((429, {"retry-after": "30"}, json.dumps(said).encode()))
    status, body, error = refusal(turnout)
    assert (status, body) == (429, said)
    assert error.response.headers["retry-after"] == "30"


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (404, {}, b'{"detail":"Not Found"}'),
        (302, {"location": "/elsewhere"}, b""),
        (200, {}, b"{}"),
        (503, {}, b"<html>"),
    ],
)
def test_what_says_nothing_of_the_model_leads_to_the_next_target(
    turnout: Turnout, voice: Realtime, spare: Realtime, status: int, headers: dict[str, str], body: bytes
) -> None:
    voice.refusals.append((status, headers, body))
    with dial(turnout, "model=both") as client:
        event(client)
        assert client.response is not None
        assert client.response.headers["x-turnout-attempts"] == "2"
    assert (voice.asked, spare.visit().model) == (1, "other-realtime")


def test_its_refusal_of_our_credential_is_ours_to_say(turnout: Turnout, voice: Realtime) -> None:
    secret = CREDENTIALS["TEST_OPENAI_KEY"]
    voice.refusals.append((401, {}, json.dumps({"error": {"message": f"Incorrect API key: {secret}"}}).encode()))
    status, body, _ = refusal(turnout)
    assert (status, body["error"]["code"]) == (502, "upstream_auth")
    assert secret not in json.dumps(body)


def test_requests_that_are_no_handshake(turnout: Turnout) -> None:
    import httpx2

    headers = {"Authorization": f"Bearer {ADA}"}
    got = httpx2.get(f"{turnout.url}/v1/realtime?model=talk", headers=headers)
    assert (got.status_code, got.headers["upgrade"]) == (426, "websocket")
    posted = httpx2.post(f"{turnout.url}/v1/realtime?model=talk", headers=headers, json={})
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET")
