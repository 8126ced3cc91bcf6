"""Streams in the neutral vocabulary, as any decoder may tell them: pieces, calls in turn, ends early or late."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from engine.chat import (
    Argued,
    Called,
    Ended,
    Event,
    Finished,
    Refused,
    Sealed,
    Signed,
    Started,
    Stop,
    Stopped,
    Thought,
    Usage,
    Used,
    Wrote,
)

words = st.text(min_size=1, max_size=8)
texts = st.text(max_size=8)
idents = st.sampled_from(["", "call_1", "call_2", "a b", "é", "x" * 65])
names = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
arguments = st.one_of(
    st.dictionaries(words, st.integers(-9, 9) | words, max_size=2).map(json.dumps),
    st.sampled_from(["", " ", "null", '["a"]', '"a"', "7", "not JSON", "[1", ' {"a":1} ', '{"a":"{\\"b\\":1}"}']),
)
"""Whole arguments; what begins as an object is one."""
said = st.one_of(
    st.builds(Wrote, texts),
    st.builds(Wrote, texts),
    st.builds(Thought, texts),
    st.builds(Refused, texts),
    st.builds(Signed, words),
    st.builds(Sealed, words),
    st.just(Ended()),
    st.builds(Used, st.builds(Usage, input=st.integers(0, 9), output=st.integers(0, 9))),
)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Draw a whole stream. Fragments of several calls and anything else may come in turn."""
    rows: list[list[Event]] = []
    for place in range(draw(st.integers(0, 3))):
        whole = draw(arguments)
        size = draw(st.integers(1, 9))
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        kind = draw(st.sampled_from(["function", "function", "custom"]))
        call = Called(place, draw(idents), draw(names), kind)  # type: ignore[arg-type]  # one of both words
        rows.append([call, *(Argued(place, piece) for piece in pieces)])
    told: list[Event] = [Started("1", "m")]
    begun = 0
    late = draw(st.booleans())
    while any(rows):
        step = draw(st.sampled_from(["say", "begin", "go on", "go on"]))
        open_ = [place for place in range(begun) if rows[place]]
        if step == "say":
            told.append(draw(said))
        elif begun < len(rows) and (step == "begin" or not open_):
            told.append(rows[begun].pop(0))
            begun += 1
        elif open_:
            place = draw(st.sampled_from(open_))
            told.append(rows[place].pop(0))
        told += [Ended(place) for place in range(begun) if not (late or rows[place] or Ended(place) in told)]
    told += draw(st.lists(said, max_size=4))
    told += [Ended(place) for place in range(len(rows)) if late]
    reason = draw(st.sampled_from(["end", "length", "sequence", "tool", "refusal", "pause", "context"]))
    stop = Stop(reason=reason, sequence=draw(st.none() | words))  # type: ignore[arg-type]  # the words of the list above
    return [*told, Stopped(stop), *draw(st.lists(st.just(Used(Usage(output=3))), max_size=1)), Finished()]
