"""Turnout beside an editor: ready files, one start for each file and port, and ends that nobody has to ask for."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from tests.support.apis import CHAT
from tests.support.http import get, post
from tests.support.turnout import CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE = """version: 1
upstreams: {demo: {kind: echo}}
models: {smart-chat: demo/gpt-5.5}
keys: {anonymous: {}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "proxy.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def begin(file: Path) -> Iterator[Any]:
    """Start `turnout serve` on the file, with more arguments."""
    started: list[subprocess.Popen[str]] = []

    def run(*args: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "engine", "serve", "--config", str(file), *map(str, args)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **CREDENTIALS}
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def appears(path: Path) -> dict[str, Any]:
    """Wait for a ready file, which is never seen half written."""
    wait_until(path.exists)
    text = path.read_text()
    assert text.endswith("}\n")
    told: dict[str, Any] = json.loads(text)
    assert list(told) == ["url", "pid", "generation"]
    return told


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def test_a_ready_file_says_where_it_listens(begin: Any, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    process = begin("--port", "0", "--ready-file", ready)
    told = appears(ready)
    assert told["pid"] == process.pid
    assert told["generation"] == get(told["url"], "/health").json["generation"]
    assert post(told["url"], CHAT.path, CHAT.body()).status == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == [tmp_path / "proxy.yaml"], "it is gone with the server"


def test_it_may_be_said_on_standard_output(begin: Any) -> None:
    process = begin("--port", "0", "--ready-file", "-")
    told = json.loads(process.stdout.readline())
    assert get(told["url"], "/health").status == 200
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=20)
    assert said == "", "one line, and no more"


def test_a_ready_file_that_cannot_be_written(begin: Any, tmp_path: Path) -> None:
    process = begin("--port", "0", "--ready-file", tmp_path / "nowhere" / "ready.json")
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "error[ready-file]: cannot write" in said


def test_a_second_start_says_who_runs(begin: Any, tmp_path: Path, file: Path) -> None:
    """On the same file and port; nothing is asked of it, and its ready file tells of the first."""
    first = begin("--port", "0", "--ready-file", tmp_path / "one")
    told = appears(tmp_path / "one")
    port = told["url"].rpartition(":")[2]
    second = begin("--port", port, "--ready-file", tmp_path / "two")
    _, said = second.communicate(timeout=20)
    assert (second.returncode, said) == (0, f"turnout serves {file} already: {told['url']} (process {first.pid})\n")
    assert appears(tmp_path / "two") == told
    third = begin("--port", "0", "--ready-file", tmp_path / "one")
    third.communicate(timeout=20)
    assert third.returncode == 0, "any free port, and the same ready file: who is named there still runs"
    assert appears(tmp_path / "one") == told
    assert first.poll() is None


def test_another_file_on_that_port_is_no_second_start(begin: Any, tmp_path: Path, file: Path) -> None:
    begin("--port", "0", "--ready-file", tmp_path / "one")
    port = appears(tmp_path / "one")["url"].rpartition(":")[2]
    other = tmp_path / "other.yaml"
    other.write_text(FILE)
    second = begin("--port", port, "--config", other)
    _, said = second.communicate(timeout=20)
    assert second.returncode == 1
    assert "error[listen]: cannot listen on" in said


@pytest.mark.parametrize("left", ["{}", '{"url":"http://127.0.0.1:9","pid":1,"generation":"x"}', "half a li"])
def test_what_a_dead_one_has_left_is_replaced(begin: Any, tmp_path: Path, left: str) -> None:
    ready = tmp_path / "ready.json"
    ready.write_text(left)
    process = begin("--port", "0", "--ready-file", ready)
    wait_until(lambda: ready.read_text() != left)
    assert appears(ready)["pid"] == process.pid


def test_it_ends_with_its_parent(tmp_path: Path, file: Path) -> None:
    """A parent that is killed cannot say goodbye."""
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "engine", "serve", "--config", str(file), "--port", "0"]
    command += ["--ready-file", str(ready), "--exit-with-parent"]
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.run({command!r})"],
        stderr=subprocess.DEVNULL,
        env={**os.environ, **CREDENTIALS},
    )
    told = appears(ready)
    assert get(told["url"], "/health").status == 200
    parent.kill()
    parent.wait()
    wait_until(lambda: not ready.exists())
    wait_until(lambda: not Path(f"/proc/{told['pid']}").exists())


