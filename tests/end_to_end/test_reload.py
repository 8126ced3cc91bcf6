"""Every save of the file takes effect while requests run; a bad one changes nothing and says so."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import APIS, CHAT, MESSAGES, Api, digest
from tests.support.edits import EDITORS, ConfigMap, in_place, renamed
from tests.support.http import Answer, Line, get, post
from tests.support.script import as_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

ADA = "tk-ada-0123456789abcdef"
FILE = """\
version: 1
server: {{drain: 30s}}
observe: {{log: {{format: text}}}}
upstreams:
  openai: {{kind: openai, base_url: "{openai}", apis: [chat, responses], api_key: env:TEST_OPENAI_KEY}}
  anthropic: {{kind: anthropic, base_url: "{anthropic}", api_key: env:TEST_ANTHROPIC_KEY}}
defaults: {{model: {{retries: 0}}}}
models:
  smart-chat: openai/gpt-5.5
  smart-claude: anthropic/claude-sonnet-5
  smart-responses: openai/o3
keys:
  anonymous: {{}}
"""


@pytest.fixture(scope="module")
def text(_openai: Upstream, _anthropic: Upstream) -> str:
    return FILE.format(openai=_openai.url, anthropic=_anthropic.url)


@pytest.fixture(scope="module")
def _turnout(start: Start, text: str) -> Turnout:
    return start(text)


@pytest.fixture
def turnout(_turnout: Turnout, text: str, openai: Upstream, anthropic: Upstream) -> Turnout:
    """The server, on `text` again whatever the test before left behind."""
    if not _turnout.file.is_file() or _turnout.file.read_text() != text:
        if _turnout.file.is_dir():
            _turnout.file.rmdir()
        _turnout.taken(lambda: renamed(_turnout.file, text))
    return _turnout


def goes_to(turnout: Turnout, upstream: Upstream, model: str = "smart-chat", **headers: str) -> str:
    """Ask for `model`; return what the upstream was asked for."""
    answer = post(turnout.url, CHAT.path, CHAT.body(model), headers)
    assert answer.status == 200, answer.body
    model_asked: str = upstream.last.json["model"]
    return model_asked


def health(turnout: Turnout) -> dict[str, Any]:
    answer: dict[str, Any] = get(turnout.url, "/health").json
    return answer


# how a file is saved -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("save", EDITORS, ids=lambda save: save.__name__)
def test_each_way_to_save_takes_effect(
    turnout: Turnout, text: str, openai: Upstream, save: Callable[[Path, str], None]
) -> None:
    before = health(turnout)
    for model in ("gpt-5.5-mini", "gpt-5.6"):
        said = turnout.taken(partial(save, turnout.file, text.replace("openai/gpt-5.5", f"openai/{model}")))
        assert "~model smart-chat" in said
        assert goes_to(turnout, openai) == model
    after = health(turnout)
    assert after["generation"] != before["generation"]
    assert after["config"]["changed_at"] > before["config"]["changed_at"]
    assert after["uptime_s"] > before["uptime_s"]


def test_the_same_content_makes_no_new_generation(turnout: Turnout, text: str) -> None:
    before, said = health(turnout), len(turnout.log())
    turnout.file.touch()
    renamed(turnout.file, text)
    time.sleep(0.4)
    assert health(turnout)["config"] == before["config"]
    assert "reloaded" not in turnout.log()[said:]


def test_sighup_reads_again(turnout: Turnout) -> None:
    before = health(turnout)
    said = turnout.taken(lambda: turnout.process.send_signal(signal.SIGHUP))
    assert "no change" in said
    after = health(turnout)
    assert after["generation"] == before["generation"]
    assert after["config"]["changed_at"] > before["config"]["changed_at"]


def test_of_two_edits_the_latest_wins(turnout: Turnout, text: str, openai: Upstream) -> None:
    since = len(turnout.log())
    for number in range(12):  # faster than the file can be read and compiled
        renamed(turnout.file, text.replace("openai/gpt-5.5", f"openai/gpt-{number}"))
        time.sleep(0.02)
    deadline = time.monotonic() + 30
    while goes_to(turnout, openai) != "gpt-11":
        assert time.monotonic() < deadline, turnout.log()[since:]
        time.sleep(0.05)
    time.sleep(0.3)
    assert goes_to(turnout, openai) == "gpt-11"


def test_configmap(start: Start, text: str, openai: Upstream, tmp_path: Path) -> None:
    folder = ConfigMap(tmp_path / "config", proxy_yaml=text)
    server = start(text, args=("--config", str(folder.folder / "proxy.yaml")))
    for model in ("gpt-5.5-mini", "gpt-5.6"):
        server.taken(partial(folder.swap, proxy_yaml=text.replace("openai/gpt-5.5", f"openai/{model}")))
        assert goes_to(server, openai) == model


def test_include_folder(start: Start, text: str, openai: Upstream) -> None:
    server = start(text + "include: [conf.d/*.yaml]\n")
    folder = server.file.parent / "conf.d"
    later = server.file.parent / "later"

    def models() -> list[str]:
        return [model["id"] for model in get(server.url, "/v1/models").json["data"]]

    own = models()
    assert "+model one" in server.taken(lambda: (folder.mkdir(), (folder / "1.yaml").write_text(entry("one"))))
    assert "+model two" in server.taken(lambda: (folder / "2.yaml").write_text(entry("two")))
    assert models() == [*own, "one", "two"]
    assert "-model one" in server.taken((folder / "1.yaml").unlink)
    assert "~model two" in server.taken(lambda: renamed(folder / "2.yaml", entry("two", "gpt-5.5-mini")))
    assert goes_to(server, openai, "two") == "gpt-5.5-mini"

    later.mkdir()
    (later / "3.yaml").write_text(entry("three"))

    def swap() -> None:
        folder.rename(server.file.parent / "conf.old")
        later.rename(folder)

    assert "+model three" in server.taken(swap)
    assert models() == [*own, "three"]
    assert "~model three" in server.taken(lambda: renamed(folder / "3.yaml", entry("three", "gpt-5.6")))
    shutil.rmtree(folder)
    deadline = time.monotonic() + 30
    while models() != own:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def entry(name: str, model: str = "gpt-5.5") -> str:
    return f"models: {{{name}: openai/{model}}}\n"


def test_a_rotated_secret_file_is_used(start: Start, text: str, openai: Upstream, tmp_path: Path) -> None:
    secret = tmp_path / "openai.key"
    secret.write_text("sk-old-secret-123456\n")
    server = start(text.replace("env:TEST_OPENAI_KEY", f"file:{secret}"))
    goes_to(server, openai)
    assert openai.last.header("authorization") == "Bearer sk-old-secret-123456"
    server.taken(lambda: renamed(secret, "sk-new-secret-123456\n"))
    goes_to(server, openai)
    assert openai.last.header("authorization") == "Bearer sk-new-secret-123456"

    since = len(server.log())
    secret.write_text("")  # as a shell's `>` does, before the program behind it writes
    time.sleep(0.3)
    server.taken(lambda: secret.write_text("sk-third-secret-123456\n"))
    assert "error" not in server.log()[since:]
    goes_to(server, openai)
    assert openai.last.header("authorization") == "Bearer sk-third-secret-123456"
    assert "-secret-" not in server.log()


# what cannot be taken ------------------------------------------------------------------------------------------------

BAD = {
    "syntax": ("models:", "models: [", "syntax"),
    "schema": ("retries: 0", "retires: 0", "unknown-key"),
    "graph": ("openai/gpt-5.5", "opnai/gpt-5.5", "unknown-upstream"),
    "environment": ("TEST_OPENAI_KEY", "NOT_SET_ANYWHERE", "unset-variable"),
}


@pytest.mark.parametrize(("old", "new"), [(old, new) for old, new, _ in BAD.values()], ids=BAD)
def test_a_bad_edit_changes_nothing_and_says_so(
    turnout: Turnout, text: str, openai: Upstream, old: str, new: str, request: pytest.FixtureRequest
) -> None:
    before = health(turnout)
    bad = text.replace(old, new)
    since = len(turnout.log())
    turnout.taken(lambda: turnout.rewrite(bad), r"\n +\|")
    told = turnout.log()[since:]
    assert "was changed but not taken (1 error)" in told
    assert f"generation {before['generation']} serves on" in told
    assert goes_to(turnout, openai) == "gpt-5.5"

    after = health(turnout)
    assert (after["status"], after["generation"]) == ("degraded", before["generation"])
    config = after["config"]
    assert (config["ok"], config["changed_at"]) == (False, before["config"]["changed_at"])
    fault = config["last_error"]
    if request.node.callspec.id != "syntax":  # where a syntax error shows is for libyaml to say
        assert fault["code"] == BAD[request.node.callspec.id][2]
        assert fault["line"] == line_of_change(bad, text)
    assert fault["file"] == str(turnout.file)
    wait_for_text(turnout, f"error[{fault['code']}]", since)
    wait_for_text(turnout, f"--> {turnout.file}:{fault['line']}:{fault['column']}", since)
    wait_for_text(turnout, "^", since)

    turnout.taken(lambda: turnout.rewrite(text))
    good = health(turnout)
    assert (good["status"], good["generation"]) == ("ok", before["generation"])
    assert (good["config"]["ok"], good["config"]["last_error"]) == (True, None)


def line_of_change(bad: str, good: str) -> int:
    at = next(index for index, (one, other) in enumerate(zip(bad, good, strict=False)) if one != other)
    return bad.count("\n", 0, at) + 1


def wait_for_text(turnout: Turnout, wanted: str, since: int) -> None:
    deadline = time.monotonic() + 30
    while wanted not in turnout.log()[since:]:
        assert time.monotonic() < deadline, f"no {wanted!r} in:\n{turnout.log()[since:]}"
        time.sleep(0.01)


def test_a_key_that_a_refused_edit_removes_is_named(turnout: Turnout, text: str, openai: Upstream) -> None:
    eve = "tk-eve-0123456789abcdef"
    keys = f'  ada: {{hashes: ["{digest(ADA)}", "{digest(eve)}"]}}\n  eli: {{hashes: ["{digest("x" * 24)}"]}}\n'
    turnout.taken(lambda: turnout.rewrite(text + keys))
    fewer = text.replace("retries: 0", "retires: 0") + f'  ada: {{hashes: ["{digest(ADA)}"]}}\n'
    said = turnout.taken(lambda: turnout.rewrite(fewer), "still live.*")
    assert "1 hash of key `ada`" in said
    assert "key `eli`" in said
    assert goes_to(turnout, openai, authorization=f"Bearer {eve}") == "gpt-5.5"
    turnout.taken(lambda: turnout.rewrite(fewer.replace("retires", "retries")))
    assert post(turnout.url, CHAT.path, CHAT.body(), {"authorization": f"Bearer {eve}"}).status == 401


def test_empty_for_a_moment_is_an_editors_pause(turnout: Turnout, text: str, openai: Upstream) -> None:
    since = len(turnout.log())
    turnout.rewrite("")
    time.sleep(0.3)
    turnout.taken(lambda: turnout.rewrite(text.replace("openai/gpt-5.5", "openai/gpt-5.6")))
    assert "error" not in turnout.log()[since:]
    assert goes_to(turnout, openai) == "gpt-5.6"


def _replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _replace_by_dangling_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere.yaml")


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "stays empty": (lambda file: file.write_text(""), "empty-file"),
    "is deleted": (lambda file: file.unlink(), "no-file"),
    "is a folder": (_replace_by_folder, "unreadable"),
    "is a dangling link": (_replace_by_dangling_link, "no-file"),
}


@pytest.mark.parametrize(("destroy", "code"), BROKEN.values(), ids=BROKEN)
def test_without_a_file_the_old_serves_until_it_is_back(
    turnout: Turnout, text: str, openai: Upstream, destroy: Callable[[Path], object], code: str
) -> None:
    turnout.taken(lambda: destroy(turnout.file), r"not taken[^\n]*")
    config = health(turnout)["config"]
    assert (config["ok"], config["last_error"]["code"]) == (False, code)
    assert goes_to(turnout, openai) == "gpt-5.5"

    if turnout.file.is_dir():
        turnout.file.rmdir()
    turnout.taken(lambda: renamed(turnout.file, text.replace("openai/gpt-5.5", "openai/gpt-5.6")))
    assert health(turnout)["config"]["ok"] is True
    assert goes_to(turnout, openai) == "gpt-5.6"


UNPRIVILEGED = """
# Root reads what it likes; so give up the two capabilities that let it, and become the server.
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH; 24 is PR_CAPBSET_DROP
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):
        sys.exit("cannot drop capabilities")
