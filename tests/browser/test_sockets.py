"""A web page that asks for chat completions and messages over WebSocket, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import CHAT, MESSAGES, digest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

pytestmark = pytest.mark.browser

KEY = "tk-ada-0123456789abcdef"
OFFERED = ["turnout", f"openai-insecure-api-key.{KEY}"]
FILE = """\
version: 1
server: {cors: {origins: ["http://127.0.0.1:SITE"]}}
observe: {log: {format: text}}
upstreams:
  openai: {kind: openai, base_url: "GPT-URL", apis: [chat], api_key: env:TEST_OPENAI_KEY}
  anthropic: {kind: anthropic, base_url: "CLAUDE-URL", api_key: env:TEST_ANTHROPIC_KEY}
models: {gpt: openai/gpt-5.5, claude: anthropic/claude-sonnet-5}
keys: {ada: {hashes: ["DIGEST"]}}
"""
ASK = """([url, protocols, frames]) => new Promise(done => {
    const heard = [], socket = new WebSocket(url, protocols)
    let over = 0
    socket.onopen = () => frames.forEach(frame => socket.send(JSON.stringify(frame)))
    socket.onmessage = ({data}) => {
        const frame = JSON.parse(data)
        heard.push(frame)
        over += frame.type === 'done' || frame.type === 'error'
        if (over === frames.length) {
            socket.close(1000, 'thanks')
        }
    }
    socket.onclose = ({code, reason}) => done({heard, code, reason, protocol: socket.protocol})
})"""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream, site: int) -> Turnout:
    text = FILE.replace("SITE", str(site)).replace("DIGEST", digest(KEY))
    return start(text.replace("GPT-URL", _openai.url).replace("CLAUDE-URL", _anthropic.url))


def ask(page: Page, turnout: Turnout, path: str, frames: list[Any], protocols: list[str] = OFFERED) -> Any:
    return page.evaluate(ASK, [f"{turnout.url.replace('http', 'ws')}{path}", protocols, frames])


def test_a_page_asks_several_things_at_once(page: Page, turnout: Turnout, site: int, openai: Upstream) -> None:
    page.goto(f"http://127.0.0.1:{site}/")
    frames = [
        CHAT.body("gpt", stream=True, id="a"),
        CHAT.body("claude", id="b"),
        CHAT.body("nobody", id="c"),
    ]
    told = ask(page, turnout, CHAT.path, frames)
    assert (told["code"], told["reason"], told["protocol"]) == (1000, "thanks", "turnout")
    by_id = {ident: [one for one in told["heard"] if one.get("stream_id") == ident] for ident in "abc"}
    words = [choice["delta"].get("content") or "" for one in by_id["a"][:-1] for choice in one["choices"]]
    assert "".join(words) == "Hello there"
    assert by_id["a"][-1] == {"stream_id": "a", "id": "a", "type": "done"}
    assert CHAT.said(by_id["b"][0]) == "Hello there"
    assert [one["status"] for one in by_id["c"]] == [404]
    assert KEY not in str(openai.last.headers)
    assert KEY not in turnout.log()


def test_a_page_speaks_the_messages_api(page: Page, turnout: Turnout, site: int) -> None:
    page.goto(f"http://127.0.0.1:{site}/")
    told = ask(page, turnout, "/v1/ws", [{**MESSAGES.body("gpt", stream=True), "api": "messages"}])
    kinds = [one["type"] for one in told["heard"]]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_stop", "done"])


def test_a_page_of_another_origin_gets_no_connection(page: Page, turnout: Turnout, site: int, openai: Upstream) -> None:
    page.goto(f"http://localhost:{site}/")
    told = ask(page, turnout, CHAT.path, [CHAT.body("gpt")])
    assert (told["heard"], told["code"]) == ([], 1006)
    assert openai.requests == []
    turnout.wait_for(re.compile(r"GET /v1/chat/completions 403 .*origin_not_allowed"))


@pytest.mark.parametrize("protocols", [[], ["turnout"], ["turnout", "openai-insecure-api-key.wrong"]], ids=str)
def test_a_page_without_a_key_gets_none(
    page: Page, turnout: Turnout, site: int, openai: Upstream, protocols: list[str]
) -> None:
    page.goto(f"http://127.0.0.1:{site}/")
    told = ask(page, turnout, CHAT.path, [CHAT.body("gpt")], protocols)
    assert (told["heard"], told["code"]) == ([], 1006)
    assert openai.requests == []
