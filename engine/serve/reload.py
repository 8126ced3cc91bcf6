"""The story of one edit: wait until the editor is silent, read, compile, build, swap; or keep the old and say why.

Builds never overlap; what was saved while one ran is found by the next look. Nothing but a whole, valid file set ever
replaces what is live.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import TYPE_CHECKING

from engine.diagnostics import Diagnostic
from engine.diagnostics.mask import mask
from engine.diagnostics.render import render
from engine.observe.record import Reload
from engine.plan.changes import changes
from engine.plan.read import Reading, read
from engine.serve.generation import build, follow
from engine.serve.loading import Doing, load
from engine.serve.threads import aside
from engine.serve.watch import LOOK, Watch, signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.serve.control import Status
    from engine.serve.generation import Drivers, follow
    from engine.serve.listener import Listener
    from engine.serve.loading import Loaded
    from engine.serve.observers import Observers
    from engine.serve.switch import Switch
    from engine.serve.watch import Signature

SILENCE = 0.15
"""Seconds without a further change after which an editor counts as done."""
PAUSE = 1.0
"""How long an empty or missing file is taken for an editor's pause."""
LOADING = 60.0
"""How long code that is imported may take; what takes longer is left behind, and so is the edit that names it."""
PASSING = frozenset({"empty-file", "no-file", "unreadable", "empty-secret", "unreadable-file"})
"""What a file can be for a moment while it is written."""
BLANK = (None, hashlib.sha256(b"").digest())
"""The digests of a file that is away or empty."""


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
        observers: Observers,
        listener: Listener,
    ) -> None:
        self._main = main
        self._environ = environ
        self._read = reading
        """The last reading, good or bad: what its files were is not read again."""
        self._switch = switch
        self._drivers = drivers
        self._status = status
        self._observers = observers
        self._records = observers.records
        self._log = observers.records.log
        self._listens = switch.generation.plan.document.server.listen
        """What the file said when the socket was bound; likewise `_tls`."""
        self._tls = switch.generation.plan.document.server.tls
        self._listener = listener
        self._certificates = self._held(reading)
        self._watch = Watch()
        self._forced = False

    def ask(self) -> None:
        """Reload even if nothing changed (SIGHUP)."""
        self._forced = True
        self._watch.nudge()

    async def run(self) -> None:
        """Follow the files until cancelled."""
        clock = asyncio.get_running_loop().time
        self._watch.follow(self._read.files.folders)
        seen: Signature | None = None  # what changed between the reading at the start and now is found by reading again
        self._watch.nudge()
        rest_until = 0.0
        try:
            while True:
                await self._watch.wait()
                now = signature(self._read.files)
                busy_folder = seen is not None and now.files == seen.files and clock() < rest_until
                if (now == seen or busy_folder) and not self._forced:
                    continue
                seen = await self._settle(now)
                forced, self._forced = self._forced, False
                if not await self._reload_safely(forced):
                    rest_until = clock() + LOOK  # other files come and go there: they are not worth a reading each
                self._watch.follow(self._read.files.folders)
                if signature(self._read.files) != seen:
                    self._watch.nudge()
        finally:
            self._watch.close()

    async def _settle(self, now: Signature) -> Signature:
        """Wait until nothing changes any more, `PAUSE` at most: some folders never rest."""
        until = asyncio.get_running_loop().time() + PAUSE
        while True:
            await asyncio.sleep(SILENCE)
            later = signature(self._read.files)
            if later == now or asyncio.get_running_loop().time() >= until:
                return later
            now = later

    async def _reload_safely(self, forced: bool) -> bool:
        """Reload; say whether there was anything new. A bug of ours must not end the following of files."""
        try:
            return await self._reload(forced)
        except Exception as error:
            text = mask(f"{type(error).__name__}: {error}")
            self._status.refused(Diagnostic(code="internal", message=text), self._main)
            self._records.reload(self._record(taken=False, bug=text))
            return True

    async def _reload(self, forced: bool) -> bool:
        reading = await self._read_patiently()
        before, self._read = self._read, reading
        if reading.files.digests == before.files.digests and not forced:
            return False  # the same content under a new name or time; folders may differ
        loaded = await self._load(reading)
        generation = build(reading, self._drivers, self._log, loaded)
        if generation is None or reading.plan is None:
            self._refuse(reading)
            return True
        old = self._switch.generation.plan
        told = changes(old.document, reading.plan.document)
        self._renew(reading)
        self._switch.swap(generation, reading.plan.drain)
        generation.begin()
        self._status.taken()
        follow(self._log, reading.plan)
        self._observers.follow(reading.plan)
        warnings = render(reading.report, "full") if reading.report.diagnostics else ""
        self._records.reload(self._record(taken=True, changes=told, detail=warnings))
        if reading.plan.document.server.listen not in (self._listens, old.document.server.listen):
            self._log.event("warning", "restart to apply server.listen")
        if reading.plan.document.server.tls not in (self._tls, old.document.server.tls):
            self._log.event("warning", "restart to apply server.tls")
        return True

    async def _load(self, reading: Reading) -> Loaded | None:
        """Import what the file names; None, and an error in the report, where that does not come to an end."""
        doing = Doing()
        try:
            async with asyncio.timeout(LOADING) as clock:
                return await asyncio.to_thread(load, reading, self._main, self._drivers, doing)
        except TimeoutError:
            if not clock.expired():
                raise
            told = f"importing {doing.what} has not ended within {LOADING:g} s"
            help_ = "see what it does while it is imported; once it is mended, restart Turnout or name another module"
            reading.report.error("slow-code", told, doing.span, help=help_)
            return None

    def _renew(self, reading: Reading) -> None:
        """Have new connections see the certificates that the files hold now. They were found to be good."""
        held = self._held(reading)
        if reading.tls == self._listener.tls and held != self._certificates:
            self._listener.renew()
            self._certificates = held
            self._log.event("info", "new connections are shown the renewed certificate of server.tls")

    def _held(self, reading: Reading) -> tuple[bytes | None, ...]:
        """Return the digests of the certificate files that were named at the start."""
        tls = self._listener.tls
        names = (tls.cert, tls.key, tls.client_ca or "") if tls is not None else ()
        return tuple(reading.files.digests.get(name) for name in names)

    async def _read_patiently(self) -> Reading:
        """Read the files; give one that is empty or away, and was not before, a moment to come back."""
        until = asyncio.get_running_loop().time() + PAUSE
        while True:
            reading = await aside(read, self._main, self._environ)
            passing = any(found.code in PASSING for found in reading.report.errors) or any(
                digest in BLANK and self._read.files.digests.get(path) not in BLANK
                for path, digest in reading.files.digests.items()
            )
            if not passing or asyncio.get_running_loop().time() >= until:
                return reading
            await asyncio.sleep(SILENCE)

    def _refuse(self, reading: Reading) -> None:
        live = self._switch.generation
        self._status.refused(reading.report.errors[0], self._main)
        detail = render(reading.report, "full")
        kept = live_keys_gone(reading, live.plan.keys)
        if kept:
            detail += f"\nstill live although the file no longer has them: {', '.join(kept)}"
        self._records.reload(self._record(taken=False, errors=len(reading.report.errors), detail=detail))

    def _record(self, *, taken: bool, changes: str = "", errors: int = 0, bug: str = "", detail: str = "") -> Reload:
        return Reload(
            file=self._main,
            generation=self._switch.generation.id,
            taken=taken,
            at=time.time(),
            changes=changes,
            errors=errors,
            bug=bug,
            detail=detail,
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
        if entry.get("expires") != getattr(key, "expires", None):
            gone.append(f"the old `expires` of key `{name}`")
        hashes = entry.get("hashes") or []
        kept = {str(one).removeprefix("sha256:") for one in hashes} if isinstance(hashes, list) else set()
        lost = [digest for digest in getattr(key, "digests", ()) if digest.hex() not in kept]
        if lost:
            gone.append(f"{len(lost)} hash{'es' if len(lost) > 1 else ''} of key `{name}`")
    return gone
