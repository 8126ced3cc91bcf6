"""Secrets are planted wherever one can be; none may come out anywhere but at the upstream it is for."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import pytest
import redis

from engine.chat import Problem
from engine.observe.log import Log
from engine.plan.read import read
from engine.serve.generation import Drivers, build
from engine.store.link import Down
from engine.store.redis import RedisStore
from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, Api, digest
from tests.support.http import Line, get, post, send
from tests.support.journal import rows
from tests.support.script import CUT, STALL, Reply, as_json, as_stream
from tests.support.turnout import ROOT
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

PLANTED = SimpleNamespace(
    client="tk-canary-client-0123456789",
    limited="tk-canary-limited-0123456789",
    spender="tk-canary-spender-0123456789",
    stranger="sk-canary-stranger-0123456789",
    forwarded="sk-ant-oat01-canary-forwarded-0123456789",
    query="canary-in-a-query-0123456789",
    cookie="canary-in-a-cookie-0123456789",
    by_env="sk-canary-by-env-0123456789",
    by_file="sk-ant-canary-by-file-0123456789",
    rotated="sk-ant-canary-rotated-0123456789",
    header="canary-in-a-header-0123456789",
    userinfo="canary-userinfo-0123456789",
    store="canary-of-the-store-0123456789",
    pasted="sk-canary-pasted-0123456789abcdef",
    hidden="canaryPastedWithoutAnyLooks0123456789",
    prompt="canary-of-a-prompt-0123456789",
)
FILE = """\
version: 1
observe: {{log: {{level: debug, format: text}}, metrics: true, journal: {{path: turnout.db}}}}
state: {{kind: redis, url: env:CANARY_STORE}}
defaults: {{model: {{retries: 0}}}}
upstreams:
  openai:
    kind: openai
    apis: [chat, responses]
    base_url: "{openai}"
    api_key: env:CANARY_KEY
    headers: {{x-gateway: env:CANARY_HEADER}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: "file:{folder}/anthropic.key"}}
  mine: {{kind: anthropic, base_url: "{anthropic}", auth: forward}}
  behind: {{kind: openai, base_url: "http://127.0.0.1:9/v1", proxy: env:CANARY_PROXY}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/gpt-5.5
  mine: mine/claude-sonnet-5
  behind: behind/m
prices: {{"*": {{input: 1, output: 10}}}}
limits:
  few: {{requests: 1 per 10m, by: [key]}}
  little: {{budget: 0.003 USD per day, by: [key]}}
routes:
  - {{name: files, when: {{path: "/v1/files/*"}}, pass: openai}}
keys:
  ada: {{hashes: ["{client}"], routes: [files]}}
  limited: {{hashes: ["{limited}"], limits: [few]}}
  spender: {{hashes: ["{spender}"], limits: [little]}}
  anonymous: {{models: [mine], any_key: true}}
"""
ENV = {
    "CANARY_KEY": PLANTED.by_env,
    "CANARY_HEADER": PLANTED.header,
    "CANARY_PROXY": f"http://turnout:{PLANTED.userinfo}@127.0.0.1:9",
}
PAGES = ("/health", "/ready", "/v1/models", "/", "/metrics", "/status", "/openapi.json")
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
KEY = {"x-turnout-key": PLANTED.client, "cookie": f"session={PLANTED.cookie}"}


def leaked(*texts: object) -> list[str]:
    """Return the names of the secrets that stand in any of `texts`, which may be bytes of a file."""
    everything = "\n".join(text.decode("latin-1") if isinstance(text, bytes) else str(text) for text in texts)
    return [name for name, value in vars(PLANTED).items() if value in everything]


class Heard(NamedTuple):
    """What came out of one run with everything in it."""

    turnout: Turnout
    answers: dict[str, str]
    went_up: dict[str, list[str]]
    """The secrets that each upstream was sent."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secrets")


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"), password=PLANTED.store)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def env(valkey: Valkey) -> dict[str, str]:
    return {**ENV, "CANARY_STORE": valkey.url}


@pytest.fixture(scope="module")
def text(folder: Path, _openai: Upstream, _anthropic: Upstream) -> str:
    (folder / "anthropic.key").write_text(PLANTED.by_file)
    digests = {name: digest(getattr(PLANTED, name)) for name in ("client", "limited", "spender")}
    return FILE.format(openai=_openai.url, anthropic=_anthropic.url, folder=folder, **digests)


