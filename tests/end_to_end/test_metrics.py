"""/metrics at the front door: what requests add up to, under names that only the file can choose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.apis import CHAT, MESSAGES, SERVER_ERROR, digest
from tests.support.http import Line, get, post, send
from tests.support.journal import written
from tests.support.metrics import OPEN, Scraped
from tests.support.script import STALL, as_json, as_stream

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

KEY = {"x-api-key": "tk-ada-0123456789abcdef"}
FILE = f"""\
version: 1
observe: {{{{metrics: true, log: {{{{level: error}}}}}}}}
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}", api_key: env:TEST_OPENAI_KEY}}}}
  anthropic: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
  keyless: {{{{kind: openai, api_key: env:NOT_SET_ANYWHERE, optional: true}}}}
defaults: {{{{model: {{{{retries: 0}}}}}}}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  both: {{{{targets: [openai/gpt-5.5, anthropic/claude-sonnet-5]}}}}
  "any-*": "openai/*"
  alias: both
routes:
  - {{{{name: no-secrets, when: {{{{model: secret}}}}, deny: {{{{status: 403, message: "no"}}}}}}}}
  - {{{{name: files, when: {{{{path: /v1/files}}}}, pass: openai}}}}
keys: {{{{ada: {{{{hashes: ["{digest("tk-ada-0123456789abcdef")}"], routes: [no-secrets, files]}}}}}}}}
"""


@pytest.fixture
def turnout(start: Start, openai: Upstream, anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=openai.url, anthropic=anthropic.url))


def test_what_requests_add_up_to(turnout: Turnout, openai: Upstream, anthropic: Upstream) -> None:
    openai.answer = lambda seen: as_json(SERVER_ERROR, 503) if b"Sorry" in seen.body else CHAT.whole()
    anthropic.answer = lambda _: MESSAGES.whole()
    for _ in range(3):
        post(turnout.url, CHAT.path, CHAT.body(), KEY)
    post(turnout.url, MESSAGES.path, {**MESSAGES.body("both"), **MESSAGES.conversation("Sorry")}, KEY)
    post(turnout.url, CHAT.path, CHAT.body("any-thing"), KEY)
    post(turnout.url, CHAT.path, CHAT.body("nobody-knows"), KEY)
    post(turnout.url, CHAT.path, CHAT.body("secret"), KEY)
    get(turnout.url, "/v1/files", KEY)
    get(turnout.url, "/v1/models", {"host": "evil.example"})
    told = Scraped(turnout.url)
    assert told.value("turnout_requests_total", api="chat", model="smart-chat", route="none", status="200") == 3
    assert told.value("turnout_requests_total", api="messages", model="both", route="none", status="200") == 1
    assert told.value("turnout_requests_total", api="chat", model="any-*", route="none", status="200") == 1
    assert told.value("turnout_requests_total", api="chat", model="other", route="none", status="404") == 1
    assert told.value("turnout_requests_total", api="chat", model="other", route="no-secrets", status="403") == 1
    assert told.sum("turnout_requests_total", api="pass", route="files") == 1
    assert told.value("turnout_requests_total", api="other", model="none", route="none", status="421") == 1
    assert told.sum("turnout_requests_total") == 9
    assert told.value("turnout_errors_total", api="chat", model="other", reason="model_not_found") == 1
    assert told.value("turnout_tries_total", target="openai/gpt-5.5", reason="none") == 3
    assert told.value("turnout_tries_total", target="openai/gpt-5.5", reason="overloaded") == 1
    assert told.value("turnout_tries_total", target="openai/*", reason="none") == 1
    assert told.sum("turnout_fallbacks_total") == 1
    assert told.value("turnout_fallbacks_total", target="openai/gpt-5.5", reason="overloaded") == 1
    assert told.value("turnout_request_duration_seconds_count", api="chat", model="smart-chat") == 3
    assert told.value("turnout_time_to_first_content_seconds_count", target="openai/gpt-5.5") == 3


PRICES = """\
prices:
  openai/gpt-5.5: {input: 2, output: 10}
"""


def test_tokens_and_what_they_cost(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    text = FILE.format(openai=openai.url, anthropic=anthropic.url).replace(
        "metrics: true", "metrics: true, journal: {path: t.db}"
    )
    server = start(text + PRICES)
    openai.answer = lambda _: CHAT.whole()
    anthropic.answer = lambda _: MESSAGES.whole()
    usage = CHAT.answer("Hello there")["usage"]
    for model in ("smart-chat", "smart-chat", "any-1"):
        post(server.url, CHAT.path, CHAT.body(model), KEY)
    post(server.url, MESSAGES.path, MESSAGES.body(), KEY)
    told = Scraped(server.url)
    labels = {"model": "smart-chat", "target": "openai/gpt-5.5"}
    read, wrote = usage["prompt_tokens"], usage["completion_tokens"]
    assert told.value("turnout_tokens_total", kind="input", **labels) == 2 * read
    assert told.value("turnout_tokens_total", kind="output", **labels) == 2 * wrote
    assert told.value("turnout_cost_usd_total", **labels) == pytest.approx(2 * (read * 2 + wrote * 10) / 1e6)
    assert told.sum("turnout_tokens_total", target="openai/*", kind="output") == wrote
    assert told.sum("turnout_tokens_total", target="anthropic/claude-sonnet-5") > 0
    assert told.sum("turnout_cost_usd_total") == told.value("turnout_cost_usd_total", **labels)
    found = written(server.file.parent / "t.db", 4)
    assert [(row["input"], row["output"]) for row in found[:3]] == [(read, wrote)] * 3
    assert [row["cost"] for row in found] == [read * 2 + wrote * 10] * 2 + [None, None]


def test_how_the_process_is(turnout: Turnout, openai: Upstream) -> None:
    before, _ = CHAT.parted()
    openai.script(CHAT.whole(), as_stream([*before, STALL]))
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    with Line(turnout.url) as line:
        line.ask("POST", CHAT.path, KEY, CHAT.body(stream=True))
        next(iter(line.chunks(line.head())))
        told = Scraped(turnout.url)
    assert told.value("turnout_requests_in_flight") == 1
    assert told.value("turnout_target_in_flight", target="openai/gpt-5.5") == 1
    assert told.value("turnout_upstream_state", upstream="openai", state="ok") == 1
    assert told.value("turnout_upstream_state", upstream="anthropic", state="unknown") == 1
    assert told.value("turnout_upstream_state", upstream="keyless", state="off") == 1
    assert told.sum("turnout_upstream_state") == 3
    assert told.value("process_resident_memory_bytes") > 10_000_000
    assert told.value("turnout_build_info", version="0.1.0") == 1


def test_how_targets_do(turnout: Turnout, openai: Upstream) -> None:
    openai.answer = lambda _: CHAT.whole()
    for model in ("any-1", "any-2", "smart-chat"):
        post(turnout.url, CHAT.path, CHAT.body(model), KEY)
    openai.answer = lambda _: as_json(SERVER_ERROR, 500)
    post(turnout.url, CHAT.path, CHAT.body("any-3"), KEY)
    for _ in range(5):  # as many as open its circuit
        post(turnout.url, CHAT.path, CHAT.body(), KEY)
    told = Scraped(turnout.url)
    states = {
        state: (
            told.value("turnout_target_state", target="openai/*", state=state),
            told.value("turnout_target_state", target="openai/gpt-5.5", state=state),
        )
        for state in ("ok", "failing", "down", "unknown")
    }
    assert states == {"ok": (2, 0), "failing": (1, 0), "down": (0, 1), "unknown": (0, 0)}
    assert told.value("turnout_target_in_flight", target="openai/*") == 0
    shown = {one["name"]: one for one in get(turnout.url, "/status").json["targets"]}
    assert shown["openai/gpt-5.5"] == {
        "name": "openai/gpt-5.5",
        "in_flight": 0,
        "states": {"down": 1},
        "why": ["server_error"],
    }
    assert shown["openai/*"]["states"] == {"ok": 2, "failing": 1}
    assert "server_error" in get(turnout.url, "/status", {"accept": "text/html"}).body.decode()


def test_reloads(turnout: Turnout) -> None:
    text = turnout.file.read_text()
    first = Scraped(turnout.url)
    (generation,) = first.label("generation")
    assert first.value("turnout_config_last_reload_successful") == 1
    turnout.taken(lambda: turnout.rewrite(text + "oops: 1\n"), "not taken")
    refused = Scraped(turnout.url)
    assert refused.value("turnout_config_last_reload_successful") == 0
    assert refused.value("turnout_config_reloads_total", result="refused") == 1
    assert refused.label("generation") == {generation}
    quiet = text.replace("level: error", "level: info")
    turnout.taken(lambda: turnout.rewrite(quiet))
    taken = Scraped(turnout.url)
    assert taken.value("turnout_config_last_reload_successful") == 1
    assert taken.value("turnout_config_reloads_total", result="taken") == 1
    at = "turnout_config_last_reload_success_timestamp_seconds"
    assert refused.value(at) == first.value(at) < taken.value(at)
    assert taken.label("generation") == {str(get(turnout.url, "/health").json["generation"])} != {generation}


def test_an_edit_keeps_the_counts_and_ends_the_series_of_what_it_removes(turnout: Turnout, openai: Upstream) -> None:
    openai.answer = lambda _: CHAT.whole()
    text = turnout.file.read_text().replace("level: error", "level: info")
    turnout.rewrite(text)
    turnout.wait_for(re.compile("reloaded"))
    for model in ("smart-chat", "any-1"):
        post(turnout.url, CHAT.path, CHAT.body(model), KEY)
    post(turnout.url, CHAT.path, CHAT.body("secret"), KEY)
    assert {"any-*", "smart-chat"} <= Scraped(turnout.url).label("model")
    removed = text.replace('  "any-*": "openai/*"\n', "").replace("no-secrets", "no-more")
    turnout.taken(lambda: turnout.rewrite(removed))
    told = Scraped(turnout.url)
    assert told.sum("turnout_requests_total", model="smart-chat") == 1
    for gone in ("any-*", "openai/*", "no-secrets"):
        assert gone not in told.text
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    assert Scraped(turnout.url).sum("turnout_requests_total", model="smart-chat") == 2


def test_clients_choose_no_name(turnout: Turnout, openai: Upstream) -> None:
    openai.answer = lambda _: CHAT.whole()
    before = len(Scraped(turnout.url).samples)
    sizes = []
    for turn in range(2):
        for number in range(30):
            post(turnout.url, CHAT.path, CHAT.body(f"any-canary-{turn}-{number}"), KEY)
            post(turnout.url, CHAT.path, CHAT.body(f"canary-{turn}-{number}"), KEY)
            send(turnout.url, "GET", f"/canary-{turn}-{number}", KEY)
        told = Scraped(turnout.url)
        assert "canary" not in told.text
        sizes.append(len(told.samples))
    assert before < sizes[0] == sizes[1]


def test_openmetrics_and_head(turnout: Turnout) -> None:
    told = Scraped(turnout.url, accept=OPEN)
    assert told.form.startswith("application/openmetrics-text")
    assert told.text.endswith("# EOF\n")
    assert Scraped(turnout.url).form.startswith("text/plain")
    head = send(turnout.url, "HEAD", "/metrics")
    assert (head.status, head.body) == (200, b"")
    assert send(turnout.url, "POST", "/metrics").status == 405


UNITS = ("seconds", "bytes", "usd", "info")
COUNTED = "requests|waiting|rows|counters|leases|tasks|draining|fds|state|successful|failing|down|in_flight|websockets"


def test_names_keep_the_rules_of_prometheus(turnout: Turnout, openai: Upstream) -> None:
    """https://prometheus.io/docs/practices/naming/ and what `promtool check metrics` says."""
    openai.script(CHAT.whole())
    post(turnout.url, CHAT.path, CHAT.body(), KEY)
    for family in Scraped(turnout.url).families:
        assert family.documentation, family.name
        assert re.fullmatch(r"(turnout|process)_[a-z][a-z_]*", family.name)
        assert not re.search(r"_(counter|gauge|histogram|milliseconds|ms|kb|mb|percent|minutes)(_|$)", family.name)
        names = {sample.name for sample in family.samples}
        assert not [name for name in names if name.endswith("_created")]
        if family.type == "counter":
            assert names <= {f"{family.name}_total"}
        elif family.type == "gauge":
            assert not family.name.endswith(("_total", "_count", "_sum", "_bucket"))
            assert family.name.endswith(UNITS) or re.search(rf"_({COUNTED})$", family.name), family.name
        else:
            assert (family.type, family.name.endswith("_seconds")) == ("histogram", True)


def test_off_unless_asked_and_then_not_even_imported(start: Start, openai: Upstream, anthropic: Upstream) -> None:
    text = FILE.format(openai=openai.url, anthropic=anthropic.url)
    server = start(text.replace("metrics: true, ", ""))
    answer = get(server.url, "/metrics")
    assert answer.status == 404
    assert "observe: {metrics: true}" in CHAT.error(answer)["message"]


def test_what_a_plain_serve_does_not_import(start: Start) -> None:
    vendors = "'openai', 'anthropic', 'langchain_core', 'claude_agent_sdk', 'mcp'"
    heavy = f"('prometheus_client', 'sqlite3', 'jinja2', 'redis', {vendors})"
    say = f"print('imported', [one for one in {heavy} if one in sys.modules], file=sys.stderr)"
    run = f"import atexit, sys; atexit.register(lambda: {say}); from engine.cli import main; sys.exit(main())"
    server = start(
        "version: 1\nupstreams: {demo: {kind: echo, demo: true}}\nkeys: {anonymous: {}}\n", program=("-c", run)
    )
    assert post(server.url, CHAT.path, CHAT.body("m")).status == 200
    server.stop()
    assert "imported []\n" in server.log()
