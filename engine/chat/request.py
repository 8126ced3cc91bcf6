"""A conversation to be continued, in no vendor's form.

A codec reads it out of one API's body, another codec writes it into its own. It is the superset of all APIs; what
cannot be carried over becomes a `Loss`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

Grade = Literal["approximated", "dropped"]
Mode = Literal["lenient", "strict", "exact"]
"""What may be lost of a request: anything, nothing that is dropped, nothing at all."""


class Loss(msgspec.Struct, frozen=True):
    """One field that a translation carries over only roughly, or not at all."""

    path: str
    """Where it stands in the client's own body, as in messages[3].content[1].cache_control."""
    grade: Grade
    reason: str
    """A few plain words, such as `no counterpart in the Messages API`."""


Role = Literal["system", "user", "assistant"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Kind = Literal["function", "custom"]
"""What a tool takes: a JSON object that fits its schema, or free text."""
Form = Literal["messages", "responses"]
"""The API whose vendor can read a seal. That of Responses is the JSON text of {"id", "encrypted_content"}."""


class Part(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """A piece of a message. `at` is its path in the client's body; `cache` is the life of a cache breakpoint behind it
    (`5m`, `1h`, `30m`, ...; "" is the API's default; None: no breakpoint)."""

    at: str = ""
    cache: str | None = None


class Text(Part, frozen=True, kw_only=True):
    text: str


class Image(Part, frozen=True, kw_only=True):
    """Either `data` (base64 without line breaks) with its `media_type`, or `url`."""

    media_type: str = ""
    data: str | None = None
    url: str | None = None
    detail: str | None = None


class File(Part, frozen=True, kw_only=True):
    """A document: `data` (base64) with its `media_type`, or `url`, or plain `text`."""

    media_type: str = ""
    data: str | None = None
    url: str | None = None
    text: str | None = None
    name: str | None = None
    context: str | None = None


class Audio(Part, frozen=True, kw_only=True):
    """`data` is base64, `format` is wav or mp3."""

    data: str
    format: str


class Call(Part, frozen=True, kw_only=True):
    """A tool call. `arguments` is JSON text as the model wrote it ("" means no arguments); free text if custom."""

    id: str
    name: str
    arguments: str
    kind: Kind = "function"


class Result(Part, frozen=True, kw_only=True):
    """What a tool answered to the call `id`."""

    id: str
    parts: tuple[Text | Image | File | Opaque, ...] = ()
    error: bool = False


class Thinking(Part, frozen=True, kw_only=True):
    """Reasoning. `signature` is the vendor's seal on `text`; `sealed` is reasoning only the vendor can read.

    `model` is who thought it, as upstream/model, where that is known: nobody else is ever given it. `form` is the API
    in which the seal was given: it means nothing in any other.
    """

    text: str = ""
    signature: str | None = None
    sealed: str | None = None
    form: Form = "messages"
    model: str | None = None


class Refusal(Part, frozen=True, kw_only=True):
    text: str


class Opaque(Part, frozen=True, kw_only=True):
    """A block that only its own vendor knows, as it came. `kind` is its `type` there."""

    vendor: str
    kind: str
    raw: dict[str, Any]


Block: TypeAlias = Text | Image | File | Audio | Call | Result | Thinking | Refusal | Opaque


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn. Tool results are blocks of a user turn. `name` is the participant's, where the API has such names."""

    role: Role
    blocks: tuple[Block, ...]
    name: str | None = None
    at: str = ""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool the model may call."""

    name: str
    description: str | None = None
    schema: dict[str, Any] | None = None
    """JSON Schema of the arguments; None: the client gave none."""
    strict: bool | None = None
    kind: Kind = "function"
    grammar: dict[str, Any] | None = None
    """What the text of a custom tool must look like: {syntax: lark | regex, definition: text}."""
    hosted: str | None = None
    """The `type` of a tool that the vendor itself runs, such as web_search_20250305."""
    deferred: bool = False
    namespace: str | None = None
    """What the client declared it in; `name` then begins with it, and is the only one of its kind."""
    cache: str | None = None
    at: str = ""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which tools the model must or may call. `name` with mode tool; `allowed` narrows auto and required."""

    mode: Literal["none", "auto", "required", "tool"]
    name: str | None = None
    allowed: tuple[str, ...] | None = None
    at: str = "tool_choice"


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """How much the model should think. `budget` is in tokens; `shown` is how its thoughts are to be shown."""

    effort: Effort | None = None
    mode: Literal["off", "adaptive", "budget"] | None = None
    budget: int | None = None
    shown: str | None = None
    at: str = ""


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """The form the answer must have: any JSON object, or one that fits `schema`."""

    kind: Literal["json_object", "json_schema"]
    schema: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    at: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation to be continued. None: the client did not say."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    choice: Choice | None = None
    parallel: bool | None = None
    """False: at most one tool call in a turn."""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    usage: bool = True
    """Whether the client wants the usage of a stream."""
    reasoning: Reasoning | None = None
    format: Format | None = None
    user: str | None = None
    """Who asks, as the operator of the client calls them."""
    session: str | None = None
    """What ties the requests of one conversation together (prompt_cache_key)."""
    tier: str | None = None
    legacy: bool = False
    """Asked in the form before tools (`functions`): the answer has that form too."""
    echo: dict[str, Any] = {}
    """What an answer repeats of its request, in an API whose answers do."""
    cache: str | None = None
    """A cache breakpoint behind whatever is last, as in `Part.cache`."""
    extra: dict[str, Any] = {}
    """Every parameter of the client's API that has no field here, by its path, as it came."""
    named: dict[str, str] = {}
    """Field of this Struct -> what the client calls it, where that differs: {"max_tokens": "max_completion_tokens"}."""
    losses: tuple[Loss, ...] = ()
    """What was lost on the way in already."""

    def at(self, field: str) -> str:
        """Return the client's own name of a field."""
        return self.named.get(field, field)
