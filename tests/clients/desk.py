"""Where a client runs, what it is to do, and how each is started headless, with nothing of this machine's settings."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.terminal import drawn
from tests.support.loop import SEAL, says, sealed_file, sealed_files
from tests.support.turnout import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIENTS = Path(os.environ.get("CLIENTS_ROOT", ROOT / ".clients"))
SDKS = Path(__file__).parent / "sdks.mjs"
CODEX = """
model = "{model}"
{provider}
check_for_update_on_startup = false

[model_providers.desk]
name = "desk"
base_url = "{url}/v1"
env_key = "DESK_KEY"
wire_api = "responses"

[analytics]
enabled = false
"""
TITLE = "\x1b]0;\u2733 Ada"
"""How Claude Code, at rest, tells a terminal the title that the model gave to a conversation."""


@dataclass(frozen=True)
class Done:
    """A client that has come to its end."""

    status: int
    said: str
    complained: str

    def __str__(self) -> str:
        return f"exit {self.status}\n{self.said[-3000:]}\n{self.complained[-3000:]}"


class Task:
    """A project with sealed files: `prompt` asks for what they say, `answer` is what the model says at the end."""

    def __init__(self, project: Path, files: int = 1) -> None:
        self.project = project
        project.mkdir()
        if files == 1:
            _, seal, self.prompt = sealed_file(project)
            self.answer = says(seal)
        else:
            seals, self.prompt = sealed_files(project, files)
            self.answer = says(*seals)


class Desk:
    """An empty home, and a task to work on."""

    def __init__(self, folder: Path, task: Task) -> None:
        """`folder` does not exist yet."""
        self.home, self.task = folder / "home", task
        self.home.mkdir(parents=True)
        (folder / "tmp").mkdir()
        search = os.pathsep.join([str(CLIENTS / "node22" / "node_modules" / ".bin"), os.environ["PATH"]])
        self.env = {"PATH": search, "HOME": str(self.home), "TMPDIR": str(folder / "tmp"), "TERM": "dumb", "CI": "1"}

    def work(self, command: Sequence[str | Path], env: dict[str, str] | None = None) -> Done:
        """Run a client to its end, whatever that is."""
        done = subprocess.run(
            [str(word) for word in command],
            check=False,
            cwd=self.task.project,
            env={**self.env, "NO_COLOR": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def claude_code(self, url: str, model: str, key: str, auth: str = "ANTHROPIC_API_KEY", **env: str) -> Done:
        """Run Claude Code; `auth` is the variable that it takes its key from."""
        return self.work(
            [
                installed("claude-code", ".bin/claude"),
                "-p", self.task.prompt, "--output-format", "text", "--allowedTools", "Read,Bash",
            ],
            {
                "ANTHROPIC_BASE_URL": url, "ANTHROPIC_MODEL": model, auth: key,
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", **env,
            },
        )  # fmt: skip

    def cline(self, url: str, model: str, key: str, provider: str) -> Done:
        """Run Cline; `provider` is one of its own names."""
        settings = {"provider": provider, "apiKey": key, "model": model, "baseUrl": f"{url}/v1"}
        entry = {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
        file = self.home / ".cline" / "data" / "settings" / "providers.json"
        file.parent.mkdir(parents=True)
        file.write_text(
            json.dumps({"version": 1, "lastUsedProvider": provider, "modes": {}, "providers": {provider: entry}})
        )
        return self.work(
            [
                installed("cline", ".bin/cline"),
                "-c", self.task.project, "-P", provider, "-m", model, "--auto-approve", "true", self.task.prompt,
            ],
            {"CLINE_NO_AUTO_UPDATE": "1", "DO_NOT_TRACK": "1", "CLINE_SESSION_BACKEND_MODE": "local"},
        )  # fmt: skip

    def claude_code_at_a_terminal(self, url: str, model: str, key: str) -> Done:
        """Run Claude Code as people do, until it has given the conversation a title and all seals are on the screen."""
        trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        known = {"hasCompletedOnboarding": True, "theme": "dark", "projects": {str(self.task.project): trusted}}
        (self.home / ".claude.json").write_text(json.dumps(known))
        env = {
            **self.env, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_MODEL": model, "ANTHROPIC_AUTH_TOKEN": key,
            "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1",
        }  # fmt: skip
        command = [installed("claude-code", ".bin/claude"), self.task.prompt, "--allowedTools", "Read"]
        shown = drawn(command, self.task.project, env, [*SEAL.findall(self.task.answer), TITLE], 60)
        return Done(0, shown, "")

    def codex(self, url: str, model: str, key: str, *, own: bool = True) -> Done:
        """Run Codex, with a provider of its own or with the one that is built in, told to ask at `url`."""
        file = self.home / ".codex" / "config.toml"
        file.parent.mkdir()
        provider = 'model_provider = "desk"' if own else f'openai_base_url = "{url}/v1"'
        file.write_text(CODEX.format(url=url, model=model, provider=provider))
        return self.work(
            [
                installed("codex", ".bin/codex"),
                "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", self.task.prompt,
            ],
            {"CODEX_HOME": str(file.parent), "CODEX_API_KEY": key, "DESK_KEY": key},
        )  # fmt: skip

    def opencode(self, url: str, model: str, key: str, package: str) -> Done:
        """Run opencode; `package` of the AI SDK decides in which API it asks."""
        known = {"name": model, "tool_call": True, "reasoning": True, "limit": {"context": 200_000, "output": 32_000}}
        options = {"baseURL": f"{url}/v1", "apiKey": key}
        provider = {"npm": f"@ai-sdk/{package}", "name": "desk", "options": options, "models": {model: known}}
        file = self.home / ".config" / "opencode" / "opencode.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"autoupdate": False, "share": "disabled", "provider": {"desk": provider}}))
        return self.work(
            [installed("opencode", ".bin/opencode"), "run", "-m", f"desk/{model}", self.task.prompt],
            {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"},
        )

    def qwen_code(self, url: str, model: str, key: str) -> Done:
        """Run Qwen Code, which asks in chat completions."""
        env = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": key, "OPENAI_MODEL": model}
        command = [installed("qwen-code", ".bin/qwen"), "-p", self.task.prompt, "--yolo"]
        return self.work(command, {**env, "QWEN_TELEMETRY_ENABLED": "false"})

    def javascript(self, url: str, model: str, key: str, sdk: str, parts: str, **asked: Any) -> Done:
        """Run our script over one of the vendors' SDKs: only its `loops`, or `all`; `asked` goes into every turn."""
        installed("js-sdks", sdk)
        folder = CLIENTS / "js-sdks"
        return self.work(["node", SDKS, folder, sdk, url, key, model, self.task.prompt, parts, json.dumps(asked)])


def installed(client: str, path: str) -> Path:
    """Return a path inside an installed client's `node_modules`, or skip."""
    found = CLIENTS / client / "node_modules" / path
    if not found.exists():
        pytest.skip(f"{client} is not installed in {CLIENTS}: run .ci/clients")
    return found
