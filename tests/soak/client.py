"""The clients of a soak: each asks one thing after the other, on a connection as long as it lives, and may leave."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.soak.file import CLIENTS_WORDS, KEYS
from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES
from tests.support.http import head
from tests.support.wire.watch import WATCH

if TYPE_CHECKING:
    from random import Random

    from tests.support.apis import Api

TOOL = {
    "type": "object",
    "properties": {"path": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}
TOOLS: dict[str, Any] = {
    "chat": {"type": "function", "function": {"name": "read_file", "description": "Read", "parameters": TOOL}},
    "messages": {"name": "read_file", "description": "Read", "input_schema": TOOL},
    "responses": {"type": "function", "name": "read_file", "description": "Read", "parameters": TOOL},
}
PAUSE = 0.15
"""The most seconds between two requests of a client."""
FILLER = "The turnout sends the train down one track or another. "


class Ask:
    """One request: what is sent, and how much of the answer is waited for."""

    def __init__(self, method: str, target: str, body: Any, key: str | None, leaves: str) -> None:
        self.target = target
        self.body = b"" if body is None else json.dumps(body).encode()
        self.method = method
        self.headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self.leaves = leaves
        """"": never; `body`: in the middle of its body; `wait`: before any answer; `stream`: in the answer."""


def wish(random: Random) -> Ask:
    """Return something that a client might ask."""
    key = random.choice((*KEYS, None))
    leaves = random.choices(("", "body", "wait", "stream"), (88, 1, 4, 7))[0]
    roll = random.randrange(100)
    if roll < 72:
        return _conversation(random, key, leaves)
    if roll < 79:
        api = MESSAGES if random.random() < 0.5 else RESPONSES
        path = f"{api.path}/count_tokens" if api is MESSAGES else f"{api.path}/input_tokens"
        body = {name: value for name, value in api.body(_model(random)).items() if name != "max_tokens"}
        return Ask("POST", path, body, key, leaves)
    if roll < 86:
        body = {"model": "embed", "input": FILLER * random.randrange(1, 20)}
        return Ask("POST", "/v1/embeddings", body, key, leaves)
    if roll < 91:
        return Ask("GET", f"/v1/files/{random.randrange(9)}", None, None, leaves)
    if roll < 94:
        return Ask("GET", "/v1/models", None, key, "")
    if roll < 97:
        return Ask("POST", CHAT.path, CHAT.body(random.choice(("no-such-model", "to-nowhere"))), key, "")
    return Ask("POST", random.choice(APIS).path, {"model": "to-chat", "oops": [[]]}, key, "")


def _model(random: Random) -> str:
    return random.choice((*(f"to-{word}" for word in CLIENTS_WORDS), "to-nobody", "to-echo"))


def _conversation(random: Random, key: str | None, leaves: str) -> Ask:
    api: Api = random.choice(APIS)
    text = FILLER * random.choice((1, 1, 5, 50, 500))
    fields: dict[str, Any] = api.conversation(text)
    if random.random() < 0.4:
        fields["tools"] = [TOOLS[api.name]]
    if api is CHAT and random.random() < 0.5:
        fields["stream_options"] = {"include_usage": True}
    stream = random.random() < 0.6
    if not stream:
        fields.pop("stream_options", None)
    return Ask("POST", api.path, api.body(_model(random), stream=stream, **fields), key, leaves)


class Client:
    """One after the other. `counted` is shared: how many requests were sent, and how they went."""

    def __init__(self, host: str, port: int, random: Random, counted: Counter[str]) -> None:
        self._host, self._port = host, port
        self._random = random
        self._counted = counted
        self._wire: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            ask = wish(self._random)
            try:
                await self._one(ask)
            except (ConnectionError, asyncio.IncompleteReadError):
                self._counted["cut"] += 1
                self._leave()
            await asyncio.sleep(self._random.random() * PAUSE)
        self._leave()

    async def _one(self, ask: Ask) -> None:
        if self._wire is None or self._random.random() < 0.2:
            self._leave()
            self._wire = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._wire
        place, is_json = f"{self._host}:{self._port}", bool(ask.body)
        sent = head(ask.method, ask.target, place, ask.headers, len(ask.body), is_json=is_json)
        whole = sent + ask.body
        if ask.leaves == "body" and ask.body:
            whole = whole[: len(sent) + len(ask.body) // 2]
        writer.write(whole)
        await writer.drain()
        self._counted["sent"] += 1
        if ask.leaves == "body" and ask.body:
            writer.write_eof()
            await reader.read()
            self._counted["left in its body"] += 1
            self._leave()
        elif ask.leaves == "wait":
            await asyncio.sleep(self._random.random() * 0.05)
            self._counted["left waiting"] += 1
            self._leave()
        else:
            await self._answer(reader, ask)

    async def _answer(self, reader: asyncio.StreamReader, ask: Ask) -> None:
        raw = await reader.readuntil(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").lower().split("\r\n")
        fields = dict(line.partition(": ")[::2] for line in lines)
        self._counted[f"status {first.split(' ')[1]}"] += 1
        if "content-length" in fields:
            await reader.readexactly(int(fields["content-length"]))
        elif fields.get("transfer-encoding") == "chunked":
            await self._stream(reader, ask, fields.get("content-type", ""))
        else:
            await reader.read()
            self._leave()
        if fields.get("connection") == "close":
            self._leave()

    async def _stream(self, reader: asyncio.StreamReader, ask: Ask, form: str) -> None:
        got = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            got += await reader.readexactly(size)
            await reader.readexactly(2)
            if ask.leaves == "stream":
                self._counted["left in the answer"] += 1
                self._leave()
                return
        await reader.readexactly(2)
        self._counted["streams"] += 1
        WATCH.heard(f"{self._host}:{self._port}", ask.target, ask.body, form, got, cut=False)

    def _leave(self) -> None:
        if self._wire is not None:
            self._wire[1].close()
            self._wire = None
