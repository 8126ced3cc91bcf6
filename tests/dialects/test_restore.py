"""What the way out changed is undone on the way back, in streams and in whole answers alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.chat import (
    Argued,
    Call,
    Called,
    Ended,
    Event,
    Finished,
    Loss,
    Lost,
    Opaque,
    Response,
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
from engine.dialects.codec import Written
from engine.dialects.fold import fold, unfold
from engine.dialects.restore import Restore, unwrapped
from tests.dialects.gpt import cut, objects


def written(**given: Any) -> Written:
    return Written(body={}, **given)


NOTHING = written()
NAMES = written(names={"short": "the.long.name"})
CUSTOM = written(names={"sql_": "sql"}, customs=frozenset({"sql_"}))
SHAPED = written(shaped="answer")
FENCED = written(fenced=True)
STOP = written(stop=("STOP", "END"))
END, TOOL = Stop(reason="end"), Stop(reason="tool")


def call(name: str, arguments: str = "{}", kind: Any = "function", ident: str = "c") -> Call:
    return Call(id=ident, name=name, arguments=arguments, kind=kind)


def answer(*blocks: Any, stop: Stop = END) -> Response:
    return Response(id="1", model="m", blocks=blocks, stop=stop, usage=Usage(output=3))


CASES: dict[str, tuple[Written, Response, Response]] = {
    "nothing to do": (
        NOTHING,
        answer(Text(text="a"), call("f"), stop=TOOL),
        answer(Text(text="a"), call("f"), stop=TOOL),
    ),
    "a name": (
        NAMES,
        answer(call("short"), call("other"), stop=TOOL),
        answer(call("the.long.name"), call("other"), stop=TOOL),
    ),
    "free text": (
        CUSTOM,
        answer(call("sql_", '{"input": "SELECT 1"}'), call("f"), stop=TOOL),
        answer(call("sql", "SELECT 1", "custom"), call("f"), stop=TOOL),
    ),
    "free text, empty": (
        CUSTOM,
        answer(call("sql_", '{"input": ""}'), stop=TOOL),
        answer(call("sql", "", "custom"), stop=TOOL),
    ),
    "free text that was not wrapped": (
        CUSTOM,
        answer(call("sql_", "SELECT 1"), stop=TOOL),
        answer(call("sql", "SELECT 1", "custom"), stop=TOOL),
    ),
    "a structured answer": (SHAPED, answer(call("answer", '{"a":1}'), stop=TOOL), answer(Text(text='{"a":1}'))),
    "a structured answer without arguments": (SHAPED, answer(call("answer", ""), stop=TOOL), answer(Text(text="{}"))),
    "a structured answer cut short": (
        SHAPED,
        answer(call("answer", '{"a'), stop=Stop(reason="length")),
        answer(Text(text='{"a'), stop=Stop(reason="length")),
    ),
    "talk around a structured answer": (
        SHAPED,
        answer(
            Thinking(text="t"),
            Text(text="Here:"),
            Thinking(text="u"),
            call("answer", '{"a":1}'),
            Text(text="."),
            stop=TOOL,
        ),
        answer(Thinking(text="t"), Thinking(text="u"), Text(text='{"a":1}')),
    ),
    "two structured answers": (
        SHAPED,
        answer(call("answer", '{"a":1}'), call("answer", '{"a":2}', ident="d"), stop=TOOL),
        answer(Text(text='{"a":1}')),
    ),
    "a structured answer and a call": (
        SHAPED,
        answer(call("answer", '{"a":1}'), call("f", ident="d"), stop=TOOL),
        answer(Text(text='{"a":1}'), call("f", ident="d"), stop=TOOL),
    ),
    "text instead of a structured answer": (
        SHAPED,
        answer(Text(text="a"), Thinking(text="t"), Text(text="b")),
        answer(Text(text="a"), Thinking(text="t"), Text(text="b")),
    ),
    "a call instead of a structured answer": (
        SHAPED,
        answer(Text(text="a"), call("f"), stop=TOOL),
        answer(Text(text="a"), call("f"), stop=TOOL),
    ),
    "a fence": (FENCED, answer(Text(text="```json\n{}\n```")), answer(Text(text="{}"))),
    "no fence": (FENCED, answer(Thinking(text="```"), Text(text="{}")), answer(Thinking(text="```"), Text(text="{}"))),
    "a stop sequence": (
        STOP,
        answer(Thinking(text="STOP"), Text(text="one STOP two"), Thinking(text="t"), call("f"), stop=TOOL),
        answer(Thinking(text="STOP"), Text(text="one "), stop=Stop(reason="sequence", sequence="STOP")),
    ),
    "a stop sequence at once": (
        STOP,
        answer(Text(text="ENDless")),
        answer(stop=Stop(reason="sequence", sequence="END")),
    ),
    "a stop sequence after a call": (
        STOP,
        answer(call("f"), Text(text="one END")),
        answer(call("f"), Text(text="one "), stop=TOOL),
    ),
    "half a stop sequence": (
        STOP,
        answer(Text(text="one STO"), call("f"), Text(text="P"), stop=TOOL),
        answer(Text(text="one STO"), call("f"), Text(text="P"), stop=TOOL),
    ),
    "a stop sequence after a fence": (
        written(fenced=True, stop=("END",)),
        answer(Text(text="```\n{}\nEND\n```")),
        answer(Text(text="{}\n"), stop=Stop(reason="sequence", sequence="END")),
    ),
}


@pytest.mark.parametrize(("how", "came", "told"), CASES.values(), ids=CASES.keys())
def test_a_whole_answer(how: Written, came: Response, told: Response) -> None:
    assert Restore(how).response(came) == told


@pytest.mark.parametrize("size", [1, 3, 99])
@pytest.mark.parametrize(("how", "came", "told"), CASES.values(), ids=CASES.keys())
def test_a_stream(how: Written, came: Response, told: Response, size: int) -> None:
    restore = Restore(how)
    streamed = fold([event for one in pieces(came, size) for event in restore.events([one])])
    assert streamed == (replace(told, usage=None) if restore.over else told)  # the usage comes when it is over
    assert restore.over == ("END" in str(came) or "STOP" in str(came.blocks[:1]))
    assert fold(Restore(how).events(pieces(came, size))) == told


def pieces(response: Response, size: int) -> list[Event]:
    """Return a stream in which every text and all arguments come in pieces of `size` characters."""
    events: list[Event] = []
    for event in unfold(response):
        match event:
            case Wrote(text):
                events += [Wrote(piece) for piece in cut(text, size)]
            case Argued(index, arguments):
                events += [Argued(index, piece) for piece in cut(arguments, size)]
            case _:
                events.append(event)
    return events


blocks = st.one_of(
    st.builds(Text, text=st.sampled_from(["a", "STOP", "```json\n{}\n```", "x END", "ST", "`", " "])),
    st.builds(Thinking, text=st.just("t")),
    st.builds(
        Call, id=st.just("c"), name=st.sampled_from(["answer", "sql_", "short"]), arguments=objects | st.just("")
    ),
)
ways = st.builds(
    written,
    names=st.just({"short": "long", "sql_": "sql"}),
    customs=st.sampled_from([frozenset(), frozenset({"sql_"})]),
    shaped=st.sampled_from([None, "answer"]),
    fenced=st.booleans(),
    stop=st.sampled_from([(), ("STOP", "END"), ("}",)]),
)


@given(ways, st.lists(blocks, max_size=5), st.integers(1, 9))
def test_a_stream_says_what_the_whole_answer_says(how: Written, said: list[Any], size: int) -> None:
    came = answer(*said, stop=TOOL if any(isinstance(block, Call) for block in said) else END)
    assert fold(Restore(how).events(pieces(came, size))) == Restore(how).response(came)


def test_the_text_of_a_structured_answer_streams_on() -> None:
    restore = Restore(SHAPED)
    assert restore.events([Started("1", "m"), Wrote("Here:"), Called(0, "c", "answer"), Argued(0, '{"a"')]) == [
        Started("1", "m"),
        Wrote('{"a"'),
    ]
    assert restore.events([Argued(0, ":1}")]) == [Wrote(":1}")]


def test_calls_are_counted_without_the_structured_answer() -> None:
    events = [Called(0, "c", "answer"), Argued(0, "{}"), Called(1, "d", "f"), Argued(1, "[]"), Ended(0), Ended(1)]
    assert Restore(SHAPED).events(events) == [
        Wrote("{}"),
        Called(0, "d", "f"),
        Argued(0, "[]"),
        Ended(None),
        Ended(0),
    ]


def test_usage_passes_whatever_is_held_or_cut() -> None:
    restore = Restore(written(shaped="answer", stop=("END",)))
    assert restore.events([Wrote("a"), Used(Usage(output=1))]) == [Used(Usage(output=1))]
    assert restore.events([Stopped(END)]) == [Wrote("a"), Stopped(END)]
    cutting = Restore(STOP)
    assert cutting.events([Called(0, "c", "f"), Wrote("END"), Used(Usage(output=1)), Thought("c")]) == [
        Called(0, "c", "f"),
        Used(Usage(output=1)),
    ]
    assert cutting.events([Ended(0), Stopped(END), Used(Usage(output=2)), Finished()]) == [
        Ended(0),
        Stopped(TOOL),
        Used(Usage(output=2)),
        Finished(),
    ]
    assert not cutting.over


def test_a_stream_that_is_cut_ends_at_once() -> None:
    restore = Restore(STOP)
    assert restore.events([Started("1", "m"), Wrote("one STO")]) == [Started("1", "m"), Wrote("one ")]
    assert not restore.over
    cut_off = Stop(reason="sequence", sequence="STOP")
    assert restore.events([Wrote("Ps"), Wrote("more")]) == [Stopped(cut_off), Finished()]
    assert restore.over
    assert restore.events([Wrote("a"), Called(0, "c", "f"), Used(Usage(output=9)), Stopped(END), Finished()]) == []


def test_usage_that_was_told_before_the_cut_is_made_up_to_what_was_written() -> None:
    restore = Restore(STOP)
    restore.events([Started("1", "m"), Used(Usage(input=7, output=1)), Thought("t" * 20), Wrote("a" * 76)])
    assert restore.events([Wrote("STOP")]) == [
        Stopped(Stop(reason="sequence", sequence="STOP")),
        Used(Usage(input=7, output=29, estimated=True)),
        Finished(),
    ]


def test_usage_that_comes_together_with_the_cut_is_the_upstreams() -> None:
    restore = Restore(STOP)
    assert restore.events([Wrote("aEND"), Stopped(END), Used(Usage(output=2)), Finished()]) == [
        Wrote("a"),
        Stopped(Stop(reason="sequence", sequence="END")),
        Used(Usage(output=2)),
        Finished(),
    ]


def test_a_call_that_began_before_the_cut_is_told_to_its_end() -> None:
    restore = Restore(STOP)
    assert restore.events([Called(0, "c", "f"), Argued(0, "{"), Wrote("END")]) == [Called(0, "c", "f"), Argued(0, "{")]
    assert restore.events([Called(1, "d", "g"), Argued(1, "{}"), Argued(0, "}"), Ended(1)]) == [Argued(0, "}")]
    assert not restore.over
    assert restore.events([Ended(0)]) == [Ended(0), Stopped(TOOL), Finished()]
    assert restore.over


def test_free_text_comes_when_it_is_whole() -> None:
    restore = Restore(CUSTOM)
    assert restore.events([Called(0, "c", "sql_"), Argued(0, '{"input":"SE')]) == [Called(0, "c", "sql", "custom")]
    assert restore.events([Argued(0, 'LECT"}'), Ended(0)]) == [Argued(0, "SELECT"), Ended(0)]
    assert restore.events([Called(1, "d", "sql_"), Argued(1, "{}"), Finished()]) == [
        *[Called(1, "d", "sql", "custom"), Argued(1, "{}"), Finished()],
    ]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [('{"input": "a"}', "a"), ('{"input": 1}', '{"input": 1}'), ("[]", "[]"), ("a", "a"), ("", "")],
)
def test_free_text_is_unwrapped(arguments: str, text: str) -> None:
    assert unwrapped(arguments) == text


def test_what_only_a_vendor_knows_stays() -> None:
    citation = Opaque(vendor="openai", kind="url_citation", raw={})
    for how in (SHAPED, FENCED, STOP, NAMES, CUSTOM):
        assert Restore(how).response(answer(Text(text="a"), citation)).blocks == (Text(text="a"), citation)


@given(objects)
def test_a_wrapped_text_comes_back(text: str) -> None:
    assert unwrapped(json.dumps({"input": text})) == text


@pytest.mark.parametrize("written", [STOP, FENCED, SHAPED], ids=["stop", "fence", "shape"])
def test_what_is_lost_within_a_text_does_not_divide_it(written: Written) -> None:
    lost = Lost(Loss("content[0].citations", "dropped", "no counterpart"))
    said = Restore(written).events([Wrote("a ST"), lost, Wrote("OP b"), Stopped(END), Finished()])
    plain = Restore(written).events([Wrote("a ST"), Wrote("OP b"), Stopped(END), Finished()])
    assert lost in said
    assert [event for event in said if event != lost] == plain
