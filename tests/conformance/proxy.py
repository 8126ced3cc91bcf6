"""A gateway that lies: it passes each API on to an upstream of the same one, and does one thing wrong.

For the suite's own test: what it does wrong must be caught, by the checks that are named beside it (lies.py).
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.conformance.words import PATHS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.conformance.words import Api

APIS: dict[str, Api] = {path: api for api, path in PATHS.items()}


@dataclass(frozen=True)
class Lie:
    """What is wrong, and which checks say so."""

    name: str
    caught: tuple[str, ...] = ()
    apis: tuple[Api, ...] = ("chat", "messages", "responses")
    """Where it is a lie."""
    asked: Callable[[Api, dict[str, Any]], Any] | None = None
    """Changes a request in place."""
    said: Callable[[str, dict[str, Any]], dict[str, Any] | None] | None = None
    """Changes an answer, or the data of one event with its name; None: the event is left out."""
    piece: Callable[[bytes], bytes] | None = None
    """Changes the bytes of an answer as they come."""
    status: Callable[[int], int] = lambda status: status
    deaf: tuple[str, ...] = ()
    """Headers of requests that are not passed on, and parts of paths that are not known."""
    holds: bool = False
    """Streams are held back until they are complete."""
    ends: bool = False
    """A stream that was cut is given a good end."""
    stays: bool = False
    """The upstream is read to its end, also when the client has left."""


class Liar:
    """The gateway, in a thread of its own."""

    def __init__(self, upstream: tuple[str, int], lie: Lie) -> None:
        self.upstream = upstream
        self.lie = lie
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="liar", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and end the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener, limit=1 << 24))
        self._loop.run_forever()
        server.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        body = await reader.readexactly(int(_headers(head).get("content-length", "0")))
        relay = asyncio.ensure_future(self._relay(head, body, writer))
        self._tasks.add(relay)
        relay.add_done_callback(self._tasks.discard)
        gone = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({relay, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not self.lie.stays:
            relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)
        writer.close()

    async def _relay(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        first, headers = head.split(b"\r\n")[0].decode(), _headers(head)
        path = first.split(" ")[1]
        if any(part in path for part in self.lie.deaf):
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        if self.lie.asked and path in APIS:
            value = json.loads(body)
            self.lie.asked(APIS[path], value)
            body = json.dumps(value).encode()
        sent = {name: value for name, value in headers.items() if name not in ("host", "connection", *self.lie.deaf)}
        sent |= {"content-length": str(len(body)), "host": "upstream"}
        inner, outer = await asyncio.open_connection(*self.upstream, limit=1 << 24)
        try:
            lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
            outer.write(f"{first}\r\n{lines}\r\n".encode() + body)
            await self._answer(inner, writer)
        finally:
            outer.close()

    async def _answer(self, inner: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await inner.readuntil(b"\r\n\r\n")
        headers = _headers(head)
        kept = {name: value for name, value in headers.items() if name in ("content-type", "retry-after")}
        kept |= {"transfer-encoding": "chunked", "connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in kept.items())
        status = self.lie.status(int(head.split(b" ")[1]))
        opened = f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode()
        if not self.lie.holds:
            writer.write(opened)
        streams = headers.get("content-type", "").startswith("text/event-stream")
        whole, held = True, b"" if not self.lie.holds else opened
        try:
            async for data in self._told(inner, headers, streams):
                held = self._pass(writer, held, data)
        except EOFError:
            whole = False
        if not whole and not (streams and self.lie.ends):
            return
        end = _good_end(held) if self.lie.ends and streams and (not whole or not _ended(held)) else b""
        if self.lie.holds:
            writer.write(held)
        elif end:
            writer.write(_chunk(end))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    def _pass(self, writer: asyncio.StreamWriter, held: bytes, data: bytes) -> bytes:
        """Pass bytes on, or hold them; return what is held, or what was said so far."""
        if self.lie.holds:
            return held + _chunk(data)
        if data and not writer.is_closing():
            writer.write(_chunk(data))
        return held + data

    async def _told(self, inner: asyncio.StreamReader, headers: dict[str, str], streams: bool) -> AsyncIterator[bytes]:
        """Yield the body as it comes, changed; raises `EOFError` where it breaks off."""
        lie, rest = self.lie, b""
        async for data in _body(inner, headers):
            if lie.piece:
                yield lie.piece(data)
            elif lie.said is None:
                yield data
            elif streams:
                *events, rest = (rest + data).split(b"\n\n")
                yield b"".join(_event(lie.said, event) for event in events)
            else:
                rest += data
        if lie.said and not streams and rest:
            yield json.dumps(lie.said("", json.loads(rest))).encode()


def _event(said: Callable[[str, dict[str, Any]], dict[str, Any] | None], event: bytes) -> bytes:
    before, found, data = event.partition(b"data: ")
    if not found or data == b"[DONE]":
        return event + b"\n\n"
    made = said(before.decode().strip().removeprefix("event: "), json.loads(data))
    return b"" if made is None else before + b"data: " + json.dumps(made).encode() + b"\n\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.decode("latin-1").strip().split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in pairs}


async def _body(inner: asyncio.StreamReader, headers: dict[str, str]) -> AsyncIterator[bytes]:
    if headers.get("transfer-encoding") != "chunked":
        yield await inner.readexactly(int(headers["content-length"]))
        return
    while True:
        size = await inner.readuntil(b"\r\n")
        data = await inner.readexactly(int(size, 16) + 2)
        if len(data) == 2:
            return
        yield data[:-2]


def _ended(said: bytes) -> bool:
    return any(end in said for end in (b"[DONE]", b"message_stop", b"response.completed"))


def _good_end(said: bytes) -> bytes:
    """Return what makes a stream look complete, whatever was said."""
    first = json.loads(said.partition(b"data: ")[2].partition(b"\n")[0])
    if "choices" in first:
        last = {**first, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        return b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n"
    if first["type"] == "message_start":
        delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}
        delta["usage"] = {"output_tokens": 1}
        last = json.dumps(delta).encode()
        return b"event: message_delta\ndata: " + last + b'\n\nevent: message_stop\ndata: {"type": "message_stop"}\n\n'
    done = {"type": "response.completed", "response": {**first["response"], "status": "completed"}}
    return b"event: response.completed\ndata: " + json.dumps(done).encode() + b"\n\n"
