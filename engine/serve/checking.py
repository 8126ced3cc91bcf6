"""Asks an upstream now and then whether it answers, also when no request does (`check`). One task for each upstream.

A check counts as a request does: so many failures in a row, and none of its targets is asked until a check goes well.
One that goes well also ends the cooling of targets that failed, for the next request to find out the rest.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.chat import Failed, Failure
from engine.units import seconds
from engine.upstreams.base import Call

if TYPE_CHECKING:
    from engine.observe.log import Log
    from engine.serve.healths import Healths
    from engine.upstreams.base import Check, Driver

ANSWER_LIMIT = 1024 * 1024
"""Bytes of an answer that are read, so that its connection can be used again."""


class Checking:
    """The checks of one upstream, from now until `close`."""

    def __init__(self, name: str, check: Check, driver: Driver, health: Healths, log: Log) -> None:
        self._name = name
        self._path = check.path
        self._every = seconds(check.every)
        self._timeout = seconds(check.timeout)
        self._driver = driver
        self._health = health
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._run())

    async def close(self) -> None:
        """End them; one that is under way is given up."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            failure = await self._check()
            turned = self._health.checked(failure)
            pause = self._health.pause(self._every, self._loop.time())
            if turned:
                self._tell(failure)
            await asyncio.sleep(pause)

    async def _check(self) -> Failure | None:
        """Return why the upstream does not do well, None where it does."""
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._driver.send(
                    Call(api=None, method="GET", path=self._path, query=b"", headers=[], body=b"")
                )
                try:
                    await answer.read(ANSWER_LIMIT)
                finally:
                    answer.close()
        except TimeoutError:
            return Failure(reason="timeout", message=f"no answer within {self._timeout:g} s")
        except Failed as failed:
            return failed.failure
        if answer.status in (401, 403):
            return Failure(reason="auth", message=f"it refused the credential ({answer.status})", status=answer.status)
        if answer.status >= 500:
            return Failure(reason="server_error", message=f"it answered {answer.status}", status=answer.status)
        return None

    def _tell(self, failure: Failure | None) -> None:
        if failure is None:
            self._log.event("info", f"upstream `{self._name}` answers its check again")
        else:
            told = f"upstream `{self._name}` does not answer its check ({failure.reason}): {failure.message}"
            self._log.event("warning", f"{told}; none of its targets is asked until it does")
