"""What is remembered of reasoning: for whom, how long, how much."""

from __future__ import annotations

import pytest

from engine.chat import Call, Image, Message, Request, Result, Text, Thinking
from engine.dialects.thoughts import Remembered, marked, recalled
from engine.serve.recall import KEPT_FOR, OVERHEAD, Recall, topic_of

TOPIC = b"one conversation"
ONE = OVERHEAD + len("Hm.") + len("EqQB")


def thought(text: str = "Hm.", signature: str = "EqQB") -> Remembered:
    block = Thinking(text=text, signature=signature, model="anthropic/claude-sonnet-5")
    return Remembered(block, after_text=False, calls=0)


def place(topic: bytes = TOPIC, mark: bytes = b"one turn", before: int = 0) -> tuple[bytes, bytes, int]:
    return topic, mark, before


def test_it_is_found_where_it_was_put() -> None:
    recall = Recall()
    recall.keep("ada", place(), [thought()], 0.0)
    assert recall.find("ada", place(), 1.0) == (thought(),)


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("eve", place()),
        ("ada", place(topic=b"another")),
        ("ada", place(topic=b"")),
        ("ada", place(mark=b"other calls")),
        ("ada", place(before=1)),
    ],
)
def test_nobody_else_is_given_it(key: str, where: tuple[bytes, bytes, int]) -> None:
    recall = Recall()
    recall.keep("ada", place(), [thought()], 0.0)
    assert recall.find(key, where, 1.0) == ()


def test_it_expires() -> None:
    recall = Recall()
    recall.keep("ada", place(), [thought()], 0.0)
    assert recall.find("ada", place(), KEPT_FOR) == (thought(),)
    assert recall.find("ada", place(), KEPT_FOR + 1) == ()


def test_what_has_expired_makes_room_when_something_new_comes() -> None:
    recall = Recall()
    recall.keep("ada", place(before=1), [thought()], 0.0)
    recall.keep("ada", place(before=2), [thought()], KEPT_FOR + 1)
    assert recall.find("ada", place(before=1), 0.0) == ()
    assert recall.find("ada", place(before=2), KEPT_FOR + 1) == (thought(),)


def test_the_oldest_gives_way() -> None:
    recall = Recall(most=3 * ONE)
    for number in range(5):
        recall.keep("ada", place(before=number), [thought()], float(number))
    kept = [bool(recall.find("ada", place(before=number), 5.0)) for number in range(5)]
    assert kept == [False, False, True, True, True]


def test_who_keeps_most_gives_way_to_the_others() -> None:
    recall = Recall(most=10 * ONE)
    recall.keep("ada", place(), [thought()], 0.0)
    for number in range(50):
        recall.keep("eve", place(before=number), [thought()], float(number))
    assert recall.find("ada", place(), 51.0) == (thought(),)


def test_what_is_kept_anew_counts_once_and_is_young_again() -> None:
    recall = Recall(most=2 * ONE)
    for number in (1, 2, 1, 1, 3):
        recall.keep("ada", place(before=number), [thought()], 0.0)
    kept = {number for number in (1, 2, 3) if recall.find("ada", place(before=number), 1.0)}
    assert kept == {1, 3}


def test_bytes_count_not_characters() -> None:
    recall = Recall(most=2 * OVERHEAD + 2 * 400)
    for number in range(3):
        recall.keep("ada", place(before=number), [thought("\N{BRAIN}" * 100)], 0.0)
    assert [bool(recall.find("ada", place(before=number), 1.0)) for number in range(3)] == [False, False, True]


def test_a_thought_larger_than_all_the_room_is_not_kept_and_keeps_nothing_out() -> None:
    recall = Recall(most=2000)
    recall.keep("ada", place(before=1), [thought("x" * 5000)], 0.0)
    recall.keep("ada", place(before=2), [thought()], 0.0)
    assert recall.find("ada", place(before=1), 1.0) == ()
    assert recall.find("ada", place(before=2), 1.0) == (thought(),)


def test_an_answer_without_reasoning_leaves_what_is_kept() -> None:
    recall = Recall()
    recall.keep("ada", place(), [thought()], 0.0)
    recall.keep("ada", place(), [], 1.0)
    assert recall.find("ada", place(), 2.0) == (thought(),)


# what a turn is known by ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    ['{"a":1,"b":[2.5]}', '{ "b": [2.5], "a": 1.0 }', '{"b":[2.5],\n"a":1}'],
    ids=["same", "order", "spaces"],
)
def test_calls_are_known_however_their_arguments_are_written(arguments: str) -> None:
    assert marked([("call_0", "f", arguments)]) == marked([("call_0", "f", '{"a":1,"b":[2.5]}')])


def test_other_calls_are_others() -> None:
    calls = [("call_0", "f", "{}"), ("call_1", "f", "{}"), ("call_0", "g", "{}"), ("call_0", "f", '{"a":1}')]
    assert len({marked([call]) for call in calls}) == len(calls)


def test_calls_that_are_all_alike_are_told_apart_by_their_order() -> None:
    call = Message(role="assistant", blocks=(Call(id="call_0", name="poll", arguments=""),))
    result = Message(role="user", blocks=(Result(id="call_0"),))
    request = Request(model="m", messages=(said("Hi"), call, result, call, result))
    thoughts = {0: [thought("first")], 1: [thought("second")]}
    filled = recalled(request, lambda _, before: thoughts[before])
    found = [block.text for message in filled.messages for block in message.blocks if isinstance(block, Thinking)]
    assert found == ["first", "second"]


# what a conversation is known by -------------------------------------------------------------------------------------


def asked(*messages: Message) -> bytes:
    return topic_of(Request(model="m", messages=messages))


def said(text: str, **more: str) -> Message:
    return Message(role="user", blocks=(Text(text=text, **more),))


SYSTEM = Message(role="system", blocks=(Text(text="Be brief"),))
ANSWER = Message(role="assistant", blocks=(Text(text="Yes"),))


def test_a_conversation_stays_itself_as_it_grows() -> None:
    assert asked(SYSTEM, said("Hi")) == asked(SYSTEM, said("Hi"), ANSWER, SYSTEM, said("Go on"))


def test_the_same_words_to_another_system_prompt_are_another_conversation() -> None:
    assert asked(SYSTEM, said("Hi")) != asked(said("Hi"))


def test_where_a_text_stands_and_what_is_cached_makes_no_difference() -> None:
    assert asked(said("Hi", at="messages[0].content")) == asked(said("Hi", at="messages[1].content[0]", cache="5m"))


def test_another_first_word_is_another_conversation() -> None:
    image = Message(role="user", blocks=(Text(text="Hi"), Image(media_type="image/png", data="AA==")))
    topics = [asked(said("Hi")), asked(said("Ho")), asked(image), asked(SYSTEM, said("Ha"))]
    assert len(set(topics)) == len(topics)
