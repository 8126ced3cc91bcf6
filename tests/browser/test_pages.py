"""What web pages can do to a Turnout on the same machine, tried in a real browser."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, MESSAGES, Api
from tests.support.http import get, post, send
from tests.support.script import as_stream
from tests.support.wire import violations

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

pytestmark = pytest.mark.browser

FILE = """\
version: 1
server: {{cors: {{origins: [{origins}]}}}}
upstreams:
  openai: {{kind: openai, base_url: "{openai}", api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
routes:
  - {{name: images, when: {{path: "/v1/images/**"}}, pass: openai}}
keys: {{anonymous: {{routes: [images]}}}}
"""
"""Open to everyone on this machine, as the shipped file is, and with a pass route on top."""


@pytest.fixture(scope="module")
def open_to_all(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url, origins=""))


@pytest.fixture(scope="module")
def with_page(start: Start, site: int, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    origins = f'"http://127.0.0.1:{site}"'
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url, origins=origins))


CHAT_BODY = '{"model":"smart-chat","messages":[{"role":"user","content":"Hi"}]}'
MESSAGES_BODY = '{"model":"smart-claude","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}'

ATTACKS = {
    "fetch, text/plain": "fetch(url, {method: 'POST', mode: 'no-cors', body: chat})",
    "fetch, text/plain, with cookies": (
        "fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include', body: chat})"
    ),
    "fetch, JSON, preflight": (
        "fetch(url, {method: 'POST', headers: {'content-type': 'application/json'}, body: chat})"
    ),
    "fetch, JSON, no-cors": (
        "fetch(url, {method: 'POST', mode: 'no-cors', headers: {'content-type': 'application/json'}, body: chat})"
    ),
    "fetch, a Blob of no type": "fetch(url, {method: 'POST', mode: 'no-cors', body: new Blob([chat])})",
    "fetch, a Blob of JSON": (
        "fetch(url, {method: 'POST', mode: 'no-cors', body: new Blob([chat], {type: 'application/json'})})"
    ),
    "fetch, bytes": "fetch(url, {method: 'POST', mode: 'no-cors', body: new TextEncoder().encode(chat)})",
    "fetch, messages": "fetch(base + '/v1/messages', {method: 'POST', mode: 'no-cors', body: messages})",
    "fetch, from a worker": (
        "new Promise(done => { const code = `fetch('${url}', {method: 'POST', mode: 'no-cors', body: '${chat}'})"
        ".finally(() => postMessage(1))`; const worker = new Worker(URL.createObjectURL(new Blob([code]))); "
        "worker.onmessage = done; worker.onerror = done })"
    ),
    "fetch, a sandboxed frame": (
        "new Promise(done => { const frame = document.createElement('iframe'); frame.sandbox = 'allow-scripts'; "
        "frame.srcdoc = `<script>fetch('${url}', {method: 'POST', mode: 'no-cors', body: '${chat}'})</script>`; "
        "frame.onload = () => setTimeout(done, 100); document.body.append(frame) })"
    ),
    "XMLHttpRequest": (
        "new Promise(done => { const asked = new XMLHttpRequest(); asked.open('POST', url); asked.onloadend = done; "
        "asked.send(chat) })"
    ),
    "sendBeacon, text": "navigator.sendBeacon(url, chat)",
    "sendBeacon, a Blob of no type": "navigator.sendBeacon(url, new Blob([chat]))",
    "sendBeacon, JSON": "navigator.sendBeacon(url, new Blob([chat], {type: 'application/json'}))",
    "a form, text/plain": (
        "new Promise(done => { const frame = document.createElement('iframe'); frame.name = 'sink'; "
        "document.body.append(frame); const form = document.createElement('form'); form.method = 'POST'; "
        "form.enctype = 'text/plain'; form.action = url; form.target = 'sink'; "
        "const field = document.createElement('input'); field.name = chat.slice(0, -1) + ',\"x\":\"'; "
        "field.value = '\"}'; form.append(field); document.body.append(form); frame.onload = done; form.submit(); "
        "setTimeout(done, 1000) })"
    ),
    "an image of a pass route": (
        "new Promise(done => { const image = new Image(); image.onload = image.onerror = done; "
        "image.src = base + '/v1/images/1' })"
    ),
    "a script of a pass route": (
        "new Promise(done => { const script = document.createElement('script'); "
        "script.onload = script.onerror = done; script.src = base + '/v1/images/2'; document.body.append(script) })"
    ),
    "a style sheet of a pass route": (
        "new Promise(done => { const link = document.createElement('link'); link.rel = 'stylesheet'; "
        "link.onload = link.onerror = done; link.href = base + '/v1/images/3'; document.head.append(link) })"
    ),
    "a frame of a pass route": (
        "new Promise(done => { const frame = document.createElement('iframe'); frame.onload = done; "
        "frame.src = base + '/v1/images/4'; document.body.append(frame) })"
    ),
    "an event source of a pass route": (
        "new Promise(done => { const source = new EventSource(base + '/v1/images/5'); "
        "source.onopen = source.onerror = () => { source.close(); done() } })"
    ),
    "a web socket": (
        "new Promise(done => { const socket = new WebSocket(base.replace('http', 'ws') + '/v1/images/6'); "
        "socket.onopen = socket.onerror = done })"
    ),
    "an image of a model endpoint": (
        "new Promise(done => { const image = new Image(); image.onload = image.onerror = done; image.src = url })"
    ),
}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_foreign_page_cannot_spend_money(
    page: Page, site: int, open_to_all: Turnout, openai: Upstream, anthropic: Upstream, host: str, attack: str
) -> None:
    """At 127.0.0.1 the page is of the same *site* as Turnout and of another origin; at localhost of another site."""
    page.goto(f"http://{host}:{site}/")
    page.evaluate(
        "async ({base, chat, messages, code}) => {"
        "  const url = base + '/v1/chat/completions';"
        "  try { await eval(code) } catch (error) { return String(error) }"
        "}",
        {"base": open_to_all.url, "chat": CHAT_BODY, "messages": MESSAGES_BODY, "code": ATTACKS[attack]},
    )
    time.sleep(0.1)
    assert [seen.target for seen in openai.requests + anthropic.requests] == []


def test_a_page_one_visits_by_a_link_cannot_either(
    page: Page, site: int, open_to_all: Turnout, openai: Upstream
) -> None:
    page.goto(f"http://localhost:{site}/")
    page.evaluate(f"location.href = '{open_to_all.url}/v1/images/7'")
    page.wait_for_url("**/v1/images/7")
    assert openai.requests == []


def test_the_same_requests_would_be_answered_outside_a_browser(
    open_to_all: Turnout, openai: Upstream, anthropic: Upstream
) -> None:
    """Otherwise the tests above would prove nothing."""
    assert post(open_to_all.url, CHAT.path, CHAT_BODY.encode(), {"content-type": "application/json"}).status == 200
    assert (
        post(open_to_all.url, MESSAGES.path, MESSAGES_BODY.encode(), {"content-type": "application/json"}).status == 200
    )
    assert get(open_to_all.url, "/v1/images/1").status == 200
    assert (len(openai.requests), len(anthropic.requests)) == (2, 1)


def test_what_a_person_types_into_the_address_bar(page: Page, open_to_all: Turnout) -> None:
    answer = page.goto(f"{open_to_all.url}/health")
    assert answer is not None
    assert (answer.status, answer.json()["status"]) == (200, "ok")


def test_a_foreign_page_cannot_read_the_answer(page: Page, site: int, open_to_all: Turnout) -> None:
    page.goto(f"http://localhost:{site}/")
    for path in ("/health", "/v1/models", "/"):
        read = page.evaluate("url => fetch(url).then(got => got.text(), error => 'refused')", open_to_all.url + path)
        assert read == "refused"


STREAM = """async ({url, body}) => {
  const answer = await fetch(url, {method: 'POST', body, headers: {
    'content-type': 'application/json', 'x-api-key': 'any', 'anthropic-version': '2023-06-01',
    'anthropic-dangerous-direct-browser-access': 'true', 'x-stainless-lang': 'js'}});
  window.first = ''; window.text = '';
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  window.code = answer.status;
  window.target = answer.headers.get('x-turnout-target');
  window.id = answer.headers.get('x-request-id');
  window.reading = (async () => {
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      window.text += value;
    }
  })();
}"""


@pytest.mark.parametrize("api", [CHAT, MESSAGES], ids=lambda api: api.name)
def test_a_listed_page_calls_and_streams(
    page: Page, site: int, with_page: Turnout, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    gate = threading.Event()
    before, after = api.parted()
    upstream = openai if api is CHAT else anthropic
    upstream.script(as_stream([b"".join(before), gate, b"".join(after)]))
    page.goto(f"http://127.0.0.1:{site}/")
    body = (CHAT_BODY if api is CHAT else MESSAGES_BODY)[:-1] + ',"stream":true}'
    try:
        page.evaluate(STREAM, {"url": with_page.url + api.path, "body": body})
        page.wait_for_function("window.text.includes('Hello')", timeout=5000)
        assert " there" not in page.evaluate("window.text")  # the rest has not been said yet
    finally:
        gate.set()
    page.evaluate("window.reading")
    text = page.evaluate("window.text").encode()
    assert api.text(text) == "Hello there"
    assert violations(api.name, text) == []
    assert page.evaluate("[window.code, window.target]") == [200, f"{api.kind}/{api.upstream_model}"]
    assert page.evaluate("window.id")


def test_a_listed_page_reads_errors(page: Page, site: int, with_page: Turnout) -> None:
    page.goto(f"http://127.0.0.1:{site}/")
    told = page.evaluate(
        "async url => { const got = await fetch(url, {method: 'POST', headers: {'content-type': 'application/json'},"
        ' body: \'{"model":"nobody","messages":[]}\'}); return [got.status, (await got.json()).error.type] }',
        with_page.url + CHAT.path,
    )
    assert told[0] in (400, 404)
    assert told[1] == "invalid_request_error"


def test_a_page_at_the_other_name_of_this_machine_is_not_listed(
    page: Page, site: int, with_page: Turnout, openai: Upstream
) -> None:
    page.goto(f"http://localhost:{site}/")
    asked = "{method: 'POST', headers: {'content-type': 'application/json'}, body: '{}'}"
    told = page.evaluate(f"url => fetch(url, {asked}).then(() => 'read', () => 'refused')", with_page.url + CHAT.path)
    assert told == "refused"
    assert openai.requests == []
    assert send(with_page.url, "OPTIONS", CHAT.path, {"origin": f"http://localhost:{site}"}).status == 403