os.execv(sys.executable, [sys.executable, "-m", "engine", *sys.argv[1:]])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the capabilities of Linux")
def test_permission_lost(start: Start, text: str, openai: Upstream, tmp_path: Path) -> None:
    program = tmp_path / "unprivileged.py"
    program.write_text(UNPRIVILEGED)
    server = start(text, program=(str(program),))
    server.taken(lambda: server.file.chmod(0), r"not taken[^\n]*")
    assert health(server)["config"]["last_error"]["code"] == "unreadable"
    assert goes_to(server, openai) == "gpt-5.5"
    server.taken(lambda: server.file.chmod(0o644))
    assert health(server)["config"]["ok"] is True


def test_a_changed_address_asks_for_a_restart(turnout: Turnout, text: str, openai: Upstream) -> None:
    moved = text.replace("drain: 30s", "drain: 30s, listen: 127.0.0.1:4999").replace("openai/gpt-5.5", "openai/gpt-5.6")
    turnout.taken(lambda: turnout.rewrite(moved), "restart to apply server.listen")
    assert goes_to(turnout, openai) == "gpt-5.6"
    since = len(turnout.log())
    turnout.taken(lambda: turnout.rewrite(text))  # back to what it was: nothing to apply
    assert "restart" not in turnout.log()[since:]


