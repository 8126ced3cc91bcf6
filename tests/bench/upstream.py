"""A fast upstream: canned answers, chosen by the model's name. A process of its own; prints its port.

python -m tests.bench.upstream
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n"
CHUNKS, PACED = 200, 50
PACE = 0.02


def answer(size: int) -> bytes:
    """Return a whole chat completion of about `size` bytes."""
    message = {"role": "assistant", "content": "x" * (size - 300), "refusal": None}
    body = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": "bench",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
        }
    ).encode()
    return HEAD % (b"application/json", b"content-length: %d" % len(body)) + body


def events(count: int) -> list[bytes]:
    """Return `count` events of a chat stream as HTTP chunks, then its end."""
    made = []
    for number in range(count):
        delta = {"content": f" word{number}"}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "bench"}
        data = b"data: " + json.dumps({**chunk, "choices": [choice]}).encode() + b"\n\n"
        made.append(b"%x\r\n%s\r\n" % (len(data), data))
    return made


USAGE = b'data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7}}\n\n'
TOLD = b"%x\r\n%s\r\n" % (len(USAGE), USAGE)
"""Told where it is asked for."""
END = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


WHOLE = {b"json-2k": answer(2_000), b"json-60k": answer(60_000)}
OPEN = HEAD % (b"text/event-stream", b"transfer-encoding: chunked")
BURST, SLOW = events(CHUNKS), events(PACED)


class Wire(asyncio.Protocol):
    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.buffer = body[length:]
        name = body.partition(b'"model"')[2].partition(b'"')[2].partition(b'"')[0].removeprefix(b"bench-")
        if name in WHOLE:
            self.transport.write(WHOLE[name])
        else:
            self.transport.write(OPEN)
            chunks, pause = (BURST, 0.0) if name == b"burst" else (SLOW, PACE)
            end = [TOLD, END] if b'"include_usage":true' in body else [END]
            self.say(0, [*chunks, *end], pause)

    def say(self, at: int, chunks: list[bytes], pause: float) -> None:
        """Write one chunk, then the next in a later turn of the loop: each leaves in a packet of its own."""
        self.transport.write(chunks[at])
        if at + 1 < len(chunks):
            asyncio.get_running_loop().call_later(pause, self.say, at + 1, chunks, pause)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Wire, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until whoever started it goes


if __name__ == "__main__":
    uvloop.run(main())
