"""What is said on either side, in no API's form: questions, answers, calls, thoughts, tokens."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

Api = Literal["chat", "messages", "responses"]
APIS: tuple[Api, ...] = ("chat", "messages", "responses")
Stop = Literal["end", "tool", "length", "stop_sequence", "refusal", "filter", ""]

MARK = re.compile(rb"\[\[scenario:([a-z0-9-]+):([0-9a-f]{12})\]\]")
"""What a test puts into the user's text: it survives every translation, and tells the upstream what to play."""
PATHS: dict[Api, str] = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
NOBODY = "nobody-knows-"
"""What a model is called that there is not."""
COUNT = "/v1/messages/count_tokens"


def mark(scenario: str, nonce: str) -> str:
    """Return the mark that makes the upstream play a scenario."""
    return f"[[scenario:{scenario}:{nonce}]]"


@dataclass(frozen=True)
class Call:
    """A tool call. `arguments` are JSON, or the bare input of a custom tool."""

    id: str
    name: str
    arguments: str
    kind: Literal["function", "custom"] = "function"
    namespace: str = ""

    @property
    def given(self) -> Any:
        """Return the arguments as a value; raises `ValueError` where they are no JSON."""
        return json.loads(self.arguments)


@dataclass(frozen=True)
class Thought:
    """What a model thinks before it speaks, and the vendor's seal on it: a signature, or all of it encrypted."""

    text: str
    seal: str


@dataclass(frozen=True)
class Tokens:
    """The usage of an answer. `input` holds `cached` and `written`, `output` holds `reasoning`; None: not told."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    written: int | None = None
    reasoning: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Said:
    """An answer of the upstream: a thought, then text, then calls."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    thought: Thought | None = None
    refusal: str = ""
    stop: Stop = ""
    tokens: Tokens = field(default_factory=lambda: Tokens(input=31, output=17, cached=0, written=0, reasoning=0))
    stop_sequence: str = ""
    interleaved: bool = False
    """Calls of a chat stream come in turns, not one after the other."""

    @property
    def ended(self) -> Stop:
        """Why it ended; calls and refusals speak for themselves."""
        return self.stop or ("tool" if self.calls else "refusal" if self.refusal else "end")


@dataclass(frozen=True)
class Image:
    """A picture in base64, or where one lies."""

    media_type: str = ""
    data: str = ""
    url: str = ""

    @property
    def link(self) -> str:
        """As a URL: of its place, or with all that is in it."""
        return self.url or f"data:{self.media_type};base64,{self.data}"


@dataclass(frozen=True)
class Tool:
    """A tool of the client. Custom ones have no schema; those in a namespace exist in Responses only."""

    name: str
    schema: dict[str, Any] = field(default_factory=dict)
    description: str = "A tool"
    kind: Literal["function", "custom"] = "function"
    namespace: str = ""


@dataclass(frozen=True)
class Result:
    """What came of a call."""

    call: str
    text: str
    image: Image | None = None
    custom: bool = False


@dataclass(frozen=True)
class Ask:
    """A question, before any API's form."""

    text: str
    instructions: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: str = ""
    """auto, required, none, or the name of a tool; empty: not said."""
    parallel: bool | None = None
    thinks: bool = False
    schema: dict[str, Any] | None = None
    limit: int | None = 8192
    """The most tokens of an answer; None: not said, where the client's API does not demand it."""
    stops: tuple[str, ...] = ()


@dataclass
class Reading:
    """What a client makes of an answer, whole or streamed."""

    text: str = ""
    thought: str = ""
    signed: bool = False
    """The thought came with a signature or encrypted, as the client's API has it."""
    calls: list[Call] = field(default_factory=list)
    refusal: str = ""
    stop: Stop = ""
    stop_word: str = ""
    """The API's own word for why it ended."""
    stop_sequence: str = ""
    tokens: Tokens = field(default_factory=Tokens)
    carried: list[Any] = field(default_factory=list)
    """What the client puts into its history for this answer: messages, blocks or items."""
    id: str = ""
    ended: bool = False
    """The answer ended as a good one does."""
    error: dict[str, Any] | None = None
    """The error object that came in its place, or in the middle of it."""


def pieces(text: str, size: int = 9) -> list[str]:
    """Cut a text as a model's stream does: into pieces of a few characters."""
    return [text[at : at + size] for at in range(0, len(text), size)]