def test_it_ends_with_a_parent_that_ended_before_it_was_ready(tmp_path: Path, file: Path) -> None:
    """The rest of the server is imported only after the parent has gone."""
    reached, go = tmp_path / "reached", tmp_path / "go"
    held = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "class Hold:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'engine.serve.main':\n"
        f"            Path({str(reached)!r}).write_text('')\n"
        f"            while not Path({str(go)!r}).exists(): time.sleep(0.02)\n"
        "sys.meta_path.insert(0, Hold())\n"
        "from engine.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", held, "serve", "--config", str(file), "--port", "0", "--exit-with-parent"]
    starter = f"import subprocess; p = subprocess.Popen({command!r}); print(p.pid, flush=True); p.wait()"
    parent = subprocess.Popen(
        [sys.executable, "-c", starter],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **CREDENTIALS},
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    try:
        wait_until(reached.exists)
        parent.kill()
        parent.wait()
        go.write_text("")
        wait_until(lambda: not Path(f"/proc/{child}").exists())
    finally:
        parent.stdout.close()
        if Path(f"/proc/{child}").exists():
            os.kill(child, signal.SIGKILL)


def test_it_ends_where_its_parent_has_ended_before_it_began(file: Path, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    serve = f"{sys.executable} -m engine serve --config {file} --port 0 --exit-with-parent"
    orphan = f"(sleep 0.2; exec {serve}) & echo $! >{note}"
    subprocess.run(["sh", "-c", orphan], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid = int(note.read_text())
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    if parent != 1:
        os.kill(pid, signal.SIGKILL)
        pytest.skip(f"orphans here are taken over by process {parent}")
    wait_until(lambda: not alive(pid))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_ends_when_nobody_asks(begin: Any, tmp_path: Path) -> None:
    """Probes, and who looks at it, are nobody; an open WebSocket is somebody."""
    process = begin("--port", "0", "--ready-file", tmp_path / "r", "--idle-exit", "1s")
    url = appears(tmp_path / "r")["url"]
    with connect(url.replace("http", "ws") + "/v1/ws"):
        time.sleep(3)
        assert process.poll() is None
    deadline = time.monotonic() + 30
    while process.poll() is None:
        assert time.monotonic() < deadline, "probes keep it alive"
        try:
            for path in ("/health", "/status", "/metrics", "/health/"):
                get(url, path)
        except (OSError, AssertionError):  # it is about to be gone, or in the middle of going
            break
        time.sleep(0.05)
    assert process.wait(20) == 0
    assert "nobody has asked anything for 1 s (--idle-exit)" in process.communicate()[1]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--port", "70000"], "--port cannot be `70000`"),
        (["--port", "x"], "--port cannot be `x`"),
        (["--idle-exit", "30"], "--idle-exit cannot be `30`"),
        (["--idle-exit", "0s"], "--idle-exit cannot be `0s`"),
        (["--port", "0", "--listen", "127.0.0.1:0"], "not allowed with argument"),
    ],
)
def test_arguments_that_make_no_sense(begin: Any, args: list[str], says: str) -> None:
    process = begin(*args)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert says in said


