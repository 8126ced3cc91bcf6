"""The APIs as a client sees them, side by side: what it sends, what it hopes to get, how errors look."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support import answers, items
from tests.support.events import data, event
from tests.support.http import Answer
from tests.support.script import Reply, as_json, as_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

SERVER_ERROR = {"error": {"message": "upstream broke", "type": "server_error", "param": None, "code": None}}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_up"}


@dataclass(frozen=True)
class Api(ABC):
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
    opening: bytes
    """What only the first event of a stream holds."""
    terminal: bytes
    """What only a stream that ended well holds."""
    alive: bytes
    """How an event begins that is only there to keep the connection alive."""

    @property
    def options(self) -> str:
        """How a file declares an upstream that speaks this and no other API of its kind: what comes after `kind:`."""
        return self.kind

    def body(self, model: str | None = None, *, stream: bool = False, **fields: Any) -> Json:
        """Return a small request."""
        made: Json = {"model": model or self.asked, **self.conversation("Hi")}
        return {**made, **({"stream": True} if stream else {}), **fields}

    @abstractmethod
    def conversation(self, text: str) -> Json:
        """Return the fields of a request that say `text`."""

    @abstractmethod
    def events(self, *words: str) -> list[bytes]:
        """Return the events of a stream that says `words`."""

    def stream(self, *words: str) -> Reply:
        """Return a stream that says `words`."""
        return as_stream(self.events(*words))

    @abstractmethod
    def answer(self, text: str) -> Json:
        """Return a whole answer that says `text`."""

    def whole(self, text: str = "Hello there") -> Reply:
        """Return a JSON answer that says `text`."""
        return as_json(self.answer(text))

    def parted(self, words: Sequence[str] = ("Hello", " there")) -> tuple[list[bytes], list[bytes]]:
        """Return the events up to the first word, and those from the second word on."""
        events = self.events(*words)
        cut = next(at for at, one in enumerate(events) if words[0].encode() in one) + 1
        return events[:cut], events[cut:]

    def begun(self, *words: str) -> list[bytes]:
        """Return the events of a stream up to the last of `words`."""
        upto, after = self.parted(words)
        return [*upto, *after[: len(words) - 1]]

    def more(self, begun: Sequence[bytes], count: int) -> list[bytes]:
        """Return `count` events that go on where `begun` has stopped, each of which says what its last one said."""
        return [*begun[-1:]] * count

    @abstractmethod
    def text(self, stream: bytes) -> str:
        """Return what the text deltas of a stream say."""

    @abstractmethod
    def said(self, answer: Json) -> str:
        """Return the text of a whole answer."""

    def keepalives(self, stream: bytes) -> int:
        """Count what was sent only to keep the connection alive."""
        return sum(one.startswith(self.alive) for one in stream.split(b"\n\n"))

    # errors

    @abstractmethod
    def refusal(self, kind: str, message: str, code: str | None = None) -> Json:
        """Return an error as the body of an upstream's answer."""

    @abstractmethod
    def fails(self, begun: Sequence[bytes], kind: str, message: str) -> bytes:
        """Return the event by which an upstream tells an error, behind the events that it has begun with."""

    def error(self, answer: Answer) -> Json:
        """Return the error object of `answer`, after holding its form against this API's."""
        assert answer.header("content-type") == "application/json"
        return self.error_object(answer.json)

    @abstractmethod
    def error_object(self, value: Any) -> Json:
        """Return the inner error object of an error, after holding it against this API's form."""

    def in_band(self, stream: bytes) -> Json:
        """Return the one error that ends `stream`; nothing that a good end has may be there."""
        assert self.terminal not in stream
        assert stream.endswith(b"\n\n")
        last = stream.removesuffix(b"\n\n").rpartition(b"\n\n")[2] + b"\n\n"
        errors = [value for value in payloads(stream) if self.is_error(value)]
        assert len(errors) == 1
        assert errors == payloads(last)
        return self.told(last, errors[0])

    def is_error(self, event: Json) -> bool:
        """Say whether an event tells an error."""
        return "error" in event

    def told(self, event: bytes, value: Json) -> Json:
        """Return the inner error object of the event that ends a stream."""
        return self.error_object(value)


class Chat(Api):
    def conversation(self, text: str) -> Json:
        return {"messages": [{"role": "user", "content": text}]}

    def events(self, *words: str) -> list[bytes]:
        return answers.chat_events(words or ("Hello", " there"), model=self.upstream_model)

    def answer(self, text: str) -> Json:
        return answers.chat(text, model=self.upstream_model)

    def text(self, stream: bytes) -> str:
        choices = [choice for value in payloads(stream) for choice in value.get("choices", [])]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    def said(self, answer: Json) -> str:
        return str(answer["choices"][0]["message"]["content"])

    def refusal(self, kind: str, message: str, code: str | None = None) -> Json:
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def fails(self, begun: Sequence[bytes], kind: str, message: str) -> bytes:
        return data(self.refusal(kind, message))

    def error_object(self, value: Any) -> Json:
        assert set(value) == {"error"}
        assert set(value["error"]) == {"message", "type", "param", "code"}
        return spoken(value["error"], "type")


