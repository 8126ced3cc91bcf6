"""Real clients, headless, through Turnout to a scripted upstream of the same API: whole tool loops.

A client passes only if it shows a seal that is in a file it had to read with a tool of its own.
Installed by `.ci/clients` into `.clients/`; run with `pytest -m clients`.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.answers import usual
from tests.support.apis import digest
from tests.support.loop import sealed_file
from tests.support.turnout import ROOT
from tests.support.wire.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Start
    from tests.support.script import Reply
    from tests.support.turnout import Turnout
    from tests.support.upstream import Seen, Upstream

pytestmark = pytest.mark.clients

CLIENTS = Path(os.environ.get("CLIENTS_ROOT", ROOT / ".clients"))
SDKS = Path(__file__).parent / "sdks.mjs"
ADA = "tk-ada-0123456789abcdef"
FILE = f"""
version: 1
upstreams:
  openai: {{{{kind: openai, base_url: "{{openai}}/v1", api_key: env:TEST_OPENAI_KEY}}}}
  anthropic: {{{{kind: anthropic, base_url: "{{anthropic}}", api_key: env:TEST_ANTHROPIC_KEY}}}}
models:
  smart-chat: openai/gpt-5.5
  claude-sonnet-4-5: anthropic/claude-sonnet-5
  claude-opus-4-8: anthropic/claude-opus-5
keys:
  ada: {{{{hashes: ["{digest(ADA)}"]}}}}
"""


class Desk:
    """Where a client runs: an empty home, a project with the sealed file, and nothing of this machine's settings."""

    def __init__(self, folder: Path) -> None:
        self.home, self.project = folder / "home", folder / "project"
        for path in (self.home, self.project, folder / "tmp"):
            path.mkdir()
        _, self.seal, self.prompt = sealed_file(self.project)
        search = os.pathsep.join([str(CLIENTS / "node22" / "node_modules" / ".bin"), os.environ["PATH"]])
        self.env = {"PATH": search, "HOME": str(self.home), "TMPDIR": str(folder / "tmp"), "TERM": "dumb", "CI": "1"}

    def run(self, *command: str | Path, timeout: float = 120, **env: str) -> str:
        """Run a client to its end; return what it printed."""
        done = subprocess.run(
            [str(word) for word in command],
            check=False,
            cwd=self.project,
            env={**self.env, "NO_COLOR": "1", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout


def installed(client: str, path: str) -> Path:
    """Return a path inside an installed client's `node_modules`, or skip."""
    found = CLIENTS / client / "node_modules" / path
    if not found.exists():
        pytest.skip(f"{client} is not installed in {CLIENTS}: run .ci/clients")
    return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def server(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    return start(FILE.format(openai=_openai.url, anthropic=_anthropic.url))


@pytest.fixture
def turnout(server: Turnout) -> Iterator[Recorder]:
    """The way to the server on which every stream is recorded and held against the rules of its API."""
    with Recorder(server.url) as recorder:
        yield recorder


def claude_code(desk: Desk, turnout: Recorder, model: str, auth: str, **env: str) -> str:
    return desk.run(
        installed("claude-code", ".bin/claude"),
        "-p", desk.prompt, "--output-format", "text", "--allowedTools", "Read,Bash",
        ANTHROPIC_BASE_URL=turnout.url, ANTHROPIC_MODEL=model, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1", **{auth: ADA}, **env,
    )  # fmt: skip


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-4-8"])
@pytest.mark.parametrize("auth", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_claude_code(desk: Desk, turnout: Recorder, anthropic: Upstream, model: str, auth: str) -> None:
    assert desk.seal in claude_code(desk, turnout, model, auth)
    turns = [seen for seen in anthropic.requests if seen.path == "/v1/messages"]
    assert len(turns) >= 2
    assert all(seen.query == "beta=true" for seen in turns)
    assert all(ADA not in str(seen.headers) for seen in turns)


@pytest.mark.slow
def test_claude_code_waits_25_seconds_for_its_first_token(desk: Desk, turnout: Recorder, anthropic: Upstream) -> None:
    """Keep-alives bridge the silence: the client neither gives up nor asks twice."""
    slow = iter([25.0])

    def late(seen: Seen) -> Reply:
        return usual(seen).after(next(slow, 0.0))

    anthropic.answer = late
    assert desk.seal in claude_code(desk, turnout, "claude-sonnet-4-5", "ANTHROPIC_API_KEY")
    assert len([seen for seen in anthropic.requests if seen.path == "/v1/messages"]) == 2


@pytest.mark.parametrize(
    ("provider", "model"), [("openai-compatible", "smart-chat"), ("anthropic", "claude-sonnet-4-5")]
)
def test_cline(desk: Desk, turnout: Recorder, openai: Upstream, anthropic: Upstream, provider: str, model: str) -> None:
    settings = {"provider": provider, "apiKey": ADA, "model": model, "baseUrl": f"{turnout.url}/v1"}
    entry = {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
    file = desk.home / ".cline" / "data" / "settings" / "providers.json"
    file.parent.mkdir(parents=True)
    file.write_text(
        json.dumps({"version": 1, "lastUsedProvider": provider, "modes": {}, "providers": {provider: entry}})
    )

    printed = desk.run(
        installed("cline", ".bin/cline"),
        "-c", desk.project, "-P", provider, "-m", model, "--auto-approve", "true", desk.prompt,
        CLINE_NO_AUTO_UPDATE="1", DO_NOT_TRACK="1", CLINE_SESSION_BACKEND_MODE="local",
    )  # fmt: skip

    assert desk.seal in printed
    assert len((anthropic if provider == "anthropic" else openai).requests) >= 2


@pytest.mark.parametrize(("sdk", "model"), [("openai", "smart-chat"), ("@anthropic-ai/sdk", "claude-sonnet-4-5")])
def test_javascript_sdks(desk: Desk, turnout: Recorder, sdk: str, model: str) -> None:
    installed("js-sdks", sdk)
    printed = desk.run("node", SDKS, CLIENTS / "js-sdks", sdk, turnout.url, ADA, model, desk.prompt)
    lines = printed.splitlines()
    assert [line for line in lines if line.startswith("loop ")] == [
        f"loop {how} The file says {desk.seal}." for how in ("json", "stream")
    ]
    assert lines[-1] == "done"