@pytest.fixture(scope="module")
def heard(start: Start, text: str, env: dict[str, str], folder: Path, _openai: Upstream, _anthropic: Upstream) -> Heard:
    server = start(text, env=env)
    answers: dict[str, str] = {}

    def note(name: str, answer: object) -> None:
        answers[name] = f"{answer.headers} {answer.body!r}"  # type: ignore[attr-defined]  # of tests.support.http

    for api in APIS:
        upstream = _openai if api.kind == "openai" else _anthropic
        own = PLANTED.by_env if api.kind == "openai" else PLANTED.by_file
        for name, reply in scripts(api, own).items():
            upstream.script(reply)
            target = f"{api.path}?beta=true&key={PLANTED.query}"
            note(f"{api.name}: {name}", post(server.url, target, said(api, stream="stream" in name), KEY))
        for name, headers in credentials().items():
            note(f"{api.name}: {name}", post(server.url, api.path, said(api), {**KEY, "x-turnout-key": "", **headers}))
        for name, body in mistakes(api).items():
            note(f"{api.name}: {name}", post(server.url, api.path, body, KEY))
        for name, refused in (("too many", PLANTED.limited), ("too dear", PLANTED.spender)):
            for turn in ("first", "second"):
                headers = {"x-api-key": refused, "cookie": f"session={PLANTED.cookie}"}
                note(f"{api.name}: {name}, {turn}", post(server.url, api.path, said(api, max_tokens=200), headers))
    forwarded = {"authorization": f"Bearer {PLANTED.forwarded}"}
    refused = as_json({"type": "error", "error": {"type": "authentication_error", "message": "no"}}, 401)
    note("forwarded", post(server.url, MESSAGES.path, said(MESSAGES, "mine"), forwarded))
    _anthropic.script(refused)
    note("forwarded, refused", post(server.url, MESSAGES.path, said(MESSAGES, "mine"), forwarded))
    note("forwarded, translated, stored", post(server.url, RESPONSES.path, RESPONSES.body("mine"), forwarded))
    note("stored", post(server.url, RESPONSES.path, RESPONSES.body("smart-claude"), KEY))
    note("behind a proxy", post(server.url, CHAT.path, said(CHAT, "behind"), KEY))
    _openai.script(as_json({}))
    note("passed", send(server.url, "PUT", f"/v1/files/1?sig={PLANTED.query}", KEY, PLANTED.prompt.encode()))
    note("nowhere", send(server.url, "GET", f"/v1/nowhere?key={PLANTED.query}", KEY))
    note("a bad path", send(server.url, "GET", f"/v1/..%2f?key={PLANTED.query}", KEY))
    note("a foreign host", get(server.url, f"/v1/models?key={PLANTED.query}", {**KEY, "host": "evil.example"}))
    leave(server, _openai)

    server.taken(lambda: (folder / "anthropic.key").write_text(PLANTED.rotated))
    note("rotated", post(server.url, MESSAGES.path, said(MESSAGES), KEY))
    for pasted in (PLANTED.pasted, PLANTED.hidden):
        server.taken(lambda: server.rewrite(text.replace("env:CANARY_KEY", pasted)), "not taken")  # noqa: B023
        note(f"pasted {pasted[:9]}", get(server.url, "/health"))
    userinfo = text.replace('base_url: "http://127.0.0.1:9/v1"', f'base_url: "http://u:{PLANTED.userinfo}@127.0.0.1:9"')
    server.taken(lambda: server.rewrite(userinfo + "oops: 1\n"), "not taken")
    server.taken(lambda: server.rewrite(userinfo), "not taken|reloaded")
    note("userinfo", post(server.url, CHAT.path, said(CHAT, "behind"), KEY))
    server.taken(lambda: server.rewrite(text.replace("127.0.0.1:9/v1", "127.0.0.1:9/v2")))
    for path in PAGES:
        note(path, get(server.url, path, KEY))
        note(f"{path} for a browser", get(server.url, f"{path}?key={PLANTED.query}", {**KEY, **BROWSER}))
    sent = {
        "openai": sorted({name for seen in _openai.requests for name in leaked(seen.headers, seen.target)}),
        "anthropic": sorted({name for seen in _anthropic.requests for name in leaked(seen.headers, seen.target)}),
    }
    return Heard(server, answers, sent)


