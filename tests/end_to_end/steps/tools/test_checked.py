"""What is said of tools before anything runs, what `--probe` finds, and what a plain `serve` never imports."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.steps.tools.conftest import CODE
from tests.support.apis import CHAT
from tests.support.http import post
from tests.support.turnout import ROOT, Turnout

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """version: 1
server: {allow_code: [their_team.*]}
upstreams: {demo: {kind: echo}}
keys: {anonymous: {any_key: true}}
models:
"""


def one(*sources: str) -> str:
    """Return a file whose one model has tools."""
    return HEAD + f"  m: {{targets: [demo/m], tools: [{', '.join(sources)}]}}\n"


SERVER = f'{{mcp: {{command: ["{sys.executable}", server.py]}}}}'
WRONG = {
    '{object: "their_team.nowhere:add"}': ("no-module", "there is no module `their_team.nowhere`"),
    '{object: "their_team.tools:adds"}': ("no-such-name", "did you mean `add`?"),
    '{object: "their_team.tools:no_tool"}': ("not-a-tool", "is of type `int`, and no tool"),
    '{object: "their_team.tools:add", only: [sub]}': ("no-such-tool", "it has no tool `sub`; it has: add"),
    '{object: "their_team.tools:add"}, {object: "their_team.tools:many"}': (
        "tool-twice",
        "two of them are called `add`",
    ),
}


def run(folder: Path, text: str, *command: str) -> subprocess.CompletedProcess[str]:
    shutil.copytree(CODE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "proxy.yaml").write_text(text)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    whole = [sys.executable, "-m", "engine", *command]
    return subprocess.run(whole, capture_output=True, text=True, cwd=folder, env=env, check=False, timeout=120)


def check(folder: Path, text: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return run(folder, text, "check", "proxy.yaml", "--format", "concise", *flags)


@pytest.mark.parametrize("named", WRONG)
def test_code_is_imported_only_by_a_probe(tmp_path: Path, named: str) -> None:
    code, words = WRONG[named]
    assert check(tmp_path, one(named)).returncode == 0
    probed = check(tmp_path, one(named), "--probe")
    assert probed.returncode == 1
    assert re.search(rf"proxy.yaml:6:\d+: error\[{code}\]", probed.stdout)
    assert words in probed.stdout


def test_a_probe_lists_the_tools(tmp_path: Path) -> None:
    text = one('{object: "their_team.tools:many", prefix: our_}', SERVER)
    told = check(tmp_path, text, "--probe")
    assert told.returncode == 0
    assert "tools of their_team.tools:many: our_add, our_explode" in told.stdout
    assert re.search(r"tools of mcp python\S* server.py: echo, pid, environment, big, fail, die", told.stdout)
    whole = json.loads(run(tmp_path, text, "check", "proxy.yaml", "--format", "json", "--probe").stdout)
    assert whole["files"][0]["tools"]["their_team.tools:many"] == ["our_add", "our_explode"]
    assert "tools of" not in check(tmp_path, text).stdout


def test_a_probe_says_which_server_does_not_run(tmp_path: Path) -> None:
    told = check(tmp_path, one("{mcp: {command: [/nowhere/at-all]}}"), "--probe")
    assert (told.returncode, "error[tools-unavailable]" in told.stdout) == (1, True)
    assert "No such file" in told.stdout
    told = check(tmp_path, one("{mcp: {command: [/nowhere/at-all]}, required: false}"), "--probe")
    assert (told.returncode, "warning[tools-unavailable]" in told.stdout) == (0, True)


def test_a_check_starts_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    text = one(f"{{mcp: {{command: [touch, {mark}]}}}}")
    assert check(tmp_path, text).returncode == 0
    assert not mark.exists()
    check(tmp_path, text, "--probe")
    assert mark.exists()


@pytest.mark.parametrize("address", ["http://169.254.169.254/mcp", "http://[fe80::1]/mcp"])
def test_a_server_over_http_has_an_address_that_an_upstream_may_have(tmp_path: Path, address: str) -> None:
    told = check(tmp_path, one(f'{{mcp: {{url: "{address}"}}}}'))
    assert told.returncode == 1
    assert "which is a link-local address" in told.stdout


def test_explain_and_graph_tell_of_them(tmp_path: Path) -> None:
    text = HEAD + (
        '  m: {targets: [demo/m], tools: {announce: true, max_rounds: 2, use: [{object: "their_team.tools:add"}]}}\n'
    )
    told = run(tmp_path, text, "explain", "m", "--config", "proxy.yaml").stdout
    line = next(line for line in told.splitlines() if line.startswith("tools"))
    assert "their_team.tools:add" in line
    assert "announced in the answer, at most 2 rounds; answers are held until the last" in line
    assert line.endswith("proxy.yaml:6")
    whole = json.loads(run(tmp_path, text, "explain", "m", "--config", "proxy.yaml", "--format", "json").stdout)
    assert whole["tuning"]["tools"] == {"from": ["their_team.tools:add"], "max_rounds": 2, "announce": True}
    assert "runs tools of their_team.tools:add" in run(tmp_path, text, "graph", "--config", "proxy.yaml").stdout


def test_a_broken_edit_leaves_what_is_live(tmp_path: Path) -> None:
    shutil.copytree(CODE, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    server = Turnout(tmp_path, one('{object: "their_team.tools:add"}'))
    told = server.taken(
        lambda: server.file.write_text(one('{object: "their_team.tools:adds"}')),
        "(?s)was changed but not taken.*",
    )
    assert "no-such-name" in told
    body = {"model": "m", "messages": [{"role": "user", "content": "please call add"}]}
    assert "the tool answered 2" in CHAT.said(post(server.url, CHAT.path, body).json)
    server.stop()


def test_a_serve_without_tools_imports_nothing_for_them(tmp_path: Path) -> None:
    heavy = ["mcp", "langchain_core", "mcp_types"]
    say = f"print('imported', [one for one in {heavy} if one in sys.modules], file=sys.stderr)"
    code = f"import sys, atexit; atexit.register(lambda: {say}); from engine.cli import main; sys.exit(main())"
    server = Turnout(tmp_path, HEAD + "  m: demo/m\n", program=("-c", code))
    assert post(server.url, CHAT.path, CHAT.body("m")).status == 200
    server.stop()
    assert "imported []" in server.log()
