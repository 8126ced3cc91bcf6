"""A Turnout with a stand-in for `claude` behind it, and what happened to that."""

from __future__ import annotations

import json
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http import Answer, post
from tests.support.turnout import ROOT, Turnout

FILE = """
version: 1
upstreams:
  max: {{kind: claude-code, accept_terms: personal-use, command: {command}, env: [FAKE_CLAUDE_LOG]{more}}}
defaults: {{model: {{retries: 0}}}}
models:
  claude-*: max/claude-*
observe: {{metrics: true}}
keys:
  anonymous: {{any_key: true}}
"""


class Bridge:
    """A server, and the log of the processes behind it."""

    def __init__(
        self,
        folder: Path,
        more: str = "",
        text: str = FILE,
        env: dict[str, str] | None = None,
        args: tuple[str, ...] = (),
    ) -> None:
        self.command = folder / "claude"
        self.command.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/support/claude.py "$@"\n')
        self.command.chmod(self.command.stat().st_mode | stat.S_IXUSR)
        self.noted = folder / "claude.log"
        self.text = text
        given = {"FAKE_CLAUDE_LOG": str(self.noted), **(env or {})}
        self.turnout = Turnout(folder, self.file(more), env=given, args=args)
        self.url = self.turnout.url

    def file(self, more: str = "") -> str:
        return self.text.format(command=self.command, more=more and f", {more}")

    def ask(self, *messages: Any, **more: Any) -> Answer:
        return post(self.url, "/v1/messages", body(*messages, **more))

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return what the processes noted of one kind."""
        lines = self.noted.read_text().splitlines() if self.noted.exists() else []
        return [one for one in map(json.loads, lines) if one["event"] == event]

    @property
    def pids(self) -> list[int]:
        """The processes that were started, in order."""
        return [one["pid"] for one in self.events("start")]

    @property
    def running(self) -> list[int]:
        return [pid for pid in self.pids if alive(pid)]

    @property
    def pool(self) -> dict[str, Any]:
        from tests.support.http import get

        (upstream,) = get(self.url, "/status").json["upstreams"]
        return dict(upstream["pool"])


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def until(holds: Callable[[], Any], timeout: float = 20.0) -> Any:
    """Wait until something holds; return it."""
    end = time.monotonic() + timeout
    while not (found := holds()):
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)
    return found


def body(*messages: Any, model: str = "claude-sonnet-5", **more: Any) -> dict[str, Any]:
    """Return a request; texts are taken in turn as the user's and the assistant's."""
    turns = [
        one if isinstance(one, dict) else {"role": ("user", "assistant")[at % 2], "content": one}
        for at, one in enumerate(messages)
    ]
    return {"model": model, "max_tokens": 100, "messages": turns, **more}


def said(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    return "".join(block["text"] for block in answer.json["content"] if block["type"] == "text")


Begin = Callable[..., Bridge]


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begin]:
    """Start bridges; when they stop, no process of theirs may be left."""
    running: list[Bridge] = []

    def start(more: str = "", **how: Any) -> Bridge:
        running.append(Bridge(tmp_path_factory.mktemp("bridge"), more, **how))
        return running[-1]

    yield start
    for one in running:
        if one.turnout.process.poll() is None:
            one.turnout.stop()
        until(lambda one=one: not one.running)  # type: ignore[misc]
