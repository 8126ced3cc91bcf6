"""A web page that talks to /v1/realtime, in a real browser: its key is a subprotocol, as it can set no header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apis import digest
from tests.support.realtime import Realtime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.conftest import Start
    from tests.support.turnout import Turnout

pytestmark = pytest.mark.browser

KEY = "ada-key-1234567890"
FILE = """\
version: 1
server: {cors: {origins: ["http://127.0.0.1:SITE"]}}
upstreams:
  voice: {kind: openai, base_url: "VOICE/v1", api_key: env:TEST_OPENAI_KEY, apis: [realtime]}
models: {talk: voice/gpt-realtime}
keys: {ada: {hashes: ["DIGEST"]}}
"""
TALK = """([url, protocols, events]) => new Promise(done => {
    const socket = new WebSocket(url, protocols)
    const heard = []
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => { heard.push('open as ' + socket.protocol); events.forEach(one => socket.send(one)) }
    socket.onmessage = ({data}) => {
        heard.push(typeof data === 'string' ? JSON.parse(data).type : data.byteLength)
        if (heard[heard.length - 1] === 'response.done') {
            socket.send(new Uint8Array(70000))
        }
        if (heard[heard.length - 1] === 70000) {
            socket.close(4000, 'enough')
        }
    }
    socket.onclose = ({code, reason}) => done([...heard, code, reason])
})"""


@pytest.fixture(scope="module")
def voice() -> Iterator[Realtime]:
    upstream = Realtime()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def turnout(start: Start, voice: Realtime, site: int) -> Turnout:
    return start(FILE.replace("SITE", str(site)).replace("VOICE", voice.url).replace("DIGEST", digest(KEY)))


def talk(page: Page, turnout: Turnout, protocols: list[str], events: list[str]) -> list[object]:
    url = f"{turnout.url.replace('http', 'ws')}/v1/realtime?model=talk"
    told: list[object] = page.evaluate(TALK, [url, protocols, events])
    return told


def test_a_page_talks_and_hangs_up(page: Page, turnout: Turnout, voice: Realtime, site: int) -> None:
    page.goto(f"http://127.0.0.1:{site}/")
    protocols = ["realtime", f"openai-insecure-api-key.{KEY}"]
    assert talk(page, turnout, protocols, ['{"type":"response.create"}']) == [
        "open as realtime",
        "session.created",
        "response.created",
        "response.output_text.delta",
        "response.done",
        70000,
        4000,
        "enough",
    ]
    visit = voice.visit()
    assert visit.close() == (4000, "enough")
    assert KEY not in repr(visit.headers)


@pytest.mark.parametrize("protocols", [["realtime"], ["realtime", "openai-insecure-api-key.wrong"]])
def test_a_page_without_a_key_gets_no_connection(
    page: Page, turnout: Turnout, voice: Realtime, site: int, protocols: list[str]
) -> None:
    page.goto(f"http://127.0.0.1:{site}/")
    asked = voice.asked
    assert talk(page, turnout, protocols, []) == [1006, ""]
    assert voice.asked == asked


def test_a_page_of_another_origin_gets_none_whatever_its_key(
    page: Page, turnout: Turnout, voice: Realtime, site: int
) -> None:
    page.goto(f"http://localhost:{site}/")
    asked = voice.asked
    assert talk(page, turnout, ["realtime", f"openai-insecure-api-key.{KEY}"], []) == [1006, ""]
    assert voice.asked == asked
