"""The two APIs as a client sees them, side by side: what it sends, what it hopes to get, how errors look."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support import answers
from tests.support.http import Answer
from tests.support.script import Reply, as_json, as_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.script import Step

SERVER_ERROR = {"error": {"message": "upstream broke", "type": "server_error", "param": None, "code": None}}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_up"}


@dataclass(frozen=True)
class Api:
    """One model endpoint that can stream."""

    name: str
    """As in `when: {api: ...}`."""
    kind: str
    """The kind of upstream that speaks it."""
    path: str
    asked: str
    """A name that the tests' files map to `upstream_model`."""
    upstream_model: str
    lifecycle: int
    """How many events open a stream before its first content."""
    terminal: bytes
    """What only a stream that ended well holds."""

    def body(self, model: str | None = None, *, stream: bool = False, **fields: Any) -> dict[str, Any]:
        """Return a small request."""
        made: dict[str, Any] = {"model": model or self.asked, "messages": [{"role": "user", "content": "Hi"}]}
        if self.name == "messages":
            made["max_tokens"] = 64
        return {**made, **({"stream": True} if stream else {}), **fields}

    def events(self, *words: str) -> list[bytes]:
        """Return the events of a stream that says `words`."""
        make = answers.chat_events if self.name == "chat" else answers.message_events
        return make(words or ("Hello", " there"), model=self.upstream_model)

    def stream(self, *words: str) -> Reply:
        """Return a stream that says `words`."""
        return as_stream(self.events(*words))

    def whole(self, text: str = "Hello there") -> Reply:
        """Return a JSON answer that says `text`."""
        make = answers.chat if self.name == "chat" else answers.message
        return as_json(make(text, model=self.upstream_model))

    def parted(self, *steps: Step, words: Sequence[str] = ("Hello", " there")) -> tuple[list[bytes], list[bytes]]:
        """Return the events up to the first word, and those from the second word on."""
        events = self.events(*words)
        cut = next(at for at, event in enumerate(events) if words[0].encode() in event) + 1
        return events[:cut], events[cut:]

    def text(self, stream: bytes) -> str:
        """Return what the text deltas of a stream say."""
        said = []
        for value in payloads(stream):
            if self.name == "chat":
                said += [choice["delta"].get("content") or "" for choice in value.get("choices", [])]
            elif value["type"] == "content_block_delta":
                said.append(value["delta"].get("text", ""))
        return "".join(said)

    def keepalives(self, stream: bytes) -> int:
        """Count what was sent only to keep the connection alive."""
        mark = b": " if self.name == "chat" else b"event: ping\n"
        return sum(event.startswith(mark) for event in stream.split(b"\n\n"))

    def error(self, answer: Answer) -> dict[str, Any]:
        """Return the error object of `answer`, after holding its form against this API's."""
        assert answer.header("content-type") == "application/json"
        return self.error_object(answer.json)

    def error_object(self, value: Any) -> dict[str, Any]:
        """Return the inner error object of an error, after holding it against this API's form."""
        error: dict[str, Any] = value["error"]
        assert isinstance(error["message"], str)
        assert error["message"]
        assert isinstance(error["type"], str)
        if self.name == "chat":
            assert set(value) == {"error"}
            assert set(error) == {"message", "type", "param", "code"}
        else:
            assert value["type"] == "error"
            assert isinstance(value["request_id"], str)
        return error

    def in_band(self, stream: bytes) -> dict[str, Any]:
        """Return the one error that ends `stream`; nothing that a good end has may be there."""
        assert self.terminal not in stream
        assert stream.endswith(b"\n\n")
        last = stream.removesuffix(b"\n\n").rpartition(b"\n\n")[2]
        if self.name == "messages":
            assert last.startswith(b"event: error\n")
        errors = [value for value in payloads(stream) if "error" in value]
        assert len(errors) == 1
        assert errors == payloads(last + b"\n\n")
        return self.error_object(errors[0])


CHAT = Api("chat", "openai", "/v1/chat/completions", "smart-chat", "gpt-5.5", 1, b"data: [DONE]")
MESSAGES = Api("messages", "anthropic", "/v1/messages", "smart-claude", "claude-sonnet-5", 2, b"event: message_stop")
APIS = (CHAT, MESSAGES)


def payloads(stream: bytes) -> list[Any]:
    """Return the JSON of every event of a stream, without `[DONE]`."""
    lines = [line.removeprefix(b"data: ") for line in stream.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def digest(key: str) -> str:
    """Return a key's entry for `hashes:`."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
