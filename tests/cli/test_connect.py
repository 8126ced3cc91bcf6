"""`turnout connect`: exact settings for each client, with what proxy.yaml says filled in."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import subprocess
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from engine import resources
from engine.cli import main
from engine.cli.connect import CLIENTS, address
from engine.config.sections.server import Server
from engine.observe.log import Log
from tests.cli.turnout import turnout

ROOT = "http://127.0.0.1:4000"

LINES = {
    "claude-code": [
        f"export ANTHROPIC_BASE_URL={ROOT}",
        "export ANTHROPIC_AUTH_TOKEN=tk-1",
        "export ANTHROPIC_MODEL=smart",
        f'"ANTHROPIC_BASE_URL": "{ROOT}"',
        '{"name": "ANTHROPIC_AUTH_TOKEN", "value": "tk-1"}',
    ],
    "codex": [
        'model = "smart"',
        'model_provider = "turnout"',
        f'base_url = "{ROOT}/v1"',
        'wire_api = "responses"',
        "export TURNOUT_KEY=tk-1",
    ],
    "cline": [
        "| API Provider | OpenAI Compatible |",
        f"| Base URL | `{ROOT}/v1` |",
        "| OpenAI Compatible API Key | `tk-1` |",
        "| Model ID | `smart` |",
        f"| Use custom base URL | `{ROOT}` |",
        f"cline auth -p openai-compatible -k tk-1 -m smart -b {ROOT}/v1",
    ],
    "zoo": [
        "| API Provider | OpenAI Compatible |",
        f"| Base URL | `{ROOT}/v1` |",
        "| API Key | `tk-1` |",
        "| Model | `smart` |",
    ],
    "continue": [
        "provider: openai",
        "model: smart",
        f"apiBase: {ROOT}/v1",
        "apiKey: tk-1",
        "x-turnout-client: continue",
    ],
    "vscode": [
        '"vendor": "customendpoint"',
        f'"url": "{ROOT}/v1/chat/completions"',
        '"toolCalling": true',
        '"id": "smart"',
    ],
    "vscode-sidecar": [
        '"args": ["serve", "--config", "${workspaceFolder}/proxy.yaml", "--exit-with-parent", "--idle-exit", "8h"],',
        f"`{ROOT}/v1`",
        "`tk-1`",
        "`smart`",
    ],
    "jetbrains-sidecar": [
        'value="exec turnout serve --config proxy.yaml --exit-with-parent --idle-exit 8h"',
        f"`{ROOT}/v1`",
        "`tk-1`",
        "`smart`",
    ],
    "jetbrains": [f"| URL | `{ROOT}/v1` |", "| API key | `tk-1` |", "| Model | `smart` |"],
    "aider": [
        f"export OPENAI_API_BASE={ROOT}/v1",
        "export OPENAI_API_KEY=tk-1",
        "aider --model openai/smart",
        "x-turnout-client: aider",
    ],
    "opencode": [
        '"npm": "@ai-sdk/openai-compatible"',
        f'"baseURL": "{ROOT}/v1"',
        '"apiKey": "tk-1"',
        '"model": "turnout/smart"',
    ],
    "qwen-code": [
        f"export OPENAI_BASE_URL={ROOT}/v1",
        "export OPENAI_API_KEY=tk-1",
        "export OPENAI_MODEL=smart",
        "qwen --auth-type openai",
        f'"baseUrl": "{ROOT}/v1"',
    ],
    "cursor": [
        "| OpenAI API Key | `tk-1` |",
        "| Override OpenAI Base URL | `https://YOUR-HOST/v1` |",
        "| Add Custom Model | `smart` |",
    ],
    "tabby": [
        'kind = "openai/chat"',
        f'api_endpoint = "{ROOT}/v1"',
        'kind = "openai/completion"',
        'model_name = "smart"',
    ],
    "openai-python": [f'OpenAI(base_url="{ROOT}/v1", api_key="tk-1")', 'model="smart"'],
    "openai-js": [f'new OpenAI({{ baseURL: "{ROOT}/v1", apiKey: "tk-1" }})', 'model: "smart"'],
    "anthropic-python": [f'Anthropic(base_url="{ROOT}", api_key="tk-1")', 'model="smart"', "max_tokens=1024"],
    "anthropic-js": [f'new Anthropic({{ baseURL: "{ROOT}", apiKey: "tk-1" }})', 'model: "smart"', "max_tokens: 1024"],
    "curl": [
        f"curl {ROOT}/v1/chat/completions",
        "-H 'authorization: Bearer tk-1'",
        f"curl {ROOT}/v1/messages",
        "-H 'x-api-key: tk-1'",
        "-H 'anthropic-version: 2023-06-01'",
    ],
}
"""What a reader must find, client by client."""

FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

FILE = """\
version: 1
server: {listen: "0.0.0.0:8123"}
upstreams:
  away: {kind: openai, base_url: "http://127.0.0.1:1/v1"}
  claude: {kind: anthropic, base_url: "http://127.0.0.1:1"}
