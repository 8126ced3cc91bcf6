"""What is imported when, and what is said of code that cannot be used."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.langchain.conftest import HEAD, lay
from tests.langchain.test_failing import until
from tests.support.apis import CHAT
from tests.support.http import post
from tests.support.turnout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.langchain.conftest import Beside

UPSTREAM = "upstreams:\n  team: {{kind: langchain, {}}}\nmodels: {{m: team/m}}\n"
WRONG = {
    # what the upstream names: (code, column, words)
    "object: my_team.broken:model": ("broken-import", 35, "RuntimeError: no database here"),
    "object: my_team.nowhere:model": ("no-module", 35, "there is no module `my_team.nowhere`"),
    "object: my_team.models:Parot": ("no-such-name", 35, "did you mean `Parrot`?"),
    "object: my_team.runnables:NOTHING": ("not-a-model", 35, "is of type `int`"),
    "object: my_team.models:Vectors": ("not-a-model", 35, "write it as `embeddings`"),
    "embeddings: my_team.models:Parrot": ("not-a-model", 39, "write it as `object`"),
    "object: my_team.runnables:greedy": ("not-a-model", 35, "wants `another`, `one`"),
    "object: my_team.runnables:polly, options: {voice: loud}": ("not-a-class", 69, "`options` do nothing"),
    "object: my_team.models:Parrot, options: {temperature: [env:TEAM_SECRET]}": ("bad-options", 67, "`temperature`"),
}
SECRET = "sk-team-0123456789abcdef"


def check(folder: Path, text: str, *flags: str) -> subprocess.CompletedProcess[str]:
    (lay(folder) / "proxy.yaml").write_text(HEAD + text)
    command = [sys.executable, "-m", "engine", "check", str(folder / "proxy.yaml"), "--format", "concise", *flags]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TEAM_SECRET": SECRET, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False)


@pytest.mark.parametrize("named", WRONG)
def test_check_imports_only_when_it_is_to(tmp_path: Path, named: str) -> None:
    code, column, words = WRONG[named]
    plain = check(tmp_path, UPSTREAM.format(named))
    assert (plain.returncode, plain.stderr) == (0, ""), plain.stdout
    probed = check(tmp_path, UPSTREAM.format(named), "--probe")
    assert probed.returncode == 1
    assert re.search(rf"proxy\.yaml:5:{column}: error\[{code}\] ", probed.stdout), probed.stdout
    assert words in probed.stdout
    assert SECRET not in probed.stdout + probed.stderr


def test_an_optional_upstream_is_off(tmp_path: Path) -> None:
    probed = check(tmp_path, UPSTREAM.format("object: my_team.broken:model, optional: true"), "--probe")
    assert probed.returncode == 0
    assert "warning[broken-import] upstream `team` is off: importing `my_team.broken` fails" in probed.stdout


def test_what_is_there_is_said(tmp_path: Path) -> None:
    probed = check(tmp_path, UPSTREAM.format("object: my_team.models:Parrot"), "--probe")
    assert "warning[limited-model] `my_team.models:Parrot` takes no tools and no schema" in probed.stdout


def test_a_provider_that_is_not_installed(tmp_path: Path) -> None:
    text = UPSTREAM.format("provider: fireworks")
    (lay(tmp_path) / "proxy.yaml").write_text(text)
    probed = check(tmp_path, text.replace("models:", "models:"), "--probe")
    assert "error[code-not-allowed]" in probed.stdout  # before anything is imported
    allowed = HEAD.replace("my_team.*", "langchain_fireworks")
    (tmp_path / "proxy.yaml").write_text(allowed + text)
    command = [sys.executable, "-m", "engine", "check", str(tmp_path / "proxy.yaml"), "--probe", "--format", "concise"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "there is no module `langchain_fireworks`" in done.stdout
    assert "pip install langchain-fireworks" in done.stdout


def test_what_code_prints_is_no_part_of_the_report(tmp_path: Path) -> None:
    (lay(tmp_path) / "proxy.yaml").write_text(HEAD + UPSTREAM.format("object: my_team.talking:polly"))
    command = [sys.executable, "-m", "engine", "check", str(tmp_path / "proxy.yaml"), "--probe", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert json.loads(done.stdout)["ok"] is True
    assert "here I am" in done.stderr


def test_nothing_lies_beside_the_file_but_what_is_allowed(beside: Beside) -> None:
    turnout = beside(UPSTREAM.format("object: my_team.talking:polly"))
    ask = {**CHAT.conversation("Hello"), "model": "m"}
    assert CHAT.said(post(turnout.url, CHAT.path, ask).json).startswith("alone ")
    both = beside(UPSTREAM.format("object: my_team.talking:polly"), allow="my_team.*, stowaway")
    assert CHAT.said(post(both.url, CHAT.path, ask).json).startswith("in company ")


def test_a_key_pasted_among_the_options(tmp_path: Path) -> None:
    key = "9f8a7c6d5e4b3a2910f8"
    named = f"object: my_team.models:Parrot, options: {{api_key: any, inner: {{client_secret: {key}}}}}"
    done = check(tmp_path, UPSTREAM.format(named))
    assert done.returncode == 1
    assert "error[literal-secret] `client_secret` is the secret itself" in done.stdout
    assert key not in done.stdout


def test_explain_and_graph_name_the_code(tmp_path: Path) -> None:
    (lay(tmp_path) / "proxy.yaml").write_text(HEAD + UPSTREAM.format("object: my_team.broken:model"))
    told = {
        verb: subprocess.run(
            [sys.executable, "-m", "engine", *verb.split(), "--config", str(tmp_path / "proxy.yaml")],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        ).stdout
        for verb in ("explain m", "graph")
    }
    assert "answers: runs my_team.broken:model; chat -> neutral translation" in told["explain m"]
    assert "runs my_team.broken:model" in told["graph"]


def test_a_serve_without_it_imports_what_it_would_where_there_is_none(beside: Beside) -> None:
    """Start-up and memory are the same where LangChain is installed: `python -m tests.bench.starting` measures it."""
    say = "print('modules', sorted(one for one in sys.modules if one != 'langchain_core'), file=sys.stderr)"
    run = "import atexit, sys; {}; atexit.register(lambda: {}); from engine.cli import main; sys.exit(main())"
    seen = []
    for hide in ("sys.modules['langchain_core'] = None", "pass"):
        turnout = beside("upstreams: {demo: {kind: echo, demo: true}}\n", program=("-c", run.format(hide, say)))
        assert post(turnout.url, CHAT.path, CHAT.body("m")).status == 200
        turnout.stop()
        seen.append(re.findall(r"^modules (.*)$", turnout.log(), re.MULTILINE))
    assert seen[0] == seen[1]
    assert "langchain" not in seen[0][0].replace("engine.upstreams.langchain", "")


def test_what_breaks_after_an_edit_leaves_the_old_file_live(beside: Beside) -> None:
    good = UPSTREAM.format("object: my_team.models:Parrot")
    turnout = beside("observe: {log: {format: text}}\n" + good)
    broken = HEAD + "observe: {log: {format: text}}\n" + UPSTREAM.format("object: my_team.broken:model")
    said = turnout.taken(lambda: turnout.rewrite(broken), says=r"(?s)importing `my_team.broken` fails.*?\^\^\^")
    assert "object: my_team.broken:model" in said
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("Hello"), "model": "m"})
    assert CHAT.said(answer.json) == "m in a plain voice at None: Hello"


def test_requests_are_answered_while_code_is_imported(beside: Beside) -> None:
    good = UPSTREAM.format("object: my_team.models:Parrot")
    turnout = beside("observe: {log: {format: text}}\n" + good)
    folder = turnout.file.parent / "my_team"
    since = len(turnout.log())
    more = good.replace("\nmodels:", "\n  late: {kind: langchain, object: my_team.slow:slow}\nmodels:")
    more = HEAD + "observe: {log: {format: text}}\n" + more.replace("{m: team/m}", "{m: team/m, late: late/x}")
    turnout.rewrite(more)
    assert until((folder / "begun").exists)
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("Hello"), "model": "m"})
    assert answer.status == 200
    assert "reloaded" not in turnout.log()[since:]
    (folder / "go").touch()
    turnout.wait_for(re.compile("reloaded .*"), since=since)
    late = post(turnout.url, CHAT.path, {**CHAT.conversation("Hello"), "model": "late"})
    assert CHAT.said(late.json).startswith("slow in a plain voice")


def test_code_is_kept_when_the_file_changes_elsewhere(beside: Beside) -> None:
    text = UPSTREAM.format("object: my_team.models:Counting")
    turnout = beside("observe: {log: {format: text}}\n" + text)
    ask = {**CHAT.conversation("Hello"), "model": "m"}
    assert CHAT.said(post(turnout.url, CHAT.path, ask).json) == "1 made"
    more = HEAD + "observe: {log: {format: text}}\n" + text + "routes: [{name: r, when: {model: n}, deny: {}}]\n"
    turnout.taken(lambda: turnout.rewrite(more))
    assert CHAT.said(post(turnout.url, CHAT.path, ask).json) == "1 made"
    turnout.taken(lambda: turnout.rewrite(more.replace("models:Counting", "models:Counting, options: {voice: new}")))
    assert CHAT.said(post(turnout.url, CHAT.path, ask).json) == "2 made"


def test_a_secret_that_changes_makes_it_anew(beside: Beside, tmp_path: Path) -> None:
    (tmp_path / "voice").write_text("first-voice\n")
    text = UPSTREAM.format(f'object: my_team.models:Parrot, options: {{voice: "file:{tmp_path}/voice"}}')
    turnout = beside("observe: {log: {format: text}}\n" + text)
    ask = {**CHAT.conversation("Hello"), "model": "m"}
    assert CHAT.said(post(turnout.url, CHAT.path, ask).json) == "m in a first-voice voice at None: Hello"
    turnout.taken(lambda: (tmp_path / "voice").write_text("second-voice\n"))
    assert CHAT.said(post(turnout.url, CHAT.path, ask).json) == "m in a second-voice voice at None: Hello"
