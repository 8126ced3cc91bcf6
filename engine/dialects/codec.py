"""What a codec is: the two-way bridge between one API's wire form and the neutral vocabulary of `engine.chat`.

An API that clients speak, and into which nothing is ever translated, has one side of it: a `Client`.

Hub and spoke: a codec knows its own API and `engine.chat`, never another codec. Sans-io, like everything here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from engine.chat import Headers, Loss, Response, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.chat import Event, Failure, Language, Problem, Request
    from engine.dialects.base import Failing
    from engine.dialects.trail import Trail


class Losses:
    """Collects what a translation loses, of a request or of an answer."""

    __slots__ = ("found",)

    def __init__(self, found: Sequence[Loss] = ()) -> None:
        self.found = list(found)

    def approximated(self, path: str, reason: str) -> None:
        self.found.append(Loss(path, "approximated", reason))

    def dropped(self, path: str, reason: str) -> None:
        self.found.append(Loss(path, "dropped", reason))

    def once(self, loss: Loss) -> None:
        """Add `loss` unless one of its kind is there: an answer with a thousand citations loses one thing."""
        if all((one.grade, one.reason) != (loss.grade, loss.reason) for one in self.found):
            self.found.append(loss)


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """What a family of models takes. Each codec adds its own fields; `families.py` of a codec is the table."""

    name: str
    models: tuple[str, ...] = ()
    """Patterns of model names, `*` is any run. The first family that matches counts."""
    prefill: bool = False
    """Goes on with an assistant turn that stands last, whatever server it runs on."""
    refused: frozenset[str] = frozenset()
    """Corrections learned from an upstream that refused them (`Codec.correction`): they win over the table."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it goes to an upstream."""

    body: dict[str, Any]
    headers: Headers = []
    """What the API needs beside the body, such as a version or beta flags."""
    losses: tuple[Loss, ...] = ()
    names: dict[str, str] = {}
    """Tool names that had to be changed: as sent -> as the client calls them."""
    customs: frozenset[str] = frozenset()
    """Tools, by the name sent, that take free text and went as functions with one argument `input`."""
    shaped: str | None = None
    """The tool, by the name sent, that stands in for a structured answer: its arguments are the answer's text."""
    fenced: bool = False
    """The model was only told to answer in JSON: a ``` fence around the answer is to be taken off."""
    stop: tuple[str, ...] = ()
    """Stop sequences that the model does not take: the answer is cut at them here."""
    answered: Response | None = None
    """Set where nothing needs to be sent: this is the answer."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer in the client's form needs to know of the request it answers."""

    model: str
    """The name the answer carries."""
    id: str
    """Random characters [a-z0-9], the end of any id that is minted for this answer."""
    created: int
    """Seconds since 1970."""
    usage: bool = True
    legacy: bool = False
    thinking: bool = True
    """Whether the client can be shown reasoning; where it did not ask for any it expects none."""
    reasoning: tuple[str, ...] = ("reasoning_content", "reasoning")
    """In an API that has no place for the text of reasoning: the fields in which the client reads it."""
    input_tokens: int = 0
    """Our estimate of the input, for APIs that must tell it before the upstream does."""
    source: str = ""
    """Who answers, as upstream/model: what a minted seal on foreign reasoning names."""
    tools: tuple[Tool, ...] = ()
    """The tools of the request: what the client calls them, and in which namespaces they are."""
    echo: dict[str, Any] = {}
    """What the answer repeats of its request, in an API whose answers do."""
    keep: Callable[[dict[str, Any]], None] | None = None
    """In an API whose answers can be asked for again: is given the whole answer before the client has its end."""
    lost: Losses = msgspec.field(default_factory=Losses)
    """Where the answer's writer or encoder notes what it drops or only approximates, each kind of thing once. Paths are
    those of the upstream's answer; a tool call is named by its number there: `tool_calls[0]`."""


class Decoder(Protocol):
    """Reads one stream of an upstream. Bytes may come split anywhere."""

    failure: Failure | None
    """Set when the upstream reported an error in-band, sent garbage, or ended without saying why it stopped."""
    ended: bool
    """The proper end was seen (`Finished` was given out)."""

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes; nothing more once `failure` is set."""

    def finish(self) -> list[Event]:
        """The body is over. Return what was still open; set `failure` if the stream was not complete."""


class Encoder(Protocol):
    """Writes one stream for a client."""

    def feed(self, events: Iterable[Event]) -> bytes:
        """Return whole wire events, or b"". After `Finished` nothing more is ever returned."""

    def broken(self, problem: Problem, asked: Failing) -> bytes | None:
        """As `Tap.broken` (base.py)."""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """The side of clients: how what they ask is read, and what they are answered is written."""

    api: Language
    carries_reasoning: bool
    """Whether clients of this API send reasoning back with what seals it."""
    shows_reasoning: bool
    """Whether clients of this API expect reasoning, or are told that it is left out, without asking for it."""
    read: Callable[[bytes], Request]
    """Read a client's body, which has passed `Dialect.peek`.

    Raises `Problem` (400) with the path of what cannot be understood or cannot be asked through a translation.
    """
    write_answer: Callable[[Response, Asked], bytes]
    """Write a whole answer for a client."""
    encoder: Callable[[Asked], Encoder]


class Codec(Client, frozen=True, kw_only=True):
    """One API that carries conversations, with both sides: upstreams are asked in it too."""

    path: str
    families: tuple[Family, ...]

    family: Callable[[str, str], Any]
    """(model, host name of the upstream) -> the family. Every name has one: an unknown one counts as the newest family
    (rule C6)."""
    write: Callable[[Request, Any, str], Written]
    """(request, family, model) -> the body for an upstream.

    Raises `Problem` (400) with the client's own path for what it cannot ask.
    """
    read_answer: Callable[[bytes], Response]
    """Read a whole answer of an upstream. Raises `Failed` (disconnect) when it is none."""
    decoder: Callable[[], Decoder]
    trail: Callable[[], Trail]
    """Follow one stream to a client, which another target may go on with."""
    correction: Callable[[Failure, dict[str, Any]], str | None]
    """(failure, body sent) -> what the upstream refused of it, in the codec's own words for `Family.refused`; None if
    the failure names nothing that could be left out."""
    once: Callable[[str], bool]
    """Whether a word of `correction` holds for its own request only, and is not remembered."""