def said(api: Api, model: str | None = None, *, stream: bool = False, **more: object) -> dict[str, object]:
    return api.body(model, stream=stream, metadata={"note": PLANTED.prompt}, **more)


def scripts(api: Api, own: str) -> dict[str, Reply]:
    """Answers of an upstream, some of which quote the credential it was sent."""
    before, _ = api.parted()
    quoting = {"type": "error", "error": {"type": "authentication_error", "message": f"Incorrect key provided: {own}"}}
    return {
        "fine": api.whole(),
        "fine stream": api.stream(),
        "401 that quotes the key": as_json(quoting, 401, ("www-authenticate", f"Bearer {own}")),
        "403 that quotes the key": as_json(quoting, 403),
        "500 that quotes the key": as_json(quoting, 500),
        "400 that quotes the key": as_json(quoting, 400),
        "cut stream": as_stream([*before, CUT]),
        "no answer": Reply(parts=(b"HTTP/1.1 nonsense", CUT), raw=True),
    }


def credentials() -> dict[str, dict[str, str]]:
    return {
        "unknown x-api-key": {"x-api-key": PLANTED.stranger},
        "unknown bearer": {"authorization": f"Bearer {PLANTED.stranger}"},
        "unknown without a scheme": {"authorization": PLANTED.stranger},
        "unknown basic": {"authorization": f"Basic {PLANTED.stranger}"},
    }


def mistakes(api: Api) -> dict[str, object]:
    return {
        "not JSON": f'{{"model": "{PLANTED.prompt}'.encode(),
        "a bad role": api.body(messages=[{"role": PLANTED.prompt[:0] + "robot", "content": PLANTED.prompt}]),
        "a bad type": {**api.body(), "messages": PLANTED.prompt},
        "no model": {"messages": [{"role": "user", "content": PLANTED.prompt}], "max_tokens": 5},
    }


def leave(server: Turnout, upstream: Upstream) -> None:
    upstream.script(CHAT.whole().after(STALL))
    before = len(upstream.requests)
    with Line(server.url) as line:
        line.ask("POST", CHAT.path, KEY, said(CHAT))
        upstream.wait_for(before + 1)


def test_each_secret_went_where_it_belongs(heard: Heard) -> None:
    """Otherwise the tests below would prove nothing. A query is passed on: it is the client's own."""
    assert heard.went_up["openai"] == ["by_env", "header", "query"]
    assert heard.went_up["anthropic"] == ["by_file", "forwarded", "query", "rotated"]


def test_not_in_the_log(heard: Heard) -> None:
    log = heard.turnout.log()
    assert log.count("POST /v1/") > 20
    assert "error[" in log
    assert leaked(log) == []


def test_not_in_any_answer(heard: Heard) -> None:
    assert len(heard.answers) > 30
    assert {name: leaked(answer) for name, answer in heard.answers.items() if leaked(answer)} == {}


def test_limits_refused_some(heard: Heard) -> None:
    """Otherwise the answers above would hold no refusal of theirs."""
    metrics = heard.answers["/metrics"]
    assert [name for name in ("few", "little") if f'limit_refusals_total{{limit="{name}"}}' not in metrics] == []


def test_not_in_the_journal(heard: Heard, env: dict[str, str]) -> None:
    """Neither in the rows nor between them: the bytes of the file and of what is yet to be put into it."""
    folder = heard.turnout.file.parent
    deadline = time.monotonic() + 30
    while len(found := rows(folder / "turnout.db")) < 40:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    assert {"ada", "limited", "spender", "anonymous"} <= {row["key"] for row in found}
    assert {429, 401, 502} <= {row["status"] for row in found}
    files = list(folder.glob("turnout.db*"))
    assert {file.name: leaked(file.read_bytes()) for file in files if leaked(file.read_bytes())} == {}
    for form in ("table", "csv", "json"):
        told = command(folder, env, "usage", "--config", "proxy.yaml", "--format", form).communicate(timeout=30)[0]
        assert "smart-chat" in told
        assert leaked(told) == []


