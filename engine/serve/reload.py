"""The story of one edit: wait until the editor is silent, read, compile, build, swap; or keep the old and say why.

Builds never overlap; what was saved while one ran is found by the next look. Nothing but a whole, valid file set ever
replaces what is live.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.diagnostics.render import render
from engine.plan.changes import changes
from engine.plan.read import Reading, read
from engine.serve.generation import build
from engine.serve.watch import Watch, signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.observe.log import Log
    from engine.serve.control import Status
    from engine.serve.generation import Drivers
    from engine.serve.switch import Switch

SILENCE = 0.05
"""Seconds without a further change after which an editor counts as done."""
PAUSE = 1.0
"""How long an empty or missing file is taken for an editor's pause."""
PASSING = frozenset({"empty-file", "no-file", "unreadable"})
"""What a file can be for a moment while it is written."""


class Reloader:
    """Keeps the switch on what the files say."""

    def __init__(
        self,
        main: str,
        environ: Mapping[str, str],
        reading: Reading,
        switch: Switch,
        drivers: Drivers,
        status: Status,
        log: Log,
    ) -> None:
        self._main = main
        self._environ = environ
        self._read = reading
        """The last reading, good or bad: what its files were is not read again."""
        self._switch = switch
        self._drivers = drivers
        self._status = status
        self._log = log
        self._watch = Watch()
        self._forced = False

    def ask(self) -> None:
        """Reload even if nothing changed (SIGHUP)."""
        self._forced = True
        self._watch.nudge()

    async def run(self) -> None:
        """Follow the files until cancelled."""
        self._watch.follow(self._read.files.folders)
        seen = signature(self._read.files)
        try:
            while True:
                await self._watch.wait()
                now = signature(self._read.files)
                if now == seen and not self._forced:
                    continue
                seen = await self._settle(now)
                forced, self._forced = self._forced, False
                try:
                    await self._reload(forced)
                except Exception as error:
                    self._log.event("error", f"reload failed: {type(error).__name__}: {error}; the old one serves on")
                self._watch.follow(self._read.files.folders)
                if signature(self._read.files) != seen:
                    self._watch.nudge()
        finally:
            self._watch.close()

    async def _settle(self, now: object) -> tuple[tuple[str, int, int, int], ...]:
        """Wait until nothing changes any more."""
        while True:
            await asyncio.sleep(SILENCE)
            later = signature(self._read.files)
            if later == now:
                return later
            now = later

    async def _reload(self, forced: bool) -> None:
        reading = await self._read_patiently()
        if reading.files.digests == self._read.files.digests and not forced:
            self._read = reading  # the same content under a new name or time; folders may differ
            return
        self._read = reading
        generation = build(reading, self._drivers, self._log)
        if generation is None or reading.plan is None:
            self._refuse(reading)
            return
        old = self._switch.generation.plan
        told = changes(old.document, reading.plan.document)
        self._switch.swap(generation, reading.plan.drain)
        self._status.taken()
        self._log.configure(reading.plan.document.observe.log)
        warnings = render(reading.report, "full") if reading.report.diagnostics else ""
        self._log.event("info", f"reloaded {self._main}: {told} (generation {generation.id})", warnings)
        if reading.plan.document.server.listen != old.document.server.listen:
            self._log.event("warning", "restart to apply server.listen")

    async def _read_patiently(self) -> Reading:
        """Read the files; give one that is empty or away a moment to come back."""
        until = asyncio.get_running_loop().time() + PAUSE
        while True:
            reading = await asyncio.to_thread(read, self._main, self._environ)
            passing = any(found.code in PASSING for found in reading.report.errors)
            if not passing or asyncio.get_running_loop().time() >= until:
                return reading
            await asyncio.sleep(SILENCE)

    def _refuse(self, reading: Reading) -> None:
        live = self._switch.generation
        self._status.refused(reading.report.errors[0])
        detail = render(reading.report, "full")
        kept = live_keys_gone(reading, live.plan.keys)
        if kept:
            detail += f"\nstill live although the file no longer has them: {', '.join(kept)}"
        self._log.event(
            "error",
            f"{self._main} was changed but not taken ({len(reading.report.errors)} errors); "
            f"generation {live.id} serves on",
            detail,
        )


def live_keys_gone(reading: Reading, live: Mapping[str, object]) -> list[str]:
    """Return the client keys that the refused file removes or disables: they go on opening the door."""
    if reading.tree is None:
        return []
    keys = reading.tree.data.get("keys")
    written = keys if isinstance(keys, dict) else {}
    gone = []
    for name, key in live.items():
        entry = written.get(name)
        if not isinstance(entry, dict) or entry.get("enabled") is False:
            gone.append(f"key `{name}`")
            continue
        hashes = entry.get("hashes") or []
        kept = {str(one).removeprefix("sha256:") for one in hashes} if isinstance(hashes, list) else set()
        lost = [digest for digest in getattr(key, "digests", ()) if digest.hex() not in kept]
        if lost:
            gone.append(f"{len(lost)} hash{'es' if len(lost) > 1 else ''} of key `{name}`")
    return gone