# what runs meanwhile -------------------------------------------------------------------------------------------------


@contextmanager
def open_stream(turnout: Turnout, upstream: Upstream, api: Api, model: str, key: str = "") -> Iterator[Stream]:
    """A stream that has said its first word and waits."""
    gate = threading.Event()
    before, after = api.parted()
    upstream.script(as_stream([b"".join(before), gate, b"".join(after)]))
    with Line(turnout.url) as line:
        line.ask("POST", api.path, {"authorization": f"Bearer {key}"} if key else (), api.body(model, stream=True))
        got = line.head()
        assert got.status == 200
        first = next(line.chunks(got))
        assert b"Hello" in first.data
        got.chunks.append(first)
        yield Stream(line, got, gate, api)
        gate.set()


class Stream:
    """A stream in the client's hands."""

    def __init__(self, line: Line, got: Answer, gate: threading.Event, api: Api) -> None:
        self.line, self.got, self.gate, self.api = line, got, gate, api

    def finish(self) -> bytes:
        """Let the upstream go on; return everything, once it has ended well."""
        self.gate.set()
        self.got.chunks += self.line.chunks(self.got)
        assert self.got.whole
        assert self.api.terminal in self.got.body
        return self.got.body


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_streams_outlive_their_model_key_and_upstream(
    turnout: Turnout, text: str, openai: Upstream, anthropic: Upstream, api: Api
) -> None:
    upstream = openai if api.kind == "openai" else anthropic
    url = upstream.url
    more = (
        text.replace("defaults:", f"  spare: {{kind: {api.options}, base_url: {url}}}\ndefaults:")
        .replace("models:\n", f"models:\n  gone: {api.kind}/m\n  far: spare/m\n")
        .replace("  anonymous: {}\n", f'  anonymous: {{}}\n  ada: {{hashes: ["{digest(ADA)}"]}}\n')
    )
    turnout.taken(lambda: turnout.rewrite(more))
    old = health(turnout)["generation"]
    with (
        open_stream(turnout, upstream, api, "gone") as model,
        open_stream(turnout, upstream, api, api.asked, ADA) as key,
        open_stream(turnout, upstream, api, "far") as far,
    ):
        said = turnout.taken(lambda: turnout.rewrite(text))
        for change in ("-upstream spare", "-model gone", "-model far", "-key ada"):
            assert change in said
        assert post(turnout.url, api.path, api.body("gone")).status == 404
        assert post(turnout.url, api.path, api.body(), {"authorization": f"Bearer {ADA}"}).status == 200  # anonymous
        for stream in (model, key, far):
            assert stream.got.header("x-turnout-generation") == old
            assert api.text(stream.finish()) == "Hello there"
    assert far_left(upstream), "the connections of a removed upstream are closed once its last stream has ended"


