"""The server of a soak: a process of its own whose log goes to a file, and what can be seen of it from outside."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.support.http import get
from tests.support.journal import rows
from tests.support.metrics import Scraped
from tests.support.turnout import CREDENTIALS, LISTENING, ROOT
from tests.support.wire.watch import WATCH

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30.0
"""Seconds within which everything must have come to rest."""
REQUEST = re.compile(rb'"kind":"request"')


class Server:
    def __init__(self, folder: Path, text: str) -> None:
        self.file = folder / "proxy.yaml"
        self.file.write_text(text)
        self.log = folder / "log"
        self.journal = folder / "soak.db"
        command = [sys.executable, "-m", "engine", "serve", "--config", str(self.file), "--listen", "127.0.0.1:0"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={"PATH": "/usr/bin:/bin", **CREDENTIALS, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        wait(lambda: LISTENING.search(self.log.read_text()) is not None, "it never listened")
        found = LISTENING.search(self.log.read_text())
        assert found is not None
        self.url = found[1]
        WATCH.servers.add(urlsplit(self.url).netloc)

    def look(self) -> dict[str, Any]:
        told: dict[str, Any] = get(self.url, "/status").json
        return told

    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def at_rest(self) -> bool:
        """Whether nothing runs, waits or is held, and all rows are on disk."""
        told = self.look()
        requests, journal = told["requests"], told["journal"]
        held = told["store"]["leases"]
        return not (requests["in_flight"] or requests["waiting"] or held or told["draining"] or journal["waiting"])

    def logged(self) -> int:
        """How many requests are in the log."""
        with self.log.open("rb") as lines:
            return sum(REQUEST.search(line) is not None for line in lines)

    def rows(self) -> int:
        """How many requests are in the journal."""
        return len(rows(self.journal))

    def metered(self) -> int:
        """How many requests the metrics have counted."""
        return int(Scraped(self.url).sum("turnout_requests_total"))

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def wait(holds: Callable[[], bool], otherwise: str, seconds: float = PATIENCE) -> None:
    """Wait until something `holds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)