def test_a_port_cannot_be_shared_where_the_system_cannot(file: Path) -> None:
    hidden = "import socket, sys; del socket.SO_REUSEPORT; from engine.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "serve", "--config", str(file), "--port", "0", "--reuse-port"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, **CREDENTIALS},
    )
    assert done.returncode == 2
    assert "--reuse-port needs SO_REUSEPORT, which this system lacks" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_runs_where_there_is_no_uvloop_and_no_sighup(tmp_path: Path, file: Path) -> None:
    """As on Windows, as far as Linux can show it."""
    hidden = (
        "import signal, sys; sys.modules['uvloop'] = None; del signal.SIGHUP; "
        "from engine.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    ready = tmp_path / "ready.json"
    process = subprocess.Popen(
        [sys.executable, "-c", hidden, "serve", "--config", str(file), "--port", "0", "--ready-file", str(ready)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **CREDENTIALS},
    )
    try:
        url = appears(ready)["url"]
        assert post(url, CHAT.path, CHAT.body()).status == 200
        assert CHAT.text(post(url, CHAT.path, CHAT.body(stream=True)).body)
        with connect(url.replace("http", "ws") + CHAT.path) as connection:
            connection.send(json.dumps(CHAT.body()))
            assert json.loads(connection.recv())["object"] == "chat.completion"
        file.write_text(FILE.replace("smart-chat", "other"))
        wait_until(lambda: post(url, CHAT.path, CHAT.body("other")).status == 200)
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("where", ["port", "unix", "ready"])
def test_of_starts_at_the_same_moment_one_serves(begin: Any, tmp_path: Path, where: str) -> None:
    ready = tmp_path / "ready.json"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    args: dict[str, tuple[str | Path, ...]] = {
        "port": ("--port", str(port)),
        "unix": ("--listen", f"unix:{tmp_path / 'turnout.sock'}"),
        "ready": ("--port", "0", "--ready-file", ready),
    }
    each = [begin(*args[where]) for _ in range(3)]
    wait_until(lambda: sum(one.poll() is not None for one in each) == 2, 60)
    losers = [one for one in each if one.poll() is not None]
    (winner,) = [one for one in each if one.poll() is None]
    for one in losers:
        _, told = one.communicate()
        assert (one.returncode, f"(process {winner.pid})" in told) == (0, True), told
    if where == "ready":
        assert appears(ready)["pid"] == winner.pid
    winner.send_signal(signal.SIGTERM)
    assert winner.wait(30) == 0


def test_a_port_of_somebody_who_never_answers_is_told(begin: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        second = begin("--port", str(mute.getsockname()[1]))
        _, told = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "error[listen]" in told


@pytest.mark.parametrize("answer", [b'{"pid": 1e999, "file": "x", "generation": "g"}', b"[" * 60000, b"\xff", b""])
def test_one_who_answers_nonsense_is_not_ours(begin: Any, answer: bytes) -> None:
    def serve(taken: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = taken.accept()
                client.recv(4096)
                client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(answer), answer))
                client.close()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        threading.Thread(target=serve, args=(taken,), daemon=True).start()
        second = begin("--port", str(taken.getsockname()[1]))
        _, told = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "error[listen]" in told
    assert "Traceback" not in told


def test_all_interfaces_are_found_again(begin: Any, file: Path) -> None:
    first = begin("--listen", "[::]:0", "--ready-file", file.with_name("ready.json"))
    port = appears(file.with_name("ready.json"))["url"].rpartition(":")[2]
    second = begin("--listen", f"[::]:{port}")
    _, told = second.communicate(timeout=60)
    assert (second.returncode, f"(process {first.pid})" in told) == (0, True), told


def test_a_ready_file_may_be_a_link_or_a_pipe(begin: Any, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "there.json")
    first = begin("--port", "0", "--ready-file", link)
    assert appears(tmp_path / "there.json")["pid"] == first.pid
    assert link.is_symlink()
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0
    assert not (tmp_path / "there.json").exists()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    second = begin("--port", "0", "--ready-file", pipe)
    assert select.select([reader], [], [], 30)[0]
    assert json.loads(os.read(reader, 4096))["pid"] == second.pid
    os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("path", [".", "nowhere/ready.json"])
def test_a_ready_file_that_cannot_be_written_leaves_nothing(begin: Any, tmp_path: Path, path: str) -> None:
    process = begin("--port", "0", "--ready-file", tmp_path / path)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "error[ready-file]" in told
    assert sorted(one.name for one in tmp_path.iterdir()) == ["proxy.yaml"]