def test_not_in_the_store(heard: Heard, valkey: Valkey) -> None:
    """Counters are there under names that tell nothing."""
    with redis.Redis(port=valkey.port, password=valkey.password) as client:
        names = sorted(client.scan_iter())
        held = [READERS[client.type(name)](client, name) for name in names]
    assert any(b":responses:value:" in name for name in names)
    assert b"Hello there" in b"".join(one for one in held if isinstance(one, bytes))
    assert leaked(*names, *held) == []


READERS = {
    b"string": lambda client, name: client.get(name),
    b"hash": lambda client, name: client.hgetall(name),
    b"zset": lambda client, name: client.zrange(name, 0, -1),
}


def command(folder: Path, env: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


COMMANDS = {
    "show": ("show",),
    "show, json": ("show", "--format", "json"),
    "check": ("check",),
    "check, concise": ("check", "--format", "concise"),
    "check, json": ("check", "--format", "json"),
    "explain": ("explain", "smart-chat", "--key", "ada"),
    "explain, json": ("explain", "smart-claude", "--api", "messages", "--key", "limited", "--format", "json"),
    "explain, nobody known": ("explain", "mine", "--api", "messages"),
    "graph": ("graph",),
    "graph, mermaid": ("graph", "--format", "mermaid"),
    "graph, dot": ("graph", "--format", "dot"),
    "graph, json": ("graph", "--format", "json"),
}
EDITS = {
    "a good file": ("", ""),
    "a pasted key": ("env:CANARY_KEY", PLANTED.pasted),
    "a pasted key that looks like nothing": ("env:CANARY_KEY", PLANTED.hidden),
    "a pasted key in a header": ("env:CANARY_HEADER", f"Bearer {PLANTED.pasted}"),
    "userinfo in a URL": ("http://127.0.0.1:9/v1", f"http://u:{PLANTED.userinfo}@127.0.0.1:9/v1"),
    "a key where it has no place": ("retries: 0", f"api_key: {PLANTED.hidden}"),
    "a syntax error beside a key": ("env:CANARY_KEY", f"{PLANTED.pasted}: ["),
    "a client's key in plain text": (digest(PLANTED.client), PLANTED.client),
}


@pytest.mark.parametrize("edit", EDITS)
def test_not_in_what_the_commands_print(text: str, env: dict[str, str], tmp_path: Path, edit: str) -> None:
    old, new = EDITS[edit]
    assert old in text
    (tmp_path / "proxy.yaml").write_text(text.replace(old, new) if old else text)
    running = {
        name: command(tmp_path, env, *verb, *(() if verb[0] == "check" else ("--config",)), "proxy.yaml")
        for name, verb in COMMANDS.items()
        if edit in ("a good file", "a pasted key that looks like nothing") or name in ("show", "check", "explain")
    }
    told = {name: process.communicate(timeout=30)[0] for name, process in running.items()}
    assert all(told.values())
    assert {name: leaked(output) for name, output in told.items() if leaked(output)} == {}
    if not old:
        assert {process.returncode for process in running.values()} == {0}, {
            n: (p.returncode, told[n][-300:]) for n, p in running.items() if p.returncode
        }


def test_not_in_the_repr_of_anything(text: str, env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text(text)
    reading = read(str(tmp_path / "proxy.yaml"), env)
    assert reading.secrets
    drivers = Drivers()
    generation = build(reading, drivers, Log())
    assert generation is not None
    store, plan = generation.store, reading.plan
    assert isinstance(store, RedisStore)
    assert plan is not None
    objects = [reading, reading.secrets, reading.shared, plan, plan.document, generation, generation.live, drivers]
    objects += [live.driver for live in generation.live.values()]
    objects += [store, store.link, drivers.stores, Problem(429, "limited", "no"), Down()]
    objects += [vars(one) for one in (drivers, drivers.stores, generation, store)]
    shown = [repr(one) for one in objects] + [f"{one}" for one in reading.secrets.values()]
    assert [name for name in leaked(*shown) if name not in ("header", "userinfo")] == []  # plain values of the file
    for secret in reading.secrets.values():
        with pytest.raises(TypeError):
            pickle.dumps(secret)
