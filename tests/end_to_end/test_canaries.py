"""Secrets are planted wherever one can be; none may come out anywhere but at the upstream it is for."""

from __future__ import annotations

import pickle
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from engine.observe.log import Log
from engine.plan.read import read
from engine.serve.generation import Drivers, build
from tests.support.apis import APIS, CHAT, MESSAGES, Api, digest
from tests.support.http import Line, get, post, send
from tests.support.script import CUT, STALL, Reply, as_json, as_stream
from tests.support.turnout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

PLANTED = SimpleNamespace(
    client="tk-canary-client-0123456789",
    stranger="sk-canary-stranger-0123456789",
    forwarded="sk-ant-oat01-canary-forwarded-0123456789",
    query="canary-in-a-query-0123456789",
    cookie="canary-in-a-cookie-0123456789",
    by_env="sk-canary-by-env-0123456789",
    by_file="sk-ant-canary-by-file-0123456789",
    rotated="sk-ant-canary-rotated-0123456789",
    header="canary-in-a-header-0123456789",
    userinfo="canary-userinfo-0123456789",
    pasted="sk-canary-pasted-0123456789abcdef",
    hidden="canaryPastedWithoutAnyLooks0123456789",
    prompt="canary-of-a-prompt-0123456789",
)
FILE = """\
version: 1
observe: {{log: {{level: debug, format: text}}}}
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
routes:
  - {{name: files, when: {{path: "/v1/files/*"}}, pass: openai}}
keys:
  ada: {{hashes: ["{digest}"], routes: [files]}}
  anonymous: {{models: [mine], any_key: true}}
"""
ENV = {
    "CANARY_KEY": PLANTED.by_env,
    "CANARY_HEADER": PLANTED.header,
    "CANARY_PROXY": f"http://turnout:{PLANTED.userinfo}@127.0.0.1:9",
}
KEY = {"x-turnout-key": PLANTED.client, "cookie": f"session={PLANTED.cookie}"}


def leaked(*texts: object) -> list[str]:
    """Return the names of the secrets that stand in any of `texts`."""
    everything = "\n".join(str(text) for text in texts)
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
def text(folder: Path, _openai: Upstream, _anthropic: Upstream) -> str:
    (folder / "anthropic.key").write_text(PLANTED.by_file)
    return FILE.format(openai=_openai.url, anthropic=_anthropic.url, folder=folder, digest=digest(PLANTED.client))


@pytest.fixture(scope="module")
def heard(start: Start, text: str, folder: Path, _openai: Upstream, _anthropic: Upstream) -> Heard:
    server = start(text, env=ENV)
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
    forwarded = {"authorization": f"Bearer {PLANTED.forwarded}"}
    refused = as_json({"type": "error", "error": {"type": "authentication_error", "message": "no"}}, 401)
    note("forwarded", post(server.url, MESSAGES.path, said(MESSAGES, "mine"), forwarded))
    _anthropic.script(refused)
    note("forwarded, refused", post(server.url, MESSAGES.path, said(MESSAGES, "mine"), forwarded))
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
    for path in ("/health", "/ready", "/v1/models", "/"):
        note(path, get(server.url, path, KEY))
    sent = {
        "openai": sorted({name for seen in _openai.requests for name in leaked(seen.headers, seen.target)}),
        "anthropic": sorted({name for seen in _anthropic.requests for name in leaked(seen.headers, seen.target)}),
    }
    return Heard(server, answers, sent)


def said(api: Api, model: str | None = None, *, stream: bool = False) -> dict[str, object]:
    return api.body(model, stream=stream, metadata={"note": PLANTED.prompt})


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


COMMANDS = {
    "show": ("show",),
    "check": ("check",),
    "check, concise": ("check", "--format", "concise"),
    "check, json": ("check", "--format", "json"),
    "explain": ("explain", "smart-chat", "--key", "ada"),
    "explain, nobody known": ("explain", "mine", "--api", "messages"),
    "graph": ("graph",),
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
def test_not_in_what_the_commands_print(text: str, tmp_path: Path, edit: str) -> None:
    old, new = EDITS[edit]
    assert old in text
    (tmp_path / "proxy.yaml").write_text(text.replace(old, new) if old else text)
    running = {
        name: subprocess.Popen(
            [sys.executable, "-m", "engine", *command, *(() if command[0] == "check" else ("--config",)), "proxy.yaml"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **ENV},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, command in COMMANDS.items()
        if edit in ("a good file", "a pasted key that looks like nothing") or name in ("show", "check", "explain")
    }
    told = {name: process.communicate(timeout=30)[0] for name, process in running.items()}
    assert all(told.values())
    assert {name: leaked(output) for name, output in told.items() if leaked(output)} == {}
    if not old:
        assert {process.returncode for process in running.values()} == {0}, {
            n: (p.returncode, told[n][-300:]) for n, p in running.items() if p.returncode
        }


def test_not_in_the_repr_of_anything(text: str, tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text(text)
    reading = read(str(tmp_path / "proxy.yaml"), ENV)
    assert reading.secrets
    drivers = Drivers()
    generation = build(reading, drivers, Log())
    assert generation is not None
    objects = [reading, reading.secrets, generation, generation.live, vars(drivers), vars(generation)]
    objects += [live.driver for live in generation.live.values()]
    shown = [repr(one) for one in objects] + [f"{one}" for one in reading.secrets.values()]
    assert [name for name in leaked(*shown) if name not in ("header", "userinfo")] == []  # plain values of the file
    for secret in reading.secrets.values():
        with pytest.raises(TypeError):
            pickle.dumps(secret)
