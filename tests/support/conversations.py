"""Hypothesis strategies for the neutral vocabulary: requests, answers and streams in the normal form.

`Carries` says what they may hold: everything there is (`ALL`), or only what one API can carry without a loss.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import strategies as st

from engine.chat import (
    Argued,
    Audio,
    Call,
    Called,
    Choice,
    Ended,
    File,
    Finished,
    Format,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Refused,
    Request,
    Response,
    Result,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Text,
    Thinking,
    Thought,
    Tool,
    Usage,
    Used,
    Wrote,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

    from engine.chat import Block, Event, Kind


@dataclass(frozen=True, repr=False)
class Carries:
    """What a request or an answer may hold."""

    texts: int = 3
    """How many texts may stand in a row in one turn of the assistant, in a system message, or in a result."""
    images: bool = True
    detail: bool = True
    url_documents: bool = True
    text_documents: bool = True
    context: bool = True
    results_hold_media: bool = True
    errors: bool = True
    thinking: tuple[str, ...] = ("plain", "signed", "sealed")
    refusals: bool = True
    opaque: bool = True
    audio: bool = True
    names: bool = True
    later_system: bool = True
    prefill: bool = True
    custom: bool = True
    """Tools that take free text."""
    odd_arguments: bool = True
    """Arguments that are no JSON object."""
    cut_arguments: bool = True
    """Arguments that break off."""
    odd_names: bool = True
    open_schemas: bool = True
    strict: tuple[bool | None, ...] = (None, True, False)
    hosted: bool = True
    deferred: bool = True
    allowed: bool = True
    parallel: tuple[bool | None, ...] = (None, True, False)
    caches: tuple[str, ...] = ("", "5m", "1h", "12h")
    cached_tools: bool = True
    cached_turn: bool = True
    """The conversation as a whole may have a breakpoint."""
    sampling: tuple[str, ...] = ("temperature", "top_p", "top_k")
    reasonings: tuple[Reasoning, ...] = (
        Reasoning(effort="none"),
        Reasoning(effort="minimal"),
        Reasoning(effort="high"),
        Reasoning(effort="max", mode="adaptive", shown="summarized"),
        Reasoning(mode="adaptive", shown="omitted"),
        Reasoning(mode="off"),
        Reasoning(mode="budget", budget=500),
        Reasoning(mode="budget", budget=31_999),
    )
    formats: tuple[str, ...] = ("json_object", "json_schema")
    named_formats: bool | None = None
    """Whether a format has a name, a description and says whether it is strict; None: either."""
    stops: int = 6
    blank_stops: bool = True
    tiers: tuple[str, ...] = ("auto", "default", "flex", "standard_only", "novel")
    sessions: bool = True
    most: int = 200_000
    """The highest max_tokens."""
    extra: bool = True
    ends: tuple[str, ...] = ("end", "length", "sequence", "tool", "refusal", "pause", "context")
    details: bool | None = None
    """Whether a refusal has details; None: either."""
    ordered: bool = False
    """An answer is reasoning, one text, one refusal and calls, in this order."""
    estimated: bool = True


ALL = Carries()
MESSAGES = Carries(
    detail=False,
    refusals=False,
    opaque=False,
    audio=False,
    names=False,
    thinking=("signed", "sealed"),
    prefill=False,
    custom=False,
    odd_arguments=False,
    cut_arguments=False,
    odd_names=False,
    open_schemas=False,
    strict=(None, True),
    hosted=False,
    deferred=False,
    allowed=False,
    parallel=(None, False),
    caches=("", "5m", "1h"),
    sampling=(),
    reasonings=(
        Reasoning(mode="off"),
        Reasoning(mode="adaptive", shown="summarized"),
        Reasoning(mode="adaptive", effort="xhigh", shown="summarized"),
    ),
    formats=("json_schema",),
    named_formats=False,
    blank_stops=False,
    tiers=("auto", "standard_only"),
    sessions=False,
    most=32_000,
    extra=False,
    details=True,
    estimated=False,
)
"""What a model of the newer families takes in the Messages API."""
CHAT = Carries(
    texts=1,
    url_documents=False,
    text_documents=False,
    context=False,
    results_hold_media=False,
    errors=False,
    thinking=(),
    refusals=False,
    opaque=False,
    prefill=False,
    odd_arguments=False,
    cut_arguments=False,
    odd_names=False,
    open_schemas=False,
    hosted=False,
    deferred=False,
    allowed=False,
    strict=(None, True),
    caches=(),
    cached_tools=False,
    cached_turn=False,
    sampling=("temperature", "top_p"),
    reasonings=(),
    formats=("json_schema",),
    named_formats=True,
    stops=4,
    tiers=("auto", "default", "flex", "priority"),
    most=16_000,
    extra=False,
    ends=("end", "length", "tool", "sequence"),
    ordered=True,
    estimated=False,
)
"""What gpt-4o takes."""
CHAT_REASONING = replace(
    CHAT,
    caches=("", "12h"),
    sampling=(),
    reasonings=tuple(Reasoning(effort=effort) for effort in ("none", "low", "medium", "high", "xhigh", "max")),
    stops=0,
)
"""What gpt-6 takes."""

# pieces --------------------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
TEXTS = st.one_of(
    WORDS.filter(str.strip), st.sampled_from(["Hi", "\n  <b>\r\n", 'a "b" \\', "data: x\n\ndata: y", "é😀"])
)
IDS = st.from_regex(r"[a-zA-Z0-9_-]{1,40}", fullmatch=True)
NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,20}", fullmatch=True)
ODD_NAMES = st.sampled_from(["with space", "dotted.name", "ü", "n" * 70, "n" * 130, "mcp__a/b"])
JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=3)
ARGUMENTS = OBJECTS.map(lambda value: msgspec.json.encode(value).decode())
NO_ARGUMENTS = st.sampled_from(["", "  ", "{}", "{ }"])
ODD_ARGUMENTS = st.sampled_from(["[1]", "3", "not json", "null", '"text"'])
CUT_ARGUMENTS = st.sampled_from(['{"a": "b', '{"a": [1, 2', '{"a', "{", '{"a": "\\', '{"a": 1, '])
BASE64 = st.binary(min_size=1, max_size=9).map(lambda data: base64.b64encode(data).decode())
SIGNATURES = BASE64
CLOSED = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "required": ["path", "lines"],
    "additionalProperties": False,
}
OPEN = st.sampled_from(
    [
        None,
        {},
        {"properties": {"a": {"type": "string", "minLength": 3}}},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}, {"type": "null"}]}}, "$schema": "x"},
        {"anyOf": [{"type": "object"}, {"type": "string"}]},
    ]
)


def maybe(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | strategy


def chosen(options: tuple[Any, ...]) -> SearchStrategy[Any]:
    return st.sampled_from(options) if options else st.none()


# requests ------------------------------------------------------------------------------------------------------------


@st.composite
def requests(draw: DrawFn, may: Carries = ALL) -> Request:
    """Return a request in normal form (turns.py) that holds nothing but what `may` says."""
    tools = draw(st.lists(tools_of(may), max_size=3, unique_by=lambda tool: tool.name))
    life = draw(maybe(chosen(may.caches))) if may.caches else None
    messages = draw(conversations(may, life))
    reasoning = draw(maybe(chosen(may.reasonings)))
    if reasoning is not None and may is CHAT_REASONING:
        tools = []  # the API takes no effort beside tools
    if tools and life is not None and may.cached_tools and draw(st.booleans()):
        tools[-1] = msgspec.structs.replace(tools[-1], cache=life)
    thinks = reasoning is not None and reasoning.mode != "off"
    choice = draw(maybe(choices(tools, may, forced=may is ALL or not thinks))) if tools else None
    parallel = draw(st.sampled_from(may.parallel)) if tools else None
    if may is MESSAGES and (choice is None or choice.mode == "none"):
        parallel = None
    sampling: dict[str, Any] = {
        "temperature": st.sampled_from([0, 0.5, 1.0, 1.5]),
        "top_p": st.sampled_from([0.1, 0.9]),
        "top_k": st.integers(1, 99),
    }
    return Request(
        model=draw(NAMES),
        messages=messages,
        tools=tuple(tools),
        choice=choice,
        parallel=parallel,
        max_tokens=draw(maybe(st.integers(1, may.most))) if may is not MESSAGES else draw(st.integers(1, may.most)),
        stop=tuple(draw(st.lists(stops(may), max_size=may.stops, unique=True))),
        stream=draw(st.booleans()),
        reasoning=reasoning,
        format=draw(maybe(formats(may))),
        user=draw(maybe(IDS)),
        session=draw(maybe(IDS)) if may.sessions else None,
        tier=draw(maybe(chosen(may.tiers))),
        cache=life if may.cached_turn and draw(st.booleans()) else None,
        extra=draw(st.sampled_from([{}, {"seed": 1}, {"metadata": {"a": "b"}}])) if may.extra else {},
        **{name: draw(maybe(strategy)) for name, strategy in sampling.items() if name in may.sampling},
    )


def stops(may: Carries) -> SearchStrategy[str]:
    return st.sampled_from(["\n", "  "]) | TEXTS if may.blank_stops else TEXTS


@st.composite
def tools_of(draw: DrawFn, may: Carries) -> Tool:
    name = draw(ODD_NAMES | NAMES if may.odd_names else NAMES)
    description = draw(maybe(TEXTS))
    if may.hosted and draw(st.integers(0, 9)) == 0:
        return Tool(name="web_search", hosted="web_search_20250305", at="tools[0]")
    if may.custom and draw(st.integers(0, 4)) == 0:
        grammar = draw(st.none() | st.just({"syntax": "regex", "definition": "a+"}))
        return Tool(name=name, description=description, kind="custom", grammar=grammar)
    schema = draw(OPEN) if may.open_schemas and draw(st.booleans()) else CLOSED
    deferred = may.deferred and draw(st.booleans())
    return Tool(name=name, description=description, schema=schema, strict=draw(chosen(may.strict)), deferred=deferred)


@st.composite
def choices(draw: DrawFn, tools: list[Tool], may: Carries, *, forced: bool) -> Choice:
    modes = ["none", "auto", *(["required", "tool"] if forced else [])]
    mode: Any = draw(st.sampled_from(modes))
    names = [tool.name for tool in tools]
    if mode == "tool":
        return Choice(mode="tool", name=draw(st.sampled_from(names)))
    if may.allowed and mode in ("auto", "required") and draw(st.booleans()):
        return Choice(mode=mode, allowed=tuple(draw(st.lists(st.sampled_from(names), unique=True))))
    return Choice(mode=mode)


@st.composite
def formats(draw: DrawFn, may: Carries) -> Format:
    kind: Any = draw(st.sampled_from(may.formats))
    if kind == "json_object":
        return Format(kind="json_object")
    schema = draw(OPEN.filter(bool)) if may.open_schemas and draw(st.booleans()) else CLOSED
    if may.named_formats is False or (may.named_formats is None and draw(st.booleans())):
        return Format(kind="json_schema", schema=schema)
    name, description, strict = draw(NAMES), draw(maybe(TEXTS)), draw(st.booleans())
    return Format(kind="json_schema", schema=schema, name=name, description=description, strict=strict)


@st.composite
def conversations(draw: DrawFn, may: Carries, life: str | None) -> tuple[Message, ...]:
    """Return turns: system, then user and assistant in turn, every call answered at once; `life` of breakpoints."""
    found: list[Message] = []
    if draw(st.booleans()):
        said = draw(st.lists(TEXTS, min_size=1, max_size=may.texts))
        texts = [Text(text=text) for text in said]
        if life is not None and draw(st.booleans()):
            texts[-1] = Text(text=texts[-1].text, cache=life)
        found.append(Message(role="system", blocks=tuple(texts)))
    ids = iter(draw(st.lists(IDS, min_size=9, max_size=9, unique=True)))
    calls: list[Call] = []
    for _ in range(draw(st.integers(0, 2))):
        found += draw(user_turns(may, calls, None))
        calls = [msgspec.structs.replace(call, id=next(ids)) for call in draw(st.lists(calls_of(may), max_size=3))]
        said_by_it = draw(assistant_blocks(may, needed=not calls))
        name = draw(maybe(NAMES)) if may.names else None
        found.append(Message(role="assistant", blocks=(*said_by_it, *calls), name=name))
    if not (may.prefill and found and not calls and draw(st.integers(0, 5)) == 0):
        found += draw(user_turns(may, calls, life))
    return tuple(found)


@st.composite
def user_turns(draw: DrawFn, may: Carries, calls: list[Call], life: str | None) -> list[Message]:
    results = [draw(results_of(may, call.id)) for call in calls]
    blocks = draw(st.lists(user_blocks(may), min_size=0 if results else 1, max_size=3))
    if life is not None and blocks and draw(st.booleans()):
        blocks[-1] = msgspec.structs.replace(blocks[-1], cache=life)
    name = draw(maybe(NAMES)) if may.names and blocks else None
    turns = [Message(role="user", blocks=(*results, *blocks), name=name)]
    if may.later_system and draw(st.integers(0, 3)) == 0:
        turns.append(Message(role="system", blocks=(Text(text=draw(TEXTS)),)))
    return turns


@st.composite
def results_of(draw: DrawFn, may: Carries, ident: str) -> Result:
    texts = [Text(text=text) for text in draw(st.lists(TEXTS, max_size=may.texts))]
    media = draw(st.lists(media_of(may), max_size=2)) if may.results_hold_media else []
    return Result(id=ident, parts=(*texts, *media), error=may.errors and draw(st.booleans()))


def user_blocks(may: Carries) -> SearchStrategy[Block]:
    kinds: list[SearchStrategy[Any]] = [TEXTS.map(lambda text: Text(text=text)), media_of(may)]
    if may.audio:
        kinds.append(st.builds(Audio, data=BASE64, format=st.sampled_from(["wav", "mp3"])))
    if may.opaque:
        raw = {"type": "search_result", "source": "x", "title": "y", "content": [{"type": "text", "text": "z"}]}
        kinds.append(st.just(Opaque(vendor="anthropic", kind="search_result", raw=raw)))
    return st.one_of(kinds)


def media_of(may: Carries) -> SearchStrategy[Any]:
    detail = maybe(st.sampled_from(["auto", "low", "high"])) if may.detail else st.none()
    types = st.sampled_from(["image/png", "image/jpeg", "image/gif", "image/webp"])
    context = maybe(TEXTS) if may.context else st.none()
    name = maybe(NAMES.map("{}.pdf".format)) if may.context else NAMES.map("{}.pdf".format)
    kinds = [
        st.builds(Image, media_type=types, data=BASE64, detail=detail),
        st.builds(Image, url=NAMES.map("https://example.com/{}.png".format), detail=detail),
        st.builds(File, media_type=st.just("application/pdf"), data=BASE64, name=name, context=context),
    ]
    if may.url_documents:
        kinds.append(st.builds(File, url=NAMES.map("https://example.com/{}.pdf".format), name=name, context=context))
    if may.text_documents:
        kinds.append(st.builds(File, media_type=st.just("text/plain"), text=TEXTS, name=name, context=context))
    return st.one_of(kinds)


@st.composite
def assistant_blocks(draw: DrawFn, may: Carries, *, needed: bool) -> list[Block]:
    thoughts: list[Block] = []
    if may.thinking:
        thoughts = draw(st.lists(thinking_of(may), max_size=2))
    said: list[Block] = [
        Text(text=text) for text in draw(st.lists(TEXTS, min_size=1 if needed else 0, max_size=may.texts))
    ]
    if may.refusals and draw(st.integers(0, 5)) == 0:
        said.append(Refusal(text=draw(TEXTS)))
    return [*thoughts, *said]


@st.composite
def thinking_of(draw: DrawFn, may: Carries) -> Thinking:
    kind = draw(st.sampled_from(may.thinking))
    if kind == "sealed":
        return Thinking(sealed=draw(SIGNATURES))
    return Thinking(text=draw(TEXTS), signature=draw(SIGNATURES) if kind == "signed" else None)


@st.composite
def calls_of(draw: DrawFn, may: Carries) -> Call:
    """Return a call; its id is to be set."""
    kind: Kind = "custom" if may.custom and draw(st.integers(0, 4)) == 0 else "function"
    forms = [ARGUMENTS, ARGUMENTS, NO_ARGUMENTS]
    forms += [ODD_ARGUMENTS] if may.odd_arguments else []
    forms += [CUT_ARGUMENTS] if may.cut_arguments else []
    arguments = draw(TEXTS if kind == "custom" else st.one_of(forms))
    return Call(id="", name=draw(ODD_NAMES | NAMES if may.odd_names else NAMES), arguments=arguments, kind=kind)


# answers -------------------------------------------------------------------------------------------------------------


@st.composite
def responses(draw: DrawFn, may: Carries = ALL) -> Response:
    """Return an answer whose label fits what it holds."""
    ids = draw(st.lists(IDS, max_size=3, unique=True))
    calls: list[Block] = [msgspec.structs.replace(draw(calls_of(may)), id=ident) for ident in ids]
    thoughts: list[Block] = draw(st.lists(thinking_of(may), max_size=2)) if may.thinking else []
    said: list[Block] = [Text(text=text) for text in draw(st.lists(TEXTS, max_size=1 if may.ordered else 3))]
    if may.refusals and draw(st.integers(0, 5)) == 0:
        said.append(Refusal(text=draw(TEXTS)))
    blocks = [*thoughts, *said, *calls]
    if not may.ordered:
        blocks = draw(st.permutations(blocks))
    return Response(
        id=draw(IDS),
        model=draw(NAMES),
        blocks=tuple(blocks),
        stop=draw(ends(may, bool(calls))),
        usage=draw(usages(may)),
    )


@st.composite
def ends(draw: DrawFn, may: Carries, called: bool) -> Stop:
    unfit = ("end", "sequence") if called else ("tool",)
    reason: Any = draw(st.sampled_from([one for one in may.ends if one not in unfit]))
    detailed = reason == "refusal" and (may.details or (may.details is None and draw(st.booleans())))
    details = {"type": "refusal", "category": "cyber", "explanation": draw(TEXTS)} if detailed else None
    return Stop(reason=reason, sequence=draw(TEXTS) if reason == "sequence" else None, details=details)


@st.composite
def usages(draw: DrawFn, may: Carries) -> Usage:
    output = draw(st.integers(0, 10**6))
    counts = st.integers(0, 10**6)
    return Usage(
        input=draw(counts),
        cache_read=draw(counts),
        cache_write=draw(counts),
        output=output,
        reasoning=draw(maybe(st.integers(0, output))),
        estimated=may.estimated and draw(st.booleans()),
    )


@st.composite
def streams(draw: DrawFn, may: Carries = ALL) -> list[Event]:
    """Return the events of an answer as an upstream may tell it: in pieces, calls in turn, some ends left out."""
    response = draw(responses(may))
    events: list[Event] = [Started(response.id, response.model)]
    tails: list[list[Event]] = []
    for block in response.blocks:
        if isinstance(block, Call):
            index = len(tails)
            events.append(Called(index, block.id, block.name, block.kind))
            pieces: list[Event] = [Argued(index, one) for one in draw(cut(block.arguments))]
            tails.append([*pieces, *([Ended(index)] if draw(st.booleans()) else [])])
            if draw(st.booleans()):
                events += tails[-1]
                tails[-1] = []
        else:
            events += draw(told(block))
    while any(tails):
        tail = draw(st.sampled_from([tail for tail in tails if tail]))
        events.append(tail.pop(0))
    assert response.usage is not None
    usage: list[Event] = [Used(response.usage)]
    stopped: list[Event] = [Stopped(response.stop)]
    return [*events, *(usage + stopped if draw(st.booleans()) else stopped + usage), Finished()]


@st.composite
def told(draw: DrawFn, block: Block) -> list[Event]:
    if isinstance(block, Thinking) and block.sealed is not None:
        return [Sealed(block.sealed)]
    assert isinstance(block, Text | Thinking | Refusal)
    kind = {Text: Wrote, Thinking: Thought, Refusal: Refused}[type(block)]
    pieces: list[Event] = [kind(one) for one in draw(cut(block.text))]
    signature = block.signature if isinstance(block, Thinking) else None
    return [*pieces, Signed(signature) if signature else Ended()]


@st.composite
def cut(draw: DrawFn, text: str) -> list[str]:
    """Return `text` in pieces, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