models:
  gpt-*: {targets: ["away/gpt-*"], list: [gpt-9]}
  both: {targets: [away/a], fallback: [claude/b]}
  alias: opus
  opus: {targets: [claude/o]}
keys:
  ada: {hashes: ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a proxy.yaml, so that the one that ships is read."""
    monkeypatch.chdir(tmp_path)


def connect(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["connect", *args]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_the_templates_the_list_and_this_table_name_the_same_clients() -> None:
    templates = {path.name.removesuffix(".md.j2") for path in resources.path("templates/clients").iterdir()}
    assert templates == {client.name for client in CLIENTS} == set(LINES)


def test_without_a_client_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    listed = connect(capsys)
    assert [line.split()[0] for line in listed.splitlines()[2:]] == [client.name for client in CLIENTS]


@pytest.mark.parametrize("client", LINES)
def test_every_setting_is_there(client: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = connect(capsys, client, "--key", "tk-1", "--model", "smart")
    assert [line for line in LINES[client] if line not in text] == []
    assert text.startswith("# ")
    assert text.endswith("\n")
    assert "{{" not in text


BY_HAND = {"zoo", "jetbrains", "cursor"}
"""What is typed into the settings of an editor, so that there is nothing to be pasted."""


@pytest.mark.parametrize("client", LINES)
def test_what_is_to_be_pasted_is_well_formed(client: str, capsys: pytest.CaptureFixture[str]) -> None:
    read = {
        "json": json.loads,
        "yaml": yaml.safe_load,
        "toml": tomllib.loads,
        "python": ast.parse,
        "sh": shell,
        "js": script,
        "xml": ElementTree.fromstring,
    }
    fenced = FENCED.findall(connect(capsys, client, "--key", "tk-1"))
    assert bool(fenced) == (client not in BY_HAND)
    for language, text in fenced:
        read[language](text)


def shell(text: str) -> None:
    subprocess.run(["bash", "-n", "-c", text], check=True)


def script(text: str) -> None:
    """Brackets and quotes match; a JavaScript parser is not among our dependencies."""
    assert [text.count(mark) % 2 for mark in '"`'] == [0, 0]
    assert [text.count(a) - text.count(b) for a, b in ("{}", "()", "[]")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("args", "settings"),
    [
        (("claude-code",), ("http://127.0.0.1:8123", "YOUR-KEY", "alias")),
        (("aider",), ("http://127.0.0.1:8123/v1", "YOUR-KEY", "openai/gpt-9")),
        (("claude-code", "--url", "https://llm.example.org/v1/"), ("https://llm.example.org\n", "YOUR-KEY", "alias")),
        (
            ("aider", "--url", "https://llm.example.org/team-a"),
            ("https://llm.example.org/team-a/v1", "YOUR-KEY", "gpt-9"),
        ),
        (("aider", "--model", "both", "--key", "tk-2"), ("http://127.0.0.1:8123/v1", "tk-2", "openai/both")),
        (("aider", "--key-env", "ADAS_KEY"), ("http://127.0.0.1:8123/v1", "tk-from-env", "gpt-9")),
    ],
)
def test_defaults_come_from_the_file(
    args: tuple[str, ...],
    settings: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ADAS_KEY", "tk-from-env")
    Path("proxy.yaml").write_text(FILE)
    text = connect(capsys, *args)
    assert [setting for setting in settings if setting not in text] == []


SERVED = [
    ("claude-code", "gpt: away/g, claude: claude/c", "", "claude"),
    ("aider", "claude: claude/c, gpt: away/g", "", "gpt"),
    ("claude-code", "first: {targets: [away/g, claude/c]}, second: claude/c", "", "second"),
    ("claude-code", "first: {targets: [away/g], fallback: [claude/c]}, second: away/g", "", "first"),
    ("claude-code", "gpt: away/g, other: away/h", "", "gpt"),
    ("aider", "opus: claude/o", "", "opus"),
    ("claude-code", "test: echo/t, claude: claude/c", "", "test"),
    ("claude-code", "shut: away/g, gpt: away/h", "{name: no, when: {model: shut}, deny: {}}", "gpt"),
    ("claude-code", "gone: off/g, gpt: away/h", "", "gpt"),
]
"""Client, models, routes, and the name it is told: served in its own API if there is one, translated if not."""


@pytest.mark.parametrize(("client", "models", "routes", "told"), SERVED)
def test_a_name_that_is_served_in_the_clients_own_api_is_preferred(
    client: str, models: str, routes: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    declared = FILE.partition("models:")[0].replace("upstreams:\n", "upstreams:\n  echo: {kind: echo}\n")
    declared = declared.replace("  away", "  off: {kind: openai, enabled: false}\n  away", 1)
    Path("proxy.yaml").write_text(f"{declared}models: {{{models}}}\nroutes: [{routes}]\nkeys: {{anonymous: {{}}}}\n")
    text = connect(capsys, client, "--key", "tk-1")
    asked = re.search(r"ANTHROPIC_MODEL=(\S+)|aider --model openai/(\S+)", text)
    assert asked is not None
    assert told in asked.groups()


def test_cursor_is_only_given_an_address_that_its_servers_reach(capsys: pytest.CaptureFixture[str]) -> None:
    told = connect(capsys, "cursor", "--url", "https://llm.example.org/v1")
    assert "| Override OpenAI Base URL | `https://llm.example.org/v1` |" in told
    for url in ("http://llm.example.org", ROOT):
        assert f"`{url}/v1`" not in connect(capsys, "cursor", "--url", url)


def test_codex_is_told_a_name_that_is_served_in_its_own_api(capsys: pytest.CaptureFixture[str]) -> None:
    spoken = FILE.replace(
        "upstreams:\n", 'upstreams:\n  here: {kind: openai, base_url: "http://127.0.0.1:1", apis: [responses]}\n'
    )
    Path("proxy.yaml").write_text(spoken.replace("  both:", "  native: here/a\n  both:"))
    config = tomllib.loads(dict(FENCED.findall(connect(capsys, "codex", "--key", "tk-1")))["toml"])
    assert config["model"] == "native"
    assert config["model_providers"]["turnout"]["base_url"] == "http://127.0.0.1:8123/v1"


NEAR = ["localhost", "127.0.0.1", "[::1]"]
REACHED = [
    ("127.0.0.1:4000", NEAR, "127.0.0.1:4000", None),
    ("0.0.0.0:8123", NEAR, "127.0.0.1:8123", None),
    ("[::]:4000", ["localhost"], "localhost:4000", None),
    ("0.0.0.0:8080", ["proxy.corp"], "proxy.corp:8080", None),
    ("127.0.0.1:8080", ["proxy.corp", "localhost"], "proxy.corp:8080", None),
    ("Proxy.corp:80", ["localhost", "proxy.corp"], "proxy.corp:80", None),
    ("10.0.0.7:80", ["localhost", "proxy.corp"], "proxy.corp:80", None),
    ("10.0.0.7:80", NEAR, "10.0.0.7:80", "10.0.0.7"),
    ("0.0.0.0:80", [], "127.0.0.1:80", "127.0.0.1"),
]


@pytest.mark.parametrize(("listen", "hosts", "reached", "unknown"), REACHED)
def test_the_address_is_one_that_the_server_answers_to(
    listen: str, hosts: list[str], reached: str, unknown: str | None
) -> None:
    assert address(Server(listen=listen, hosts=hosts)) == (reached, unknown)


def test_a_host_that_is_not_answered_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("proxy.yaml").write_text(FILE.replace('"0.0.0.0:8123"', '"10.0.0.7:8123"'))
    told = connect(capsys, "curl", "--key", "tk-1")
    assert "curl http://10.0.0.7:8123/v1" in told
    assert "Add `10.0.0.7` to server.hosts" in told
    assert "server.hosts" not in connect(capsys, "curl", "--key", "tk-1", "--url", "http://proxy.corp")


def test_where_every_key_is_accepted_one_is_made_up_and_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    text = connect(capsys, "claude-code")
    assert "export ANTHROPIC_AUTH_TOKEN=turnout\n" in text
    assert text.endswith("Every key is accepted here; `turnout` is only there because clients insist on one.\n")


def test_where_keys_are_asked_for_it_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    Path("proxy.yaml").write_text(FILE)
    assert connect(capsys, "curl").endswith("YOUR-KEY is a key from `turnout key new NAME`.\n")


def test_a_file_without_names_leaves_the_model_to_the_reader(capsys: pytest.CaptureFixture[str]) -> None:
    Path("proxy.yaml").write_text("version: 1\nupstreams: {demo: {kind: echo, demo: true}}\nkeys: {anonymous: {}}\n")
    assert "MODEL is any name" in connect(capsys, "curl")


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("clien",), 2, "did you mean `turnout connect cline`?"),
        (("emacs",), 2, "`turnout connect` lists those it knows"),
        (("curl", "--key-env", "NO_SUCH_KEY"), 1, "NO_SUCH_KEY is not set"),
        (("curl", "--key", "a", "--key-env", "B"), 2, "not allowed with"),
        (("curl", "--config", "none.yaml"), 1, "none.yaml"),
        (("curl", "--url", "localhost:4000"), 2, "write `--url http://localhost:4000`"),
        (("curl", "--key", "tk-1; rm -rf ~"), 2, "the key has characters"),
        (("curl", "--model", 'a"b'), 2, "--model has characters"),
        (("curl", "--model", "smrt"), 2, "did you mean `smart`?"),
    ],
)
def test_mistakes(args: tuple[str, ...], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["connect", *args]) == code
    assert says in capsys.readouterr().err


def test_a_server_with_certificates_is_reached_by_https(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("proxy.yaml").write_text(BEHIND.format(server="listen: 127.0.0.1:4443, tls: {cert: c.pem, key: k.pem}"))
    assert main(["connect", "curl", "--model", "m"]) == 0
    told = capsys.readouterr().out
    assert "curl https://127.0.0.1:4443/v1/chat/completions" in told
    assert "--cacert CA.pem" in told


def test_a_unix_socket_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("proxy.yaml").write_text(BEHIND.format(server="listen: unix:/run/turnout.sock"))
    assert main(["connect", "curl", "--model", "m"]) == 0
    told = capsys.readouterr().out
    assert "curl http://localhost/v1/chat/completions" in told
    assert "--unix-socket /run/turnout.sock" in told
    assert main(["connect", "curl", "--model", "m", "--url", "https://proxy.corp"]) == 0
    assert "unix" not in capsys.readouterr().out


BEHIND = """\
version: 1
server: {{{server}}}
upstreams: {{up: {{kind: echo}}}}
models: {{m: up/m}}
keys: {{anonymous: {{}}}}
"""


def test_claude_code_keeps_its_own_sign_in_where_that_is_passed_on(tmp_path: Path) -> None:
    file = "version: 1\nupstreams: {plan: {kind: anthropic, auth: forward}}\nmodels: {claude-*: plan/claude-*}\n"
    (tmp_path / "proxy.yaml").write_text(file + "keys: {anonymous: {any_key: true}}\n")
    told = turnout("connect", "claude-code", cwd=tmp_path).out
    assert "ANTHROPIC_BASE_URL=" in told
    assert "export ANTHROPIC_AUTH_TOKEN" not in told
    assert "export ANTHROPIC_MODEL" not in told
    assert "Its own sign-in goes to upstream `plan` as it came" in told
    digest = hashlib.sha256(b"tk-0123456789abcdef").hexdigest()
    (tmp_path / "proxy.yaml").write_text(file + f'keys: {{me: {{hashes: ["sha256:{digest}"]}}}}\n')
    told = turnout("connect", "claude-code", cwd=tmp_path).out
    assert 'export ANTHROPIC_CUSTOM_HEADERS="x-turnout-key: YOUR-KEY"' in told
    for block in re.findall(r"```json\n(.*?)```", told, re.DOTALL):
        json.loads(block)


@pytest.mark.parametrize("client", ["vscode-sidecar", "jetbrains-sidecar"])
def test_what_runs_beside_an_editor_names_the_file_it_was_asked_for(tmp_path: Path, client: str) -> None:
    (tmp_path / "my turnout.yml").write_text("version: 1\nupstreams: {e: {kind: echo}}\nmodels: {m: e/x}\n")
    told = turnout("connect", client, "--config", "my turnout.yml", cwd=tmp_path).out
    named = {"vscode-sidecar": '"${workspaceFolder}/my turnout.yml"', "jetbrains-sidecar": "--config 'my turnout.yml'"}
    assert named[client] in told


def test_an_editor_sees_every_episode_of_the_log() -> None:
    """The lines as `serve` writes them on a terminal (observe/log.py)."""
    text = (resources.path("templates") / "clients" / "vscode-sidecar.md.j2").read_text()
    matcher = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL).group(1))["tasks"][0]["problemMatcher"]  # type: ignore[union-attr]  # it is there
    begins = re.compile(matcher["background"]["beginsPattern"])
    log = Log(stream := io.StringIO())
    for level, line in (
        ("info", "serving proxy.yaml"),
        ("info", "reloaded proxy.yaml: no change (generation 0b39f2510569)"),
        ("error", "proxy.yaml was changed but not taken (1 error); generation 0b39f2510569 serves on"),
    ):
        log.event(level, line)
    assert all(begins.match(line) for line in stream.getvalue().splitlines())
    assert len(stream.getvalue().splitlines()) == 3
