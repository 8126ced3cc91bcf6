"""Requests in normal form: settled turns, tools, and every parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import strategies as st

from engine.chat import (
    Audio,
    Call,
    Choice,
    File,
    Format,
    Image,
    Message,
    Opaque,
    Refusal,
    Request,
    Result,
    Text,
    Tool,
)
from tests.support.conversations.carries import ALL, CHAT_REASONING, MESSAGES
from tests.support.conversations.words import (
    BASE64,
    CLOSED,
    IDS,
    NAMES,
    ODD_NAMES,
    OPEN,
    TEXTS,
    calls_of,
    chosen,
    maybe,
    thinking_of,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

    from engine.chat import Block
    from tests.support.conversations.carries import Carries


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
