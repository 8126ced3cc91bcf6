"""Twenty edits under fifty streams: nothing fails, and every edit is seen by the next request."""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import APIS, CHAT, Api, digest
from tests.support.edits import EDITORS
from tests.support.http import get, post
from tests.support.script import as_stream, paced

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.script import Reply
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

EDITS, STREAMS = 20, 50
SHORT, LONG = 1.0, 8.0
PAUSE = 0.1
FILE = """\
version: 1
upstreams:
  openai: {{kind: openai, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
  far-{number}: {{kind: openai, base_url: "{openai}", headers: {{x-edit: "{number}"}}}}
models:
  smart-chat: openai/gpt-{number}
  smart-claude: anthropic/claude-{number}
  smart-responses: openai/gpt-{number}
  only-{number}: openai/gpt-{number}
  far-{number}: far-{number}/gpt-{number}
keys:
  anonymous: {{}}
  key-{number}: {{hashes: ["{digest}"]}}
"""


def key(number: int) -> str:
    return f"tk-storm-{number:02}-0123456789abcdef"


def words(seconds: float) -> list[str]:
    return [f"word {number}. " for number in range(round(seconds / PAUSE))]


def answer(seen: Seen) -> Reply:
    """Stream for as long as the request says, in `metadata.seconds`."""
    body = seen.json
    api = next(one for one in APIS if one.path == seen.path)
    if not body.get("stream"):
        return api.whole()
    events = api.events(*words(body["metadata"]["seconds"]))
    return as_stream(paced(events, PAUSE))


def stream(turnout: Turnout, api: Api, model: str, seconds: float, credential: str = "") -> str:
    """Return what is wrong with a stream, "" when nothing is."""
    headers = {"x-turnout-key": credential} if credential else {}
    body = api.body(model, stream=True, metadata={"seconds": seconds})
    got = post(turnout.url, api.path, body, headers, timeout=30)
    if got.status != 200 or not got.whole or api.terminal not in got.body:
        return f"{model}: {got.status} {got.body[-300:]!r}"
    return "" if api.text(got.body) == "".join(words(seconds)) else f"{model}: {got.body!r}"


@pytest.mark.slow
def test_twenty_edits_under_fifty_streams(
    start: Start, openai: Upstream, anthropic: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    def file(number: int) -> str:
        return FILE.format(number=number, openai=openai.url, anthropic=anthropic.url, digest=digest(key(number)))

    openai.answer = anthropic.answer = answer
    server = start(file(0))
    over = threading.Event()
    wrong: list[str] = []
    ended = [0] * STREAMS

    def keep_streaming(place: int) -> None:
        api = APIS[place % len(APIS)]
        while not over.is_set():
            wrong.append(stream(server, api, api.asked, LONG if place % 5 == 0 else SHORT))
            ended[place] += 1

    took: list[float] = []
    removed: list[Future[str]] = []
    with ThreadPoolExecutor(STREAMS + 3 * EDITS) as pool:
        for place in range(STREAMS):
            pool.submit(keep_streaming, place)
        time.sleep(SHORT / 2)
        try:
            for number in range(1, EDITS + 1):
                EDITORS[number % len(EDITORS)](server.file, file(number))
                saved = time.monotonic()
                while asks(server, openai) != f"gpt-{number}":
                    assert time.monotonic() - saved < 60, server.log()[-3000:]
                    time.sleep(0.002)
                took.append(time.monotonic() - saved)
                assert post(server.url, CHAT.path, CHAT.body(f"only-{number - 1}")).status == 404
                refused = post(server.url, CHAT.path, CHAT.body(), {"x-turnout-key": key(number - 1)})
                assert refused.status == 401
                before = len(openai.requests)
                for model, credential in ((f"only-{number}", ""), (f"far-{number}", ""), ("smart-chat", key(number))):
                    removed.append(pool.submit(stream, server, CHAT, model, LONG, credential))  # gone by the next edit
                while len([seen for seen in openai.requests[before:] if b'"seconds": 8.0' in seen.body]) < 3:
                    assert time.monotonic() - saved < 60
                    time.sleep(0.002)
        finally:
            over.set()
    wrong += [one.result() for one in removed]
    assert [one for one in wrong if one] == []
    assert min(ended) >= 1
    health = get(server.url, "/health").json
    assert health["config"]["ok"] is True
    assert server.log().count("reloaded") == EDITS
    with capsys.disabled():
        print(
            f"\nfrom save to effect: median {statistics.median(took) * 1000:.0f} ms, "
            f"{min(took) * 1000:.0f} to {max(took) * 1000:.0f} ms, "
            f"{EDITS} edits under {STREAMS} streams; {len(wrong)} streams ended well"
        )


def asks(turnout: Turnout, openai: Upstream) -> str:
    """Send a short request and return the model that the upstream was asked for."""
    mark = f"{time.monotonic_ns()}"
    assert post(turnout.url, CHAT.path, CHAT.body(user=mark)).status == 200
    seen = next(seen for seen in reversed(openai.requests) if mark.encode() in seen.body)
    model: str = seen.json["model"]
    return model
