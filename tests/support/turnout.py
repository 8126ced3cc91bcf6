"""The real server as a process of its own: `turnout serve`, as an operator starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.wire.watch import WATCH

ROOT = Path(__file__).parents[2]
LISTENING = re.compile(r"turnout is listening on (https?://\S+|unix:\S+)")
CREDENTIALS = {"TEST_OPENAI_KEY": "sk-upstream-openai-1234567890", "TEST_ANTHROPIC_KEY": "sk-ant-upstream-1234567890"}
"""What the server sends to the scripted upstreams: `api_key: env:TEST_OPENAI_KEY`."""


class Turnout:
    """A running server. `stop` ends it; a traceback in its log fails the test that stops it."""

    def __init__(
        self,
        folder: Path,
        text: str,
        *,
        env: dict[str, str] | None = None,
        args: tuple[str, ...] = (),
        program: tuple[str, ...] = ("-m", "engine"),
    ) -> None:
        """`program` are Python's arguments before `serve`."""
        self.file = folder / "proxy.yaml"
        self.file.write_text(text)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SYSTEMROOT") if name in os.environ}
        command = [
            sys.executable,
            *program,
            "serve",
            "--config",
            str(self.file),
            "--listen",
            "127.0.0.1:0",
            *args,
        ]
        self._lines: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**inherited, **CREDENTIALS, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name="turnout log", daemon=True)
        self._reader.start()
        try:
            self.url = self.wait_for(LISTENING, 20).group(1)
        except AssertionError:
            self.process.kill()
            raise
        WATCH.servers.add(urlsplit(self.url).netloc)

    def log(self) -> str:
        """Return everything it has written to standard error."""
        return "".join(self._lines)

    def wait_for(self, pattern: re.Pattern[str], timeout: float = 30.0, since: int = 0) -> re.Match[str]:
        """Wait until the log, from character `since` on, matches."""
        deadline = time.monotonic() + timeout
        with self._news:
            while not (found := pattern.search(self.log(), since)):
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None and not self._reader.is_alive()
                assert left > 0, f"no {pattern.pattern!r} in the log:\n{self.log()}"
                assert not ended, f"ended without {pattern.pattern!r} in its log:\n{self.log()}"
                self._news.wait(min(left, 0.2))
        return found

    def rewrite(self, text: str) -> None:
        """Save the file anew, as an editor does that writes in place."""
        self.file.write_text(text)

    def taken(self, save: Callable[[], object], says: str = "reloaded .*", timeout: float = 30.0) -> str:
        """Run `save`, wait until the log says what became of it, and return that."""
        since = len(self.log())
        save()
        return self.wait_for(re.compile(says), timeout, since).group()

    def stop(self) -> None:
        """End it with SIGTERM; it must have had nothing to complain about that is a bug of ours."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"did not stop within 15 s of SIGTERM:\n{self.log()}") from None
        self._reader.join(5)
        assert self.process.stderr
        self.process.stderr.close()
        assert "Traceback" not in self.log(), self.log()
        assert status in (0, -signal.SIGTERM), f"exit status {status}:\n{self.log()}"

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()
