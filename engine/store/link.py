"""The connection to a Redis or Valkey: short waits, and none at all while it is away.

The first failure opens the breaker: until a probe finds the server back, nobody waits for it. Both are said once.
Imports redis-py, so that only those import it who use it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from redis import exceptions as told
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from engine.store.url import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WAIT = 1.0
"""Seconds that a call may take, connecting included."""
PROBE = 0.5
"""Seconds between two looks whether a server is back."""
CONNECTIONS = 64
SAID = 60.0
"""Seconds after which an answer that makes no sense is said again."""

AWAY = (told.ReadOnlyError, told.ClusterDownError, told.MasterDownError, told.OutOfMemoryError, told.NoPermissionError)
AWAY_WORDS = ("MISCONF", "BUSY", "NOAUTH", "UNKILLABLE", "NOREPLICAS")
"""What a server says that cannot serve anybody now."""


class Down(Exception):  # noqa: N818 - a state
    """The server cannot be asked, or its answer makes no sense."""


class Script:
    """A script, known to the server by its digest once it has seen it."""

    def __init__(self, source: str, digest: str) -> None:
        self.source = source
        self.digest = digest


class Link:
    """One server. `say(level, text)` tells the log."""

    def __init__(
        self, url: str, ca: str | None, consequence: str, say: Callable[[str, str], None], probe: str = "probe"
    ) -> None:
        """`ca` are certificates in PEM; `consequence` is what follows from its being away. Raises `ValueError`."""
        self.place = shown(url)
        self.failures = 0
        """Calls that were not answered, since the start."""
        self.down_since: float | None = None
        """Seconds since 1970; None while it answers."""
        self._url = url
        self._ca = ca
        self._consequence = consequence
        self._say = say
        self._probe_key = probe
        self._moved: tuple[str, int] | None = None
        self._redis = self._connect()
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._probing: asyncio.Task[None] | None = None
        self._missed = 0
        self._said_at = -SAID
        self._closed = False
        self._seen = False
        self.back: list[Callable[[], None]] = []
        """Called when it is back."""

    @property
    def down(self) -> bool:
        return self.down_since is not None

    def open(self) -> None:
        """Find out in the background whether it is there."""
        if self._probing is None and not self._closed:
            self._probing = asyncio.get_running_loop().create_task(self._probe(0.0))

    async def call(self, *command: Any) -> Any:
        """Return the answer to a command. Raises `Down`, at once while the server is away."""
        return await self._guarded(command, None)

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Return what a script returns. Raises `Down`."""
        return await self._guarded((len(keys), *keys, *arguments), script)

    def miss(self) -> None:
        """Count a call that went without it."""
        self.failures += 1
        self._missed += 1

    async def close(self) -> None:
        self._closed = True
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        await self._redis.aclose(close_connection_pool=True)

    async def _guarded(self, command: Sequence[Any], script: Script | None) -> Any:
        if self.down:
            self.miss()
            raise Down
        try:
            async with self._places:  # to wait in line here is no silence of the server's
                if self.down:
                    self.miss()
                    raise Down
                return await self._ask(command, script)
        except (told.RedisError, OSError) as error:
            self.miss()
            if isinstance(error, told.ResponseError) and not is_away(error):
                self._misled(error)
            else:
                self._fail(error)
            raise Down from None

    async def _ask(self, command: Sequence[Any], script: Script | None) -> Any:
        async with asyncio.timeout(WAIT):
            try:
                return await self._send(command, script)
            except told.MovedError as moved:  # of a cluster: all our keys are on one node, and it is another
                await self._reconnect((moved.host, moved.port))
            except (told.ConnectionError, ConnectionError):
                pass  # the server may have closed a connection that was idle, or have been started anew
            return await self._send(command, script)

    async def _send(self, command: Sequence[Any], script: Script | None) -> Any:
        if script is None:
            return await self._execute(*command)
        try:
            return await self._execute("EVALSHA", script.digest, *command)
        except told.NoScriptError:  # a new server, or one that was flushed; EVAL teaches it
            return await self._execute("EVAL", script.source, *command)

    async def _execute(self, *command: Any) -> Any:
        return await self._redis.execute_command(*command)  # type: ignore[no-untyped-call]

    def _connect(self) -> Redis:
        secure = {"ssl_cert_reqs": "required", "ssl_check_hostname": True} if self._url.startswith("rediss:") else {}
        if secure and self._ca is not None:
            secure["ssl_ca_data"] = self._ca
        pool = BlockingConnectionPool.from_url(
            self._url,
            max_connections=CONNECTIONS + 2,  # probes stand in no line
            timeout=WAIT,
            socket_connect_timeout=WAIT,
            socket_timeout=WAIT,
            retry=Retry(NoBackoff(), 0),
            **secure,
        )
        if self._moved is not None:
            host, port = self._moved
            pool.connection_kwargs |= {"port": port} | ({"host": host} if host else {})
        return Redis(connection_pool=pool)

    async def _reconnect(self, moved: tuple[str, int] | None) -> None:
        old, self._moved = self._redis, moved
        self._redis = self._connect()
        await old.aclose(close_connection_pool=True)

    def _misled(self, error: told.ResponseError) -> None:
        """Say that the server answered with an error that concerns this call alone, such as a key of another type."""
        now = time.monotonic()
        if now - self._said_at >= SAID:
            self._said_at = now
            self._say("error", f"state at {self.place} cannot be used: {self._text(error)}; {self._consequence}")

    def _fail(self, error: Exception) -> None:
        if not self.down:
            self.down_since = time.time()
            self._say("error", f"state at {self.place} cannot be reached: {self._text(error)}; {self._consequence}")
        if self._probing is None and not self._closed:
            self._probing = asyncio.get_running_loop().create_task(self._probe(PROBE))

    async def _probe(self, wait: float) -> None:
        """Look until it is there; what can be written can be counted."""
        try:
            while True:
                await asyncio.sleep(wait)
                wait = PROBE
                try:
                    if self.down:
                        await self._reconnect(None)  # its name may lead elsewhere by now
                    await self._ask(("SET", self._probe_key, "1", "PX", "1000"), None)
                except (told.RedisError, OSError) as error:
                    self._fail(error)
                else:
                    break
        finally:
            self._probing = None
        if not self._seen and not self.down:
            self._say("info", f"state is at {self.place}")
        self._seen = True
        if self.down_since is not None:
            gone, self.down_since = time.time() - self.down_since, None
            missed, self._missed = self._missed, 0
            self._say("info", f"state at {self.place} is back after {gone:.1f} s; {missed} calls were not answered")
            for call in self.back:
                call()

    def _text(self, error: Exception) -> str:
        """Return what an error says: nothing of the URL but the place."""
        text = " ".join(str(error).split()) or type(error).__name__
        return text if self._url not in text else type(error).__name__


def is_away(error: told.ResponseError) -> bool:
    return isinstance(error, AWAY) or str(error).startswith(AWAY_WORDS)
