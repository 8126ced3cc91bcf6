"""Whole answers, and the same as the events of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import strategies as st

from engine.chat import (
    Argued,
    Call,
    Called,
    Ended,
    Finished,
    Refusal,
    Refused,
    Response,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Text,
    Thinking,
    Thought,
    Usage,
    Used,
    Wrote,
)
from tests.support.conversations.carries import ALL
from tests.support.conversations.words import IDS, NAMES, TEXTS, calls_of, maybe, thinking_of

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from engine.chat import Block, Event
    from tests.support.conversations.carries import Carries


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
