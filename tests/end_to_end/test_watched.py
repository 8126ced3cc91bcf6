"""What is told of requests: no secret, no text, and no name that a client made up but, in the journal, the model's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.cli.turnout import turnout as command
from tests.support.apis import CHAT, MESSAGES, digest
from tests.support.http import Line, get, post, send
from tests.support.journal import written
from tests.support.metrics import OPEN
from tests.support.script import CUT, STALL, Reply, as_json, as_stream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

SECRETS = {
    "the client's key": "tk-canary-client-0123456789",
    "a stranger's key": "tk-canary-stranger-0123456789",
    "the upstream's key": "sk-canary-upstream-0123456789",
    "a prompt": "canary prompt text",
    "an answer": "canary answer text",
    "a query": "canaryquery",
    "a header": "canary-header",
    "a user agent": "canary-agent/1.0",
    "a session": "canary-session",
    "a path": "canary-path",
    "a host": "canary-host.example",
    "an address": "203.0.113.77",
    "an error of the upstream": "canary words of an upstream",
}
QUOTED = ("an error of the upstream", "the upstream's key")
MODEL = "any-canarymodel"
FILE = f"""\
version: 1
observe: {{{{metrics: true, journal: {{{{path: turnout.db}}}}}}}}
server: {{{{trusted_proxies: [127.0.0.1]}}}}
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}", api_key: env:CANARY}}}}
  anthropic: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:CANARY}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models: {{{{smart-chat: openai/gpt-5.5, smart-claude: anthropic/claude-sonnet-5, "any-*": "openai/*"}}}}
routes: [{{{{name: files, when: {{{{path: "/v1/files/**"}}}}, pass: openai}}}}]
limits: {{{{few: {{{{requests: 3 per 1h, by: [key, ip], when: {{{{model: any-limited}}}}}}}}}}}}
keys: {{{{ada: {{{{hashes: ["{digest(SECRETS["the client's key"])}"], routes: [files], limits: [few]}}}}}}}}
"""


class Told(NamedTuple):
    """Everything that tells of the requests, by what it is."""

    pages: dict[str, str]
    kept: dict[str, str]


@pytest.fixture(scope="module")
def told(start: Start, _openai: Upstream, _anthropic: Upstream) -> Told:
    server = start(
        FILE.format(openai=_openai.url, anthropic=_anthropic.url), env={"CANARY": SECRETS["the upstream's key"]}
    )
    count = requests(server, _openai, _anthropic)
    written(server.file.parent / "turnout.db", count)
    pages = {
        "metrics": get(server.url, "/metrics").body.decode(),
        "open metrics": get(server.url, "/metrics", {"accept": OPEN}).body.decode(),
        "status": get(server.url, "/status").body.decode(),
        "the page": get(server.url, "/status", {"accept": "text/html"}).body.decode(),
    }
    kept = {file.name: file.read_bytes().decode("latin-1") for file in server.file.parent.glob("turnout.db*")}
    for form in ("table", "csv", "json"):
        run = usage(server.file.parent, form)
        kept[f"usage as {form}"] = run
    return Told(pages, kept)


def usage(folder: Path, form: str) -> str:
    run = command("usage", "--by", "key,model,day,target,client", "--format", form, cwd=folder, CANARY="x" * 20)
    assert (run.code, run.err) == (0, "")
    return run.out


def requests(server: Turnout, openai: Upstream, anthropic: Upstream) -> int:
    """Ask for everything that may go well or wrong, with canaries everywhere; return how many rows that makes."""
    secret = SECRETS
    words = {"messages": [{"role": "user", "content": secret["a prompt"]}]}
    key = {
        "x-api-key": secret["the client's key"],
        "user-agent": secret["a user agent"],
        "x-canary": secret["a header"],
        "x-turnout-session": secret["a session"],
        "x-forwarded-for": secret["an address"],
    }
    wrong = {"error": {"message": " ".join(secret[one] for one in QUOTED), "type": "x"}}
    before, _ = CHAT.parted()
    answers: list[Reply] = [
        CHAT.whole(secret["an answer"]),
        CHAT.stream(secret["an answer"]),
        *(as_json(wrong, status) for status in (400, 401, 429, 500)),
        as_stream([*before, CUT]),
        CHAT.whole(),
    ]
    rows = 0
    for reply in answers:
        openai.script(reply)
        post(server.url, f"{CHAT.path}?key={secret['a query']}", {**CHAT.body(MODEL), **words}, key)
        rows += 1
    anthropic.script(MESSAGES.whole(secret["an answer"]))
    post(server.url, MESSAGES.path, MESSAGES.body(system=secret["a prompt"]), key)
    post(server.url, CHAT.path, {**CHAT.body("canarymodel-nobody-has"), **words}, key)
    post(server.url, CHAT.path, f'{{"model": "{secret["a prompt"]}'.encode(), key)
    post(server.url, CHAT.path, {**CHAT.body(), **words}, {"x-api-key": secret["a stranger's key"]})
    rows += 4
    openai.answer = lambda _: CHAT.whole()
    for _ in range(5):
        post(server.url, CHAT.path, CHAT.body("any-limited"), key)
        rows += 1
    send(server.url, "GET", f"/v1/files/{secret['a path']}?q={secret['a query']}", key)
    send(server.url, "GET", f"/{secret['a path']}", key)
    get(server.url, f"/v1/models?key={secret['a query']}", {**key, "host": secret["a host"]})
    rows += 3
    with Line(server.url) as line:
        line.write(f"GET /{secret['a path']} HTTP/1.1\r\nhost: a\r\nx: {'a' * 100_000}\r\n\r\n".encode())
        line.head()
    rows += 1
    openai.answer = lambda _: as_stream([*before, STALL])
    with Line(server.url) as line:
        line.ask("POST", CHAT.path, key, {**CHAT.body(MODEL, stream=True), **words})
        next(iter(line.chunks(line.head())))
    return rows + 1


def test_there_is_something_to_look_through(told: Told) -> None:
    assert len(told.kept) >= 4
    assert all(len(text) > 200 for text in (*told.pages.values(), *told.kept.values()))
    assert 'turnout_limit_refusals_total{limit="few"} 2.0' in told.pages["metrics"]


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_holds(told: Told, secret: str) -> None:
    everything = {**told.pages, **told.kept}
    assert [name for name, text in everything.items() if SECRETS[secret] in text] == []


def test_the_model_that_was_asked_for_is_in_the_journal_alone(told: Told) -> None:
    assert [name for name, text in told.pages.items() if "canarymodel" in text] == []
    assert [name for name, text in told.kept.items() if "canarymodel" in text and name.startswith("usage")] == [
        "usage as table",
        "usage as csv",
        "usage as json",
    ]


def test_no_page_names_a_key(told: Told) -> None:
    assert [name for name, text in told.pages.items() if "ada" in text.replace("metadata", "")] == []
