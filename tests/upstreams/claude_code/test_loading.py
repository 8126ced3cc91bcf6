"""What is found before anybody asks: who could reach it, what is not there; and what nobody needs is not loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.turnout import ROOT
from tests.upstreams.claude_code.conftest import FILE, body, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.upstreams.claude_code.conftest import Begin


def turnout(folder: Path, text: str, *args: str, before: str = "pass") -> subprocess.CompletedProcess[str]:
    """Run `turnout` in `folder` on a file of `text`."""
    (folder / "proxy.yaml").write_text(text)
    loaded = "print(sorted({'claude_agent_sdk', 'mcp'} & {one for one in sys.modules if sys.modules[one]}))"
    code = f"import sys; {before}; from engine.cli import main; status = main(sys.argv[1:]); {loaded}; sys.exit(status)"
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=60, env={"PYTHONPATH": str(ROOT)}
    )


def test_check_loads_no_sdk(tmp_path: Path) -> None:
    done = turnout(tmp_path, FILE.format(command=sys.executable, more=""), "check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("[]\n")


def test_an_address_that_others_reach_is_refused_however_it_is_given(tmp_path: Path) -> None:
    done = turnout(tmp_path, FILE.format(command=sys.executable, more=""), "serve", "--listen", "0.0.0.0:0")
    assert done.returncode == 1
    assert "error[terms]: upstream `max` is for your personal use, but this server listens on 0.0.0.0:0" in done.stderr
    assert "proxy.yaml:4:3" in done.stderr


def test_a_command_that_is_not_there_is_said_at_its_upstream(tmp_path: Path) -> None:
    text = FILE.format(command="/nowhere/claude", more="")
    for verb in (("serve", "--listen", "127.0.0.1:0"), ("check",)):
        done = turnout(tmp_path, text, *verb)
        assert done.returncode == 1
        assert "there is no program `/nowhere/claude` that could be run" in done.stderr + done.stdout
        assert "proxy.yaml:4:65" in done.stderr + done.stdout
    assert turnout(tmp_path, text, "check", "--no-environment").returncode == 0


def test_without_the_sdk_the_command_that_installs_it_is_said(tmp_path: Path) -> None:
    hidden = "sys.modules['claude_agent_sdk'] = None"
    text = FILE.format(command=sys.executable, more="")
    done = turnout(tmp_path, text, "serve", "--listen", "127.0.0.1:0", before=hidden)
    assert done.returncode == 1
    assert "error[missing-extra]" in done.stderr
    assert "pip install 'turnout[claude-code]'" in done.stderr


def test_explain_tells_what_is_lost(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(json.dumps(body("hi", temperature=0.5, tool_choice={"type": "any"})))
    text = FILE.format(command="claude", more="")
    runs = "runs claude, 2 at once in at most 4 processes"
    assert runs in turnout(tmp_path, text, "graph").stdout
    assert runs in turnout(tmp_path, text, "explain", "claude-sonnet-5").stdout
    done = turnout(tmp_path, text, "explain", "--api", "messages", "--request", "body.json")
    assert done.returncode == 0, done.stderr
    for path in ("max_tokens", "temperature", "tool_choice"):
        assert any(
            line.split()[:3] in (["loss", path, "dropped"], [path, "dropped", "claude"])
            for line in done.stdout.splitlines()
        ), done.stdout


def test_an_edit_that_lets_others_in_is_not_taken(begin: Begin) -> None:
    bridge = begin("warm: 0")
    opened = bridge.file("warm: 0") + 'server: {listen: "0.0.0.0:4000"}\n'
    bridge.turnout.taken(lambda: bridge.turnout.rewrite(opened), says="error\\[terms\\]")
    assert bridge.ask("say still here").status == 200
    until(lambda: bridge.pool["processes"] == 1)
