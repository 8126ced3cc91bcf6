"""What is remembered of reasoning: for whom, how long, how much."""

from __future__ import annotations

import pytest

from engine.chat import Image, Message, Request, Text, Thinking
from engine.dialects.translate import Remembered
from engine.serve.recall import KEPT_FOR, OVERHEAD, Recall, topic_of

TOPIC = b"one conversation"


def thought(text: str = "Hm.", signature: str = "EqQB") -> Remembered:
    block = Thinking(text=text, signature=signature, model="anthropic/claude-sonnet-5")
    return Remembered(block, after_text=False, calls=0)


def test_it_is_found_by_every_call_it_led_to() -> None:
    recall = Recall()
    recall.keep("ada", TOPIC, ["toolu_1", "toolu_2"], [thought()], 0.0)
    assert recall.find("ada", TOPIC, "toolu_1", 1.0) == recall.find("ada", TOPIC, "toolu_2", 1.0) == (thought(),)


@pytest.mark.parametrize(
    ("key", "topic", "call"),
    [("eve", TOPIC, "toolu_1"), ("ada", b"another", "toolu_1"), ("ada", TOPIC, "toolu_2"), ("ada", b"", "toolu_1")],
)
def test_nobody_else_is_given_it(key: str, topic: bytes, call: str) -> None:
    recall = Recall()
    recall.keep("ada", TOPIC, ["toolu_1"], [thought()], 0.0)
    assert recall.find(key, topic, call, 1.0) == ()


def test_it_expires() -> None:
    recall = Recall()
    recall.keep("ada", TOPIC, ["toolu_1"], [thought()], 0.0)
    assert recall.find("ada", TOPIC, "toolu_1", KEPT_FOR) == (thought(),)
    assert recall.find("ada", TOPIC, "toolu_1", KEPT_FOR + 1) == ()


def test_what_has_expired_makes_room_when_something_new_comes() -> None:
    recall = Recall()
    recall.keep("ada", TOPIC, ["toolu_1"], [thought()], 0.0)
    recall.keep("ada", TOPIC, ["toolu_2"], [thought()], KEPT_FOR + 1)
    assert recall.find("ada", TOPIC, "toolu_1", 0.0) == ()
    assert recall.find("ada", TOPIC, "toolu_2", KEPT_FOR + 1) == (thought(),)


def test_the_oldest_gives_way() -> None:
    one = OVERHEAD + len("Hm.") + len("EqQB")
    recall = Recall(most=3 * one)
    for number in range(5):
        recall.keep("ada", TOPIC, [f"toolu_{number}"], [thought()], float(number))
    kept = [bool(recall.find("ada", TOPIC, f"toolu_{number}", 5.0)) for number in range(5)]
    assert kept == [False, False, True, True, True]


def test_what_is_kept_anew_counts_once_and_is_young_again() -> None:
    one = OVERHEAD + len("Hm.") + len("EqQB")
    recall = Recall(most=2 * one)
    for call in ("toolu_1", "toolu_2", "toolu_1", "toolu_1", "toolu_3"):
        recall.keep("ada", TOPIC, [call], [thought()], 0.0)
    kept = {call for call in ("toolu_1", "toolu_2", "toolu_3") if recall.find("ada", TOPIC, call, 1.0)}
    assert kept == {"toolu_1", "toolu_3"}


def test_a_thought_larger_than_all_the_room_is_not_kept_and_keeps_nothing_out() -> None:
    recall = Recall(most=2000)
    recall.keep("ada", TOPIC, ["toolu_1"], [thought("x" * 5000)], 0.0)
    recall.keep("ada", TOPIC, ["toolu_2"], [thought()], 0.0)
    assert recall.find("ada", TOPIC, "toolu_1", 1.0) == ()
    assert recall.find("ada", TOPIC, "toolu_2", 1.0) == (thought(),)


@pytest.mark.parametrize("calls", [[], [""]])
def test_without_a_call_there_is_nothing_to_find_it_by(calls: list[str]) -> None:
    recall = Recall()
    recall.keep("ada", TOPIC, calls, [thought()], 0.0)
    assert recall.find("ada", TOPIC, "", 1.0) == ()


def test_an_answer_without_reasoning_leaves_what_is_kept() -> None:
    recall = Recall()
    recall.keep("ada", TOPIC, ["toolu_1"], [thought()], 0.0)
    recall.keep("ada", TOPIC, ["toolu_1"], [], 1.0)
    assert recall.find("ada", TOPIC, "toolu_1", 2.0) == (thought(),)


# what a conversation is known by -------------------------------------------------------------------------------------


def asked(*messages: Message) -> bytes:
    return topic_of(Request(model="m", messages=messages))


def said(text: str, **more: str) -> Message:
    return Message(role="user", blocks=(Text(text=text, **more),))


SYSTEM = Message(role="system", blocks=(Text(text="Be brief"),))
ANSWER = Message(role="assistant", blocks=(Text(text="Yes"),))


def test_a_conversation_stays_itself_as_it_grows() -> None:
    assert asked(said("Hi")) == asked(SYSTEM, said("Hi"), ANSWER, said("Go on"))


def test_where_a_text_stands_and_what_is_cached_makes_no_difference() -> None:
    assert asked(said("Hi", at="messages[0].content")) == asked(said("Hi", at="messages[1].content[0]", cache="5m"))


def test_another_first_word_is_another_conversation() -> None:
    image = Message(role="user", blocks=(Text(text="Hi"), Image(media_type="image/png", data="AA==")))
    topics = [asked(said("Hi")), asked(said("Ho")), asked(image), asked(ANSWER, said("Ha")), asked(ANSWER)]
    assert len(set(topics)) == len(topics)
