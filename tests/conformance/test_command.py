"""The command line: what it takes, what it prints, and how it ends."""

from __future__ import annotations

import json
import socket

import pytest
import yaml

from tests.conformance.__main__ import header, main
from tests.conformance.check import Pair, Room
from tests.conformance.checks import CHECKS
from tests.conformance.configs import CONFIGS
from tests.conformance.gateway import Gateway
from tests.conformance.lies import LIES
from tests.conformance.proxy import Liar, Lie
from tests.conformance.upstream.stage import Stage
from tests.conformance.words import APIS


def free() -> str:
    """Return an address on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def against(lie: Lie, *args: str) -> int:
    """Run the command against a gateway that tells this lie; return the exit status."""
    address = free()
    liar = Liar(("127.0.0.1", int(address.rpartition(":")[2])), lie)
    try:
        return main(["--url", f"{liar.url}/v1", "--upstream", address, *args])
    finally:
        liar.stop()


HONEST, WASTEFUL = LIES[-1], LIES[0]


def test_a_gateway_that_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert against(HONEST, "--only", "text", "--pairs", "chat>chat,messages>messages") == 0
    table, _, summary = capsys.readouterr().out.partition("\n\n")
    assert table.split() == ["chat>chat", "messages>messages", "text", "ok", "ok"]
    assert summary.splitlines()[2:] == ["| chat | 2/2 | - |", "| messages | - | 2/2 |"]


def test_a_gateway_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert against(WASTEFUL, "--only", "text,us*", "--pairs", "chat>chat") == 1
    out = capsys.readouterr().out
    assert "usage       FAIL" in out
    assert "usage: chat>chat json, chat>chat sse\n    input (all of it), cached and output tokens is (0, 0, 0)" in out
    assert "| chat | 2/4 |" in out


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert against(HONEST, "--only", "text", "--pairs", "chat>*", "--models", "chat=any", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["client"], one["upstream"], one["mode"], one["state"]) for one in found] == [
        ("chat", "chat", "json", "pass"),
        ("chat", "chat", "sse", "pass"),
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("x-one: 1", (None, "x-one", "1")),
        ('messages:x-portkey-config: {"a": 1}', ("messages", "x-portkey-config", '{"a": 1}')),
        ("chat: as a name", (None, "chat", "as a name")),
    ],
)
def test_headers(text: str, meant: tuple[str | None, str, str]) -> None:
    assert header(text) == meant


def test_headers_of_one_upstream_go_there_only() -> None:
    stage = Stage(("127.0.0.1", 0))
    headers = [("messages", "x-one", "1"), (None, "x-all", "2")]
    gateway = Gateway(stage.url, models={api: api for api in APIS}, headers=headers)
    sent = {}
    for api in APIS:
        room = Room(gateway, stage, Pair(api, api), "json")
        room.says("text")
        sent[api] = [room.arrived().seen.header(name) for name in ("x-one", "x-all")]
    gateway.close()
    stage.stop()
    assert sent == {"chat": [None, "2"], "messages": ["1", "2"], "responses": [None, "2"]}


def test_the_list_tells_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    out = capsys.readouterr().out
    assert [check.name for check in CHECKS if f"{check.name}\n    {check.says}\n" not in out] == []


@pytest.mark.parametrize("gateway", sorted(CONFIGS))
def test_configs_name_the_upstream_and_the_models(gateway: str, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["--upstream", "127.0.0.1:1234", "--models", "chat=one,responses=two"]
    assert main(["--print-config", gateway, *args]) == 0
    out = capsys.readouterr().out
    assert out.count("127.0.0.1:1234") == 2
    assert "claude" not in out
    if gateway != "portkey":
        assert {"one", "two"} <= set(str(yaml.safe_load(out)).replace("'", " ").split())


def test_an_address_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(("127.0.0.1", 0))
    try:
        address = stage.url.removeprefix("http://")
        assert main(["--url", stage.url, "--upstream", address]) == 2
    finally:
        stage.stop()
    assert address in capsys.readouterr().err


def test_a_gateway_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://{free()}"
    assert main(["--url", url, "--upstream", free()]) == 2
    assert f"no gateway answers at {url}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--url", "http://x", "--jobs", "0"],
        ["--url", "http://x", "--only", "nothing"],
        ["--url", "http://x", "--models", "grpc=a"],
        ["--header", "none"],
    ],
    ids=["no gateway", "no job", "no check", "no such API", "no header"],
)
def test_mistakes(args: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert ended.value.code == 2