def far_left(upstream: Upstream) -> bool:
    """Say whether the connection that the last scripted stream used was closed."""
    return upstream.requests[2].connection.closed.wait(2)


def test_an_unchanged_upstream_keeps_its_connections(turnout: Turnout, text: str, openai: Upstream) -> None:
    goes_to(turnout, openai)
    first = openai.last.connection
    for number in range(3):
        turnout.taken(partial(turnout.rewrite, text.replace("openai/gpt-5.5", f"openai/gpt-{number}")))
        assert goes_to(turnout, openai) == f"gpt-{number}"
        assert openai.last.connection is first
    slower = text.replace("TEST_OPENAI_KEY}", "TEST_OPENAI_KEY, timeouts: {idle: 7s}}")
    turnout.taken(lambda: turnout.rewrite(slower))
    goes_to(turnout, openai)
    assert openai.last.connection is not first
    assert first.closed.wait(2)


def test_past_eight_draining_the_oldest_have_only_drain_left(turnout: Turnout, text: str, openai: Upstream) -> None:
    text = text.replace("drain: 30s", "drain: 1s")
    streams: list[Stream] = []
    with ExitStack() as opened:
        for number in range(11):
            model = f"gpt-{number}"
            turnout.taken(partial(turnout.rewrite, text.replace("openai/gpt-5.5", f"openai/{model}")))
            assert goes_to(turnout, openai) == model
            streams.append(opened.enter_context(open_stream(turnout, openai, CHAT, "smart-chat")))
        for stream in streams[:2]:  # of eleven one is live and eight may drain
            stream.got.chunks += stream.line.chunks(stream.got)
            assert stream.got.whole
            CHAT.in_band(stream.got.body)
        for stream in streams[2:]:
            assert CHAT.text(stream.finish()) == "Hello there"


