"""The status page in a real browser: it looks as it should, loads nothing, and no other page sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Request

    from tests.conftest import Start
    from tests.support.turnout import Turnout

pytestmark = pytest.mark.browser

FILE = """\
version: 1
upstreams:
  demo: {kind: echo, demo: true}
  off: {kind: openai, api_key: "file:<img src=x onerror=alert(1)>", optional: true}
keys: {anonymous: {}}
"""


@pytest.fixture(scope="module")
def turnout(start: Start) -> Turnout:
    return start(FILE)


def test_it_is_styled_and_loads_nothing(turnout: Turnout, page: Page) -> None:
    said: list[str] = []
    asked: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        said.append(message.text)

    def seen(request: Request) -> None:
        asked.append(request.url)

    page.on("console", heard)
    page.on("request", seen)
    page.goto(f"{turnout.url}/status")
    assert page.title() == "Turnout: ok"
    assert page.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
    assert "<img src=x onerror=alert(1)> cannot be read" in page.inner_text("body")
    assert page.query_selector("img") is None
    assert {url for url in asked if not url.endswith("/favicon.ico")} == {f"{turnout.url}/status"}
    assert [text for text in said if "favicon" not in text and "404" not in text] == []


def test_another_page_can_neither_read_nor_frame_it(turnout: Turnout, page: Page, site: int) -> None:
    page.goto(f"http://127.0.0.1:{site}/")
    read = "url => fetch(url).then(answer => answer.text()).catch(() => 'refused')"
    assert page.evaluate(read, f"{turnout.url}/status") == "refused"
    assert page.evaluate(read, f"{turnout.url}/metrics") == "refused"
    page.evaluate(
        "url => { const frame = document.createElement('iframe'); frame.src = url; document.body.append(frame);"
        " return new Promise(done => frame.onload = done) }",
        f"{turnout.url}/status",
    )
    assert all("Turnout 0" not in frame.content() for frame in page.frames)
