"""A Plan with its live upstreams; leased to requests, drained and closed when an edit replaces it.

Drivers are kept by content in `Drivers`: what an edit did not change keeps its connections and its health.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import TYPE_CHECKING

import msgspec

from engine import resources
from engine.plan.terms import is_private
from engine.plan.tools import tool_sources
from engine.secret import Secret
from engine.serve.checking import Checking
from engine.serve.healths import Healths
from engine.serve.learned import Learned
from engine.serve.loading import Loaded
from engine.serve.stores import Stores
from engine.serve.toolbox.boxes import Box, Boxes

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.chat import Failure
    from engine.observe.log import Log
    from engine.plan.nodes import Plan, Upstream
    from engine.plan.read import Reading
    from engine.store.base import Store
    from engine.upstreams.base import Driver, Options


QUOTABLE = 8
"""Characters from which a credential is told from ordinary words."""


class Live:
    """A driver in use, and what has been learned of its targets."""

    __slots__ = ("_checking", "_quotable", "driver", "health", "key", "learned", "users")

    def __init__(self, key: bytes, driver: Driver, options: Options, credential: Secret | None = None) -> None:
        value = credential.reveal().encode() if credential is not None else b""
        self._quotable = value if len(value) >= QUOTABLE else b""
        self.key = key
        self.driver = driver
        self.users = 0
        self.learned = Learned()
        self.health = Healths(options, remote=driver.remote)
        self._checking: Checking | None = None

    def begin(self, upstream: Upstream, log: Log) -> None:
        """Begin to check it, unless that has begun already or the file does not ask for it."""
        check = getattr(upstream.options, "check", None)
        if check is not None and self._checking is None:
            self._checking = Checking(upstream.name, check, self.driver, self.health, log)

    async def close(self) -> None:
        """End its checks, and close its connections."""
        if self._checking is not None:
            await self._checking.close()
        await self.driver.close()

    def scrub(self, data: bytes) -> bytes:
        """Return what this upstream said without the credential it was sent: some quote it in errors."""
        return data.replace(self._quotable, b"***") if self._quotable else data

    def scrubbed(self, failure: Failure) -> Failure:
        """Return `failure` with everything in it scrubbed."""
        if not self._quotable:
            return failure
        return msgspec.structs.replace(
            failure,
            message=self.scrub(failure.message.encode()).decode(),
            headers=[(name, self.scrub(value)) for name, value in failure.headers],
            body=self.scrub(failure.body) if failure.body is not None else None,
        )


class Drivers:
    """Every live driver of the process, by the content it was built from."""

    def __init__(self, listens: str | None = None) -> None:
        """`listens` is where the process really listens, whatever the file says."""
        self.listens = listens
        self.stores = Stores()
        """What counts for all generations."""
        self.boxes = Boxes()
        self._live: dict[bytes, Live] = {}

    def take(self, name: str, options: Options, api_key: Secret | None, made: Driver | None = None) -> Live:
        """Return the driver for exactly these options; if there is none, `made`, or one that is built.

        Raises `ValueError`, `ImportError`.
        """
        key = content(name, options, api_key)
        live = self._live.get(key)
        if live is None:
            live = self._live[key] = Live(key, made or options.build(name, api_key), options, api_key)
        live.users += 1
        return live

    def lives(self, name: str, options: Options) -> bool:
        """Say whether there is a driver for exactly these options, of a kind without `api_key`."""
        return content(name, options, None) in self._live

    def forget(self, live: Live) -> None:
        """Drop a driver that has never been used."""
        self._live.pop(live.key, None)

    async def give(self, live: Live) -> None:
        """Return a driver; the last user closes it."""
        live.users -= 1
        if live.users == 0:
            self._live.pop(live.key, None)
            await live.close()


def content(name: str, options: Options, api_key: Secret | None) -> bytes:
    """Return what tells a driver from all others: everything it is built from, secrets too."""
    digest = hashlib.sha256(repr((type(options).__name__, name)).encode())
    digest.update(msgspec.json.encode(options, enc_hook=Secret.reveal))
    if api_key is not None:
        digest.update(api_key.reveal().encode())
    return digest.digest()


class Generation:
    """One state of the file, live. Requests hold a lease on it until they end."""

    def __init__(
        self,
        plan: Plan,
        identity: str,
        live: dict[str, Live],
        store: Store,
        drivers: Drivers,
        log: Log,
        tools: dict[str, Box] | None = None,
    ) -> None:
        self.plan = plan
        self.id = identity
        self.live = live
        self.store = store
        """Where limits are counted."""
        self.tools = tools or {}
        """Key of a source of tools -> what lives of it."""
        self.turns: dict[str, int] = {}
        """How many requests each entry of `models` has shared out."""
        self.leases: set[asyncio.Task[object]] = set()
        """The tasks of the requests that run on this generation."""
        self.made_at = int(time.time())
        """Seconds since 1970, as /v1/models shows it."""
        self.ends_at: asyncio.TimerHandle | None = None
        """Set when its time is running out."""
        self._drivers = drivers
        self._log = log
        self._retired: Callable[[Generation], None] | None = None
        self._closed = False

    def begin(self) -> None:
        """It is live from now on: begin to look after its upstreams."""
        for name, live in self.live.items():
            live.begin(self.plan.upstreams[name], self._log)
        for box in self.tools.values():
            box.source.begin()

    def retire(self, closed: Callable[[Generation], None]) -> None:
        """No new request comes here; close once the last one has gone, then call `closed`."""
        self._retired = closed
        if not self.leases:
            self._close()

    def release(self, task: asyncio.Task[object]) -> None:
        self.leases.discard(task)
        if self._retired is not None and not self.leases:
            self._close()

    def end(self) -> None:
        """End every request that still runs here, with an in-band error."""
        for task in list(self.leases):
            task.cancel()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            if self.ends_at is not None:
                self.ends_at.cancel()
            self._closing = asyncio.get_running_loop().create_task(self.close())

    async def close(self) -> None:
        """Give the drivers back. One that fails to close is said and left; the others close all the same."""
        for name, live in self.live.items():
            try:
                await self._drivers.give(live)
            except Exception as error:
                self._log.event("error", f"upstream `{name}` did not close: {type(error).__name__}: {error}")
        await asyncio.gather(*(self._drivers.boxes.give(box) for box in self.tools.values()), return_exceptions=True)
        await self._drivers.stores.give(self.store)
        if self._retired is not None:
            self._retired(self)


def build(reading: Reading, drivers: Drivers, log: Log, loaded: Loaded | None = None) -> Generation | None:
    """Bring a plan to life, with the drivers that are `loaded`. None, with the reasons in the reading's report, when an
    upstream cannot be built."""
    plan, report = reading.plan, reading.report
    if plan is None or not report.ok:
        return None
    loaded = loaded or Loaded()
    off = {**plan.off, **loaded.off}
    live: dict[str, Live] = {}
    for name, upstream in plan.upstreams.items():
        if name in off:
            continue
        if upstream.options.personal and drivers.listens is not None and not is_private(drivers.listens):
            told = f"upstream `{name}` is for your personal use, but this server listens on {drivers.listens}"
            report.error("terms", told, upstream.span, help="start it with `--listen 127.0.0.1:4000`")
            continue
        options = upstream.options.filled(reading.secrets)
        reference = getattr(options, "api_key", None)
        try:
            credential = reading.secrets.get(reference) if reference else None
            live[name] = drivers.take(name, options, credential, loaded.drivers.get(name))
        except ImportError as error:
            found = f"{error}; {resources.extra(kind_of(upstream.options))}"  # noqa: S610 - not Django
            if upstream.options.optional:
                off[name] = found
                report.warning("missing-extra", f"upstream `{name}` is off: {found}", upstream.span)
            else:
                report.error("missing-extra", f"upstream `{name}` cannot be built: {found}", upstream.span)
        except ValueError as error:
            report.error("bad-upstream", f"upstream `{name}` cannot be built: {error}", upstream.span)
    if not report.ok:
        for one in live.values():
            one.users -= 1  # nothing of this attempt lives on; a driver nobody else uses has no connection yet
            if one.users == 0:
                drivers.forget(one)
        return None
    plan = msgspec.structs.replace(plan, off=off)
    tools = {
        source.key: drivers.boxes.take(source, reading.secrets, loaded.tools.get(source.key))
        for source in tool_sources(plan)
    }
    store = drivers.stores.take(plan.document.state, reading.shared, log)
    return Generation(plan, identity(reading), live, store, drivers, log, tools)


def follow(log: Log, plan: Plan) -> None:
    """Make the log do what `observe.log` of `plan` says."""
    options = plan.document.observe.log
    log.configure(options.level, options.format, bodies=options.bodies)


def kind_of(options: Options) -> str:
    """Return `kind` as the file writes it; it is also the name of the extra that brings what the kind needs."""
    return str(options.__struct_config__.tag)


def identity(reading: Reading) -> str:
    """Return the id of a generation: a short hash of everything it was read from."""
    digest = hashlib.sha256()
    for path, content in sorted(reading.files.digests.items()):
        digest.update(path.encode() + b"\0" + (content or b"-"))
    return digest.hexdigest()[:12]