class Messages(Api):
    def conversation(self, text: str) -> Json:
        return {"messages": [{"role": "user", "content": text}], "max_tokens": 64}

    def events(self, *words: str) -> list[bytes]:
        return answers.message_events(words or ("Hello", " there"), model=self.upstream_model)

    def answer(self, text: str) -> Json:
        return answers.message(text, model=self.upstream_model)

    def text(self, stream: bytes) -> str:
        deltas = [value["delta"] for value in payloads(stream) if value["type"] == "content_block_delta"]
        return "".join(delta.get("text", "") for delta in deltas)

    def said(self, answer: Json) -> str:
        return "".join(block.get("text", "") for block in answer["content"])

    def refusal(self, kind: str, message: str, code: str | None = None) -> Json:
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_up"}

    def fails(self, begun: Sequence[bytes], kind: str, message: str) -> bytes:
        return event("error", error={"type": kind, "message": message}, request_id="req_1")

    def error_object(self, value: Any) -> Json:
        assert value["type"] == "error"
        assert isinstance(value["request_id"], str)
        return spoken(value["error"], "type")

    def told(self, event: bytes, value: Json) -> Json:
        assert event.startswith(b"event: error\n")
        return self.error_object(value)


class Responses(Chat):
    """Its errors are those of chat completions, but for the one that ends a stream."""

    @property
    def options(self) -> str:
        return f"{self.kind}, apis: [responses]"

    def conversation(self, text: str) -> Json:
        return {"input": text}

    def events(self, *words: str) -> list[bytes]:
        return items.response_events(words or ("Hello", " there"), model=self.upstream_model)

    def answer(self, text: str) -> Json:
        return items.response(text, model=self.upstream_model)

    def more(self, begun: Sequence[bytes], count: int) -> list[bytes]:
        last, number = payloads(begun[-1])[0], len(begun)
        return [event(last["type"], **{**last, "sequence_number": number + at}) for at in range(count)]

    def text(self, stream: bytes) -> str:
        deltas = [value for value in payloads(stream) if value["type"] == "response.output_text.delta"]
        return "".join(value["delta"] for value in deltas)

    def said(self, answer: Json) -> str:
        parts = [part for item in answer["output"] if item["type"] == "message" for part in item["content"]]
        return "".join(part["text"] for part in parts)

    def fails(self, begun: Sequence[bytes], kind: str, message: str) -> bytes:
        """With a response, if one has begun; else there is nothing but the error."""
        if not begun:
            return event("error", code=kind, message=message, param=None, sequence_number=0)
        failed = {"status": "failed", "error": {"code": kind, "message": message}}
        response = {**payloads(begun[0])[0]["response"], **failed}
        return event("response.failed", response=response, sequence_number=len(begun))

    def is_error(self, event: Json) -> bool:
        return event["type"] in ("error", "response.failed")

    def told(self, event: bytes, value: Json) -> Json:
        assert event.startswith(b"event: response.failed\n")
        assert value["response"]["status"] == "failed"
        assert set(value["response"]["error"]) == {"code", "message"}
        return spoken(value["response"]["error"], "code")


CHAT = Chat(
    "chat",
    "openai",
    "/v1/chat/completions",
    "smart-chat",
    "gpt-5.5",
    1,
    b'"role": "assistant"',
    b"data: [DONE]",
    b": ",
)
MESSAGES = Messages(
    "messages",
    "anthropic",
    "/v1/messages",
    "smart-claude",
    "claude-sonnet-5",
    2,
    b"event: message_start",
    b"event: message_stop",
    b"event: ping\n",
)
RESPONSES = Responses(
    "responses",
    "openai",
    "/v1/responses",
    "smart-responses",
    "gpt-5.5",
    4,
    b"event: response.created",
    b"event: response.completed",
    b": ",
)
APIS: tuple[Api, ...] = (CHAT, MESSAGES, RESPONSES)


def spoken(error: Json, word: str) -> Json:
    """Return `error`, which must say something, and have a `word` by which programs know it."""
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error[word], str)
    return error


def payloads(stream: bytes) -> list[Any]:
    """Return the JSON of every event of a stream, without `[DONE]`."""
    lines = [line.removeprefix(b"data: ") for line in stream.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def digest(key: str) -> str:
    """Return a key's entry for `hashes:`."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