TOY = '''
"""Turnout with one more kind of upstream: `stubborn`, whose driver fails to close."""
import sys
from engine import upstreams
from engine.upstreams.openai import OpenAI

class Stubborn(OpenAI, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="stubborn"):
    """An upstream that will not go."""

    def build(self, name, api_key):
        driver = super().build(name, api_key)
        async def close():
            raise RuntimeError("I stay")
        driver.close = close
        return driver

upstreams.KINDS = (*upstreams.KINDS, Stubborn)
from engine.cli import main
sys.exit(main())
'''


def test_a_generation_that_fails_to_close(start: Start, text: str, openai: Upstream, tmp_path: Path) -> None:
    program = tmp_path / "turnout.py"
    program.write_text(TOY)
    with_toy = text.replace("defaults:", f"  toy: {{kind: stubborn, base_url: {openai.url}}}\ndefaults:").replace(
        "models:\n", "models:\n  toy: toy/m\n"
    )
    server = start(with_toy, program=(str(program),), env={"PYTHONPATH": os.getcwd()})
    assert goes_to(server, openai, "toy") == "m"
    said = server.taken(lambda: server.rewrite(text), "upstream `toy` did not close.*")
    assert "I stay" in said
    assert goes_to(server, openai) == "gpt-5.5"
    server.taken(lambda: in_place(server.file, with_toy))
    assert goes_to(server, openai, "toy") == "m"


def test_a_folder_that_never_rests(start: Start, text: str, openai: Upstream) -> None:
    server = start(text)
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.01):
            busy = server.file.parent / f"{time.monotonic_ns()}.tmp"
            busy.touch()
            busy.unlink()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        server.taken(lambda: server.rewrite(text.replace("openai/gpt-5.5", "openai/gpt-5.6")))
    finally:
        stop.set()
        worker.join()
    assert goes_to(server, openai) == "gpt-5.6"


def test_an_edit_is_one_record(turnout: Turnout, text: str) -> None:
    text = text.replace("format: text", "format: json")
    said = turnout.taken(lambda: turnout.rewrite(text + "bases: {a: {prefix: /a}}"))
    record = json.loads(next(line for line in turnout.log().splitlines() if said in line))
    assert (record["kind"], record["level"]) == ("event", "info")
    assert "+base a" in record["message"]
    assert MESSAGES.asked in [model["id"] for model in get(turnout.url, "/a/v1/models").json["data"]]
