"""OpenAI itself and every server that speaks its API: a bearer token, the bytes as they are."""

from __future__ import annotations

import asyncio
import secrets
import time
import weakref
from typing import TYPE_CHECKING, cast

from engine.dialects.base import Failing
from engine.dialects.responses.prepared import prepared
from engine.transport.base import TransportError
from engine.upstreams.drivers.line import EVENT_STREAM, Line, Whole
from engine.upstreams.drivers.remote import RemoteDriver, failed

if TYPE_CHECKING:
    from engine.secret import Secret
    from engine.upstreams.base import Answer, Call
    from engine.upstreams.openai import OpenAI

POSTED = 300.0
"""Seconds for which an upstream that refused a WebSocket is asked by POST instead."""
REFUSALS = frozenset({400, 403, 404, 405, 406, 426, 501})
"""What servers answer to a handshake that they do not expect. Anything else is an answer to the request."""


class OpenAIDriver(RemoteDriver):
    """A live upstream of kind `openai`."""

    def __init__(self, name: str, options: OpenAI, api_key: Secret | None) -> None:
        super().__init__(name, options, api_key)
        self._sockets = options.sockets
        self._posted_until = 0.0
        self._lines: weakref.WeakSet[Line] = weakref.WeakSet()

    @classmethod
    def credential(cls, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"}

    async def send(self, call: Call) -> Answer:
        """Send `call`, over WebSocket where that is possible. Raises `Failed`."""
        now = asyncio.get_running_loop().time()
        if call.turn is not None and call.api == "responses" and self._sockets and now >= self._posted_until:
            answer = await self._say(call)
            if answer is None and not call.turn.generate:
                asked = Failing(request=secrets.token_hex(12), model=call.model or "", created=int(time.time()))
                answer = Whole(200, [EVENT_STREAM], prepared(asked))
            if answer is not None:
                return answer
        return await super().send(call)

    async def close(self) -> None:
        """Close every connection."""
        for line in list(self._lines):
            line.close()
        await super().close()

    async def _say(self, call: Call) -> Answer | None:
        """Ask on the connection of the lane; None where the upstream takes no WebSocket. Raises `Failed`."""
        from engine.transport.ws import Rejected

        loop = asyncio.get_running_loop()
        waits = self._waits_of(call)
        until = loop.time() + waits.total
        turn = call.turn
        assert turn is not None
        for _ in range(2):  # the second time on a connection that is new
            line = cast("Line | None", turn.lines.get(self))
            if line is None or line.closed:
                try:
                    wire = await self.socket(call, waits)
                except Rejected as rejected:
                    if rejected.status not in REFUSALS:
                        return Whole(rejected.status, rejected.headers, rejected.body)
                    self._posted_until = loop.time() + POSTED
                    return None
                except TransportError as error:
                    raise failed(self.name, error) from error
                line = Line(wire, f"upstream `{self.name}`")
                self._lines.add(line)
                turn.lines[self] = line
            try:
                answer = await line.ask(call, waits, until)
            except BaseException:
                line.close()
                raise
            if answer is not None:
                return answer
        return None
