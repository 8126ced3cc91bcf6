"""Clients of a soak over WebSocket: those that are only there, and those that ask several things at once and leave.

A handshake counts as a request, and so does each message that was sent: whatever becomes of it, it has a record.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.soak.client import FILLER, TOOLS
from tests.soak.file import CLIENTS_WORDS, KEYS
from tests.support.apis import APIS, RESPONSES

if TYPE_CHECKING:
    from random import Random

    from websockets.asyncio.client import ClientConnection

    from tests.support.apis import Api

PAUSE = 1.5
"""The most seconds between what a connection asks."""
AT_ONCE = 4
PATIENCE = 60.0
"""Seconds within which every message must have been answered to its end."""
ENDS = ("done", "error", "response.completed", "response.incomplete", "response.failed")


class Socket:
    """One client, on one connection after the other. `counted` is shared."""

    def __init__(self, url: str, random: Random, counted: Counter[str]) -> None:
        self._url = url.replace("http", "ws", 1)
        self._random = random
        self._counted = counted

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            api: Api = self._random.choice(APIS)
            key = {"authorization": f"Bearer {self._random.choice(KEYS)}"}
            self._counted["sent"] += 1
            try:
                async with connect(
                    f"{self._url}{api.path}", additional_headers=key, compression=None, max_size=None, proxy=None
                ) as socket:
                    self._counted["sockets"] += 1
                    await self._use(socket, api, stop)
            except InvalidStatus as error:
                self._counted[f"handshake {error.response.status_code}"] += 1
                await asyncio.sleep(PAUSE)

    async def _use(self, socket: ClientConnection, api: Api, stop: asyncio.Event) -> None:
        """Be there until the end; nothing may be said, and nobody may close."""
        del api
        waiting = [asyncio.ensure_future(one) for one in (stop.wait(), socket.recv())]
        done, left = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        assert waiting[1] not in done, waiting[1].exception() or waiting[1].result()


class Busy(Socket):
    async def _use(self, socket: ClientConnection, api: Api, stop: asyncio.Event) -> None:
        names = itertools.count()
        for _ in range(self._random.randrange(1, 40)):
            await asyncio.sleep(self._random.random() * PAUSE)
            if stop.is_set():
                break
            lanes: list[Any] = [None]
            if api is not RESPONSES and self._random.random() < 0.7:
                lanes = [f"m{next(names)}" for _ in range(self._random.randrange(1, AT_ONCE + 1))]
            for lane in lanes:
                await socket.send(json.dumps(self._message(api, lane)))
                self._counted["sent"] += 1
                self._counted["messages"] += 1
            leaves = self._random.random()
            if leaves < 0.04:  # its close frame comes behind what it has asked, so that is read
                self._counted["left on a socket"] += 1
                await socket.close()
                return
            if leaves < 0.08 and len(lanes) == 1:
                await socket.recv()
                self._counted["broke off on a socket"] += 1
                socket.transport.abort()
                await socket.wait_closed()
                return
            if leaves < 0.2 and api is not RESPONSES:
                await asyncio.sleep(self._random.random() * 0.1)
                named = {} if lanes[-1] is None else {"id": lanes[-1]}
                await socket.send(json.dumps({"type": "cancel", **named}))
            async with asyncio.timeout(PATIENCE):
                await self._hear(socket, set(lanes))

    async def _hear(self, socket: ClientConnection, waiting: set[Any]) -> None:
        """Read until everything is over."""
        while waiting:
            frame = json.loads(await socket.recv())
            if frame.get("type") in ENDS:
                waiting.remove(frame.get("id") if frame["type"] in ("done", "error") else None)
                kind = "cancelled" if frame.get("cancelled") else frame["type"].removeprefix("response.")
                self._counted[f"frame {kind}"] += 1

    def _message(self, api: Api, lane: str | None) -> dict[str, Any]:
        random = self._random
        model = random.choice((*(f"to-{word}" for word in CLIENTS_WORDS), "to-nobody", "to-echo", "no-such-model"))
        fields: dict[str, Any] = api.conversation(FILLER * random.choice((1, 1, 5, 50, 500)))
        if random.random() < 0.3:
            fields["tools"] = [TOOLS[api.name]]
        body = api.body(model, stream=random.random() < 0.7, **fields)
        if api is RESPONSES:
            return {**body, "type": "response.create", "store": False}
        return body if lane is None else {**body, "id": lane}
