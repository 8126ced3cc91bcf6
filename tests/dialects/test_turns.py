"""The normal form of a conversation, as transcripts: what came in, what goes on, and what was lost on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat import Call, Image, Message, Result, Text, Thinking
from engine.chat.request import Block
from engine.dialects.codec import Losses
from engine.dialects.turns import NO_RESULT, settled


def transcript(text: str) -> list[Message]:
    """Read a conversation written as `role[name]: block | block`; blocks are words, ?call, =result, ~thought."""
    found = []
    for number, line in enumerate(text.strip().splitlines()):
        head, _, said = line.strip().partition(":")
        role, _, name = head.partition("[")
        blocks = tuple(
            block(word.strip(), f"messages[{number}].content[{place}]")
            for place, word in enumerate(said.split("|"))
            if said
        )
        found.append(Message(role=role, blocks=blocks, name=name.rstrip("]") or None, at=f"messages[{number}]"))  # type: ignore[arg-type]  # the words of a transcript
    return found


def block(word: str, at: str) -> Block:
    if word.startswith("?"):
        return Call(id=word[1:], name="tool", arguments="", at=at)
    if word.startswith("="):
        id_, _, said = word[1:].partition(" ")
        return Result(id=id_, parts=(Text(text=said),) if said else (), at=at)
    if word.startswith("~"):
        return Thinking(text=word[1:], at=at)
    return Text(text=word, at=at)


def told(messages: tuple[Message, ...]) -> str:
    """Return a conversation in the form of `transcript`."""
    return "\n".join(
        f"{one.role}{f'[{one.name}]' if one.name else ''}: {' | '.join(map(word, one.blocks))}" for one in messages
    )


def word(one: Block) -> str:
    if isinstance(one, Call):
        return f"?{one.id}"
    if isinstance(one, Result):
        said = " ".join(part.text for part in one.parts if isinstance(part, Text))
        return f"={one.id} {said}".strip()
    if isinstance(one, Thinking):
        return f"~{one.text}"
    assert isinstance(one, Text)
    return one.text


CASES = {
    "nothing to do": (
        "system: be brief\nuser: hi\nassistant: hello\nuser: bye",
        "system: be brief\nuser: hi\nassistant: hello\nuser: bye",
        {},
    ),
    "turns of one role become one": (
        "user: a\nuser: b\nassistant: c\nassistant: d | ?1\nuser: =1 e\nuser: f",
        "user: a | b\nassistant: c | d | ?1\nuser: =1 e | f",
        {},
    ),
    "empty texts and turns go": (
        "user: a | | b\nassistant:\nuser: \nassistant: c",
        "user: a | b\nassistant: c",
        {},
    ),
    "the system messages at the start stay": ("system: \nsystem: a\nuser: b", "system: \nsystem: a\nuser: b", {}),
    "a system message further on separates turns": (
        "user: a\nsystem: s\nuser: b",
        "user: a\nsystem: s\nuser: b",
        {},
    ),
    "results in the order of the calls": (
        "user: a\nassistant: ?1 | ?2\nuser: =2 two\nuser: =1 one",
        "user: a\nassistant: ?1 | ?2\nuser: =1 one | =2 two",
        {},
    ),
    "results before what the user says": (
        "user: a\nassistant: ?1\nuser: look | =1 one",
        "user: a\nassistant: ?1\nuser: =1 one | look",
        {},
    ),
    "a system message among results moves behind them": (
        "user: a\nassistant: ?1 | ?2\nuser: =1 one\nsystem: s\nuser: =2 two\nuser: b",
        "user: a\nassistant: ?1 | ?2\nuser: =1 one | =2 two\nsystem: s\nuser: b",
        {},
    ),
    "a call without a result gets one": (
        "user: a\nassistant: ?1 | ?2\nuser: =2 two | b",
        f"user: a\nassistant: ?1 | ?2\nuser: =1 {NO_RESULT} | =2 two | b",
        {"messages[1].content[0]": "dropped"},
    ),
    "no user turn behind the calls": (
        "user: a\nassistant: ?1\nassistant: b\nuser: c",
        f"user: a\nassistant: ?1 | b\nuser: =1 {NO_RESULT} | c",
        {"messages[1].content[0]": "dropped"},
    ),
    "calls that nothing follows may still be answered": ("user: a\nassistant: ?1", "user: a\nassistant: ?1", {}),
    "a result without its call is what the user says": (
        "user: a\nassistant: b\nuser: =9 nine | c",
        "user: a\nassistant: b\nuser: [result of the tool call 9]\nnine | c",
        {"messages[2].content[0]": "dropped"},
    ),
    "a result that comes a turn late": (
        "user: a\nassistant: ?1\nuser: b\nassistant: c\nuser: =1 one",
        f"user: a\nassistant: ?1\nuser: =1 {NO_RESULT} | b\nassistant: c\nuser: [result of the tool call 1]\none",
        {"messages[1].content[0]": "dropped", "messages[4].content[0]": "dropped"},
    ),
    "a second result of one call": (
        "user: a\nassistant: ?1\nuser: =1 one | =1 again",
        "user: a\nassistant: ?1\nuser: =1 one | [result of the tool call 1]\nagain",
        {"messages[2].content[1]": "dropped"},
    ),
    "two calls with one id": (
        "user: a\nassistant: ?1 | ?1\nuser: =1 one | =1 two",
        "user: a\nassistant: ?1 | ?1\nuser: =1 one | =1 two",
        {},
    ),
    "names survive a turn of one participant": (
        "user[ada]: a\nuser[ada]: b",
        "user[ada]: a | b",
        {},
    ),
    "names of several participants do not": (
        "user[ada]: a\nuser: b",
        "user: a | b",
        {"messages[0].name": "dropped"},
    ),
    "a result has no name to lose": (
        "user: a\nassistant: ?1\nuser: =1 one\nuser[ada]: b",
        "user: a\nassistant: ?1\nuser[ada]: =1 one | b",
        {},
    ),
    "nothing but system": ("system: a", "system: a", {}),
}


@pytest.mark.parametrize(("before", "after", "lost"), CASES.values(), ids=CASES)
def test_settled(before: str, after: str, lost: dict[str, str]) -> None:
    losses = Losses()
    assert told(settled(transcript(before), losses)) == after
    assert {loss.path: loss.grade for loss in losses.found} == lost


def test_the_images_of_a_result_without_its_call_are_kept() -> None:
    image = Image(url="https://example.com/cat.png")
    result = Result(id="1", parts=(Text(text="a cat"), image), error=True)
    (turn,) = settled([Message(role="user", blocks=(result,))], Losses())
    assert turn.blocks == (Text(text="[error of the tool call 1]\na cat"), image)


def test_the_breakpoint_of_an_empty_text_moves_to_the_block_before_it() -> None:
    (turn,) = settled([Message(role="user", blocks=(Text(text="a"), Text(text=" ", cache="1h")))], Losses())
    assert turn.blocks == (Text(text="a", cache="1h"),)


def test_a_name_stands_where_its_message_stands_not_where_the_results_before_it_do() -> None:
    call = Message(role="assistant", blocks=(Call(id="a", name="f", arguments="", at="m[0].c[0]"),), at="m[0]")
    result = Message(role="user", blocks=(Result(id="a", at="m[1]"),), at="m[1]")
    said = Message(role="user", blocks=(Text(text="so"),), name="ada", at="m[2]")
    turn = settled([call, result, said], Losses())[1]
    assert (turn.name, turn.at, [block.at for block in turn.blocks]) == ("ada", "m[2]", ["m[1]", ""])


def test_a_thought_of_nothing_but_a_signature_is_not_empty() -> None:
    blocks = (Thinking(signature="EqQB"), Thinking(sealed="AAAA"))
    (turn,) = settled([Message(role="assistant", blocks=(*blocks, Thinking()))], Losses())
    assert turn.blocks == blocks


IDS = st.sampled_from("12")
SAID = st.builds(Text, text=st.sampled_from(["", " ", "a", "b"]))
USER = SAID | st.builds(Result, id=IDS, parts=st.just((Text(text="x"),)))
ASSISTANT = SAID | st.builds(Call, id=IDS, name=st.just("tool"), arguments=st.just(""))
NAMES = st.sampled_from([None, "ada", "bob"])
MESSAGES = st.lists(
    st.builds(Message, role=st.just("user"), blocks=st.lists(USER, max_size=3).map(tuple), name=NAMES)
    | st.builds(Message, role=st.just("assistant"), blocks=st.lists(ASSISTANT, max_size=3).map(tuple))
    | st.builds(Message, role=st.just("system"), blocks=st.lists(SAID, max_size=2).map(tuple)),
    max_size=9,
)


@given(MESSAGES)
def test_settling_twice_changes_nothing_more(messages: list[Message]) -> None:
    once = settled(messages, Losses())
    losses = Losses()
    assert settled(once, losses) == once
    assert losses.found == []


@given(MESSAGES)
def test_every_settled_conversation_is_in_normal_form(messages: list[Message]) -> None:
    found = settled(messages, Losses())
    start = next((place for place, one in enumerate(found) if one.role != "system"), len(found))
    rest = found[start:]
    for before, one in zip((None, *rest), rest, strict=False):
        assert one.blocks
        assert one.role == "system" or before is None or before.role != one.role
        results = [block.id for block in one.blocks if isinstance(block, Result)]
        calls = [block.id for block in before.blocks if isinstance(block, Call)] if before else []
        assert results == calls
        assert all(isinstance(block, Result) for block in one.blocks[: len(results)])


@given(MESSAGES)
def test_nothing_that_was_said_gets_lost(messages: list[Message]) -> None:
    def texts(those: list[Message] | tuple[Message, ...]) -> list[str]:
        return sorted(
            block.text for one in those for block in one.blocks if isinstance(block, Text) and block.text in "ab"
        )

    kept = [replaced(one) for one in messages]
    assert texts(settled(kept, Losses())) == texts(kept)


def replaced(message: Message) -> Message:
    blocks = tuple(block for block in message.blocks if not (isinstance(block, Text) and not block.text.strip()))
    return Message(role=message.role, blocks=blocks, name=message.name)
