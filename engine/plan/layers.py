"""What the file says of requests beside where they go: layer by layer, and merged for a pool (rule R5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Mode, OnBreak

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.config.sections.steps import Place
    from engine.config.sections.steps import ToolSource as Source
    from engine.diagnostics import Span


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A thing of the graph. `name` is its key in the file."""

    name: str
    span: Span | None = None


class Prompt(Node, frozen=True, kw_only=True):
    """A template of the file, compiled. `name` is how the file names it."""

    place: Place
    vars: dict[str, Any]
    render: Callable[[dict[str, Any]], str]
    """Fill it in. Raises `jinja2.TemplateError`, and whatever an expression in it raises."""


class Output(Node, frozen=True, kw_only=True):
    """A schema of the file. `name` is how the file names it; `flaws` says where a value does not satisfy it."""

    schema: dict[str, Any]
    retries: int
    flaws: Callable[[Any], list[str]]


class Memory(Node, frozen=True, kw_only=True):
    """What is remembered of a session, and for how long after its last turn (`seconds`)."""

    messages: int | None
    tokens: int | None
    seconds: float
    summary: str | None = None
    """The entry that sums up what is left out."""


class ToolSource(Node, frozen=True, kw_only=True):
    """Where tools come from. `name` is what people call it: what is run, or whom it is asked of."""

    key: str
    """The same for all that are declared alike."""
    declared: Source


class Tools(Node, frozen=True, kw_only=True):
    """Tools that Turnout runs itself."""

    sources: tuple[ToolSource, ...]
    rounds: int
    timeout: float
    """Seconds that one call may take."""
    result: int
    """Bytes of a result that the model is told."""
    announced: bool


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """What one place of the file (defaults, an entry, a route) says of requests; None: nothing."""

    set: dict[str, Any] = {}
    unset: tuple[str, ...] | None = None
    strip: tuple[str, ...] | None = None
    like: str | None = None
    translation: Mode | None = None
    on_break: OnBreak | None = None
    prompt: Prompt | None = None
    output: Output | None = None
    memory: Memory | None = None
    tools: Tools | None = None
    places: dict[tuple[str, str], Span] = {}
    """(key, path or name) -> where it stands: ("set", "thinking.type"), ("translation", "strict")."""


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to a request on its way to the targets of one pool: the layers, merged (rule R5)."""

    set: dict[str, Any] = {}
    """Dotted path in the upstream's API -> JSON value; later ones count on top of earlier ones."""
    unset: tuple[str, ...] = ()
    """Dotted paths, taken out before `set` is applied."""
    strip: tuple[str, ...] = ()
    """Headers and beta flags that are not passed on; the upstream's own `strip` comes on top."""
    like: str | None = None
    """The model whose family the targets count as (rule C6)."""
    translation: Mode = "lenient"
    on_break: OnBreak = "error"
    """What becomes of a stream that breaks off behind content."""
    prompt: Prompt | None = None
    output: Output | None = None
    memory: Memory | None = None
    tools: Tools | None = None
    places: dict[tuple[str, str], Span] = {}
    """As in `Layer`, of what is left."""

    @property
    def edits(self) -> bool:
        """Whether bodies are changed."""
        return bool(self.set or self.unset)

    @property
    def steps(self) -> bool:
        """Whether the conversation itself is changed or looked at."""
        return any(step is not None for step in (self.prompt, self.output, self.memory, self.tools))
