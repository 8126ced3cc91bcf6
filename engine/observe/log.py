"""Writes records as lines to standard error: text on a terminal, JSON elsewhere.

Lines are gathered and written in one go shortly after, because a write per request costs more than the rest of it.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import sys
from typing import TYPE_CHECKING, Literal, TextIO

import msgspec

from engine.observe.record import Event, Reload, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
"""Written out in lines about requests: a model name could otherwise forge a line of its own, or colour the terminal."""
UNTOLD = frozenset({"level", "at", "charges"})
"""What a JSON line says elsewhere, or nobody reads."""
SHOWN = 4
"""How many losses of one request a line for people names."""
GATHER = 0.05
"""Seconds a line waits for others to be written with."""


class Log:
    """Where records go. Its options follow the live generation."""

    name = "log"

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._least = LEVELS["info"]
        self._form: Literal["text", "json"] = "text"
        self.bodies = False

    def configure(self, level: str, form: Literal["auto", "text", "json"], *, bodies: bool) -> None:
        """Follow `observe.log` of the live file."""
        self._least = LEVELS[level]
        self.bodies = bodies
        if form == "auto":
            self._form = "text" if self._stream.isatty() else "json"
        else:
            self._form = form

    def wants(self, status: int, problem: object) -> bool:
        """Say whether `request` would write down one that ended so; to make its record costs more than to ask."""
        return LEVELS[_level(status, problem)] >= self._least

    def request(self, record: Request) -> None:
        level = _level(record.status, record.problem)
        if LEVELS[level] >= self._least:
            self._write(level, request_text(record) if self._form == "text" else "", record)

    def reload(self, record: Reload) -> None:
        count = f"{record.errors} error{'s' if record.errors > 1 else ''}"
        if record.taken:
            told = f"reloaded {record.file}: {record.changes} (generation {record.generation})"
        elif record.bug:
            told = f"reload failed: {record.bug}; generation {record.generation} serves on"
        else:
            told = f"{record.file} was changed but not taken ({count}); generation {record.generation} serves on"
        self.event("info" if record.taken else "error", told, record.detail)

    def event(self, level: str, message: str, detail: str = "") -> None:
        """Log something about the process itself; written at once, because the process may be about to end."""
        if LEVELS[level] < self._least:
            return
        if self._form == "text":
            self._write(level, f"{message}\n{detail}" if detail else message, None)
        else:
            self._write(level, "", Event(level=level, message=message, detail=detail))
        self.flush()

    def say(self, line: str) -> None:
        """Write a line that people and scripts wait for, whatever the level and format."""
        self._lines.append(line + "\n")
        self.flush()

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            lines, self._lines = self._lines, []
            try:
                self._stream.write("".join(lines))
                self._stream.flush()
            except (OSError, ValueError):
                pass  # whoever read our standard error is gone; that must not end the service

    def _write(self, level: str, text: str, record: Request | Event | None) -> None:
        now = datetime.datetime.now(datetime.UTC)
        if record is not None and self._form == "json":
            kind = "request" if isinstance(record, Request) else "event"
            fields = {"time": now.isoformat(timespec="milliseconds"), "level": level, "kind": kind}
            line = msgspec.json.encode({**fields, **_told(record)}).decode()
        else:
            line = f"{now:%H:%M:%S}.{now.microsecond // 1000:03d} {level:7} {text}"
        self._lines.append(line + "\n")
        if self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(GATHER, self.flush)
            except RuntimeError:
                self.flush()  # no loop runs yet, or none any more


def _level(status: int, problem: object) -> str:
    return "error" if status in (500, 502, 503, 504) else "warning" if problem else "info"


def _told(record: Request | Event) -> dict[str, object]:
    """Return the fields of `record` that say something."""
    fields = {name: getattr(record, name) for name in record.__struct_fields__ if name not in UNTOLD}
    return {name: value for name, value in fields.items() if value not in (None, (), "", False)}


def request_text(record: Request) -> str:
    """Return a request as one line for people: what was asked, where it went, how it ended."""
    parts = [record.method, record.path]
    if record.model:
        parts.append(record.model)
    if record.target:
        parts.append(f"-> {record.target}")
    parts.append(str(record.status))
    parts.append(f"{record.seconds:.3f}s" + (f" (first {record.first:.3f}s)" if record.first is not None else ""))
    if record.queued:
        parts.append(f"queued={record.queued:.3f}s")
    parts += _taken(record)
    parts += _tried(record)
    if record.tools:
        parts.append(f"tools={','.join(_ran(record)[:SHOWN])}" + (",..." if len(_ran(record)) > SHOWN else ""))
    if record.key:
        parts.append(f"key={record.key}")
    if record.client:
        parts.append(f"client={record.client}")
    if record.route:
        parts.append(f"route={record.route}")
    dropped = [loss.partition(":")[0] for loss in record.losses if ": dropped" in loss]
    if dropped:
        parts.append(f"lost={','.join(dropped[:SHOWN])}" + (",..." if len(dropped) > SHOWN else ""))
    if record.corrected:
        parts.append(f"without={','.join(record.corrected)}")
    parts.append(record.request)
    if record.problem:
        parts.append(f"({record.problem})")
    if record.body:
        parts.append(f"body={record.body}")
    return " ".join(parts).translate(CONTROLS)


def _tried(record: Request) -> list[str]:
    """Return who failed before, who was passed over though it is on, and whether a broken stream was carried on."""
    failed = [f"{one.target}: {one.reason}" for one in record.attempts if one.reason]
    passed = [f"{one.target}: {one.reason}" for one in record.skipped if one.reason != "off"]
    words = [f"{word} {', '.join(told)}" for word, told in (("after", failed), ("without", passed)) if told]
    return [*words, *(["continued"] if any(one.continued for one in record.attempts) else [])]


def _ran(record: Request) -> list[str]:
    """Return the tools that were run, with how often and how often in vain: `add, search x3 (1 failed)`."""
    told = []
    for name in dict.fromkeys(run.tool for run in record.tools):
        runs = [run for run in record.tools if run.tool == name]
        failed = sum(run.failed for run in runs)
        told.append(name + (f" x{len(runs)}" if len(runs) > 1 else "") + (f" ({failed} failed)" if failed else ""))
    return told


def _taken(record: Request) -> Iterator[str]:
    """Yield `tokens=IN+OUT`, cached input included (a tilde marks an estimate), and `cost=$DOLLARS`, where known."""
    usage = record.usage
    if usage is not None:
        read = usage.input + usage.cache_read + usage.cache_write
        yield f"tokens={'~' if usage.estimated else ''}{read}+{usage.output}"
    if record.cost is not None:
        yield f"cost=${dollars(record.cost)}"


def dollars(micro: int) -> str:
    """Return micro-USD as dollars: at least two decimals, and no more than are needed."""
    whole, part = divmod(micro, 1_000_000)
    return f"{whole}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"


class _Bridge(logging.Handler):
    """Brings what libraries log into ours."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        detail = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self._log.event(level, f"{record.name}: {record.getMessage()}", detail)


def bridge(log: Log) -> None:
    """Send warnings and errors of every library to `log`."""
    logging.getLogger().handlers[:] = [_Bridge(log)]
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what it would say of our answers, we say ourselves
