"""What is long costs what it is long: at these sizes anything that looks back at all that came would not end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.chat import Argued, Call, Called, Choice, Ended, Finished, Message, Request, Result, Text, Thinking, Tool
from engine.dialects import CODECS
from engine.dialects.chat.read_stream import ChatDecoder
from engine.dialects.codec import Asked, Losses
from engine.dialects.messages.read_stream import MessagesDecoder
from engine.dialects.messages.write_stream import MessagesEncoder
from engine.dialects.messages.write_turns import legal
from engine.dialects.offer import offered
from engine.dialects.translate import only_of
from engine.dialects.turns import settled

if TYPE_CHECKING:
    from engine.chat import Event
    from engine.chat.request import Role

MANY = 100_000


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode() + b"\n\n"


def fragment(arguments: str, index: int = 0, name: str | None = "f", id_: str | None = "c") -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "id": id_, "function": {"name": name, "arguments": arguments}}]}


DONE = [chunk({}, "tool_calls"), b"data: [DONE]\n\n"]


def read(decoder: ChatDecoder | MessagesDecoder, pieces: list[bytes]) -> list[Event]:
    events = [event for piece in pieces for event in decoder.feed(piece)]
    assert decoder.failure is None
    assert decoder.ended
    return events


def argued(events: list[Event], index: int = 0) -> str:
    return "".join(event.arguments for event in events if isinstance(event, Argued) and event.index == index)


def test_a_name_on_every_fragment() -> None:
    pieces = [chunk(fragment('{"a":[{}')), *[chunk(fragment(",{},{}"))] * MANY, chunk(fragment("]}"))]
    events = read(ChatDecoder(), [*pieces, *DONE])
    assert len([event for event in events if isinstance(event, Called)]) == 1
    assert json.loads(argued(events)) == {"a": [{}] * (2 * MANY + 1)}


def test_text_between_the_fragments_of_a_call() -> None:
    pieces = [chunk(fragment('{"a":[')), *[chunk(fragment("{},", name=None)), chunk({"content": "t"})] * MANY]
    events = read(ChatDecoder(), [*pieces, chunk(fragment("{}]}")), *DONE])
    assert json.loads(argued(events)) == {"a": [{}] * (MANY + 1)}
    assert events.index(Ended(0)) > MANY


@pytest.mark.parametrize("arguments", ["{}", '{"a":1}'])
def test_many_calls(arguments: str) -> None:
    pieces = [chunk(fragment(arguments, index, id_=f"c{index}")) for index in range(MANY // 2)]
    events = read(ChatDecoder(), [*pieces, *DONE])
    assert [event.index for event in events if isinstance(event, Ended)] == list(range(MANY // 2))


def test_many_calls_in_one_piece() -> None:
    fragments = [fragment('{"a":1}', index, id_=f"c{index}")["tool_calls"][0] for index in range(MANY // 2)]
    events = read(ChatDecoder(), [chunk({"tool_calls": fragments}), *DONE])
    assert len([event for event in events if isinstance(event, Called)]) == MANY // 2


def test_many_blocks_that_never_end() -> None:
    def event(**value: Any) -> bytes:
        return b"data: " + json.dumps(value).encode() + b"\n\n"

    tool = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    pieces = [event(type="content_block_start", index=index, content_block=tool) for index in range(MANY)]
    events = read(MessagesDecoder(), [*pieces, event(type="message_stop")])
    assert len([one for one in events if isinstance(one, Ended)]) == MANY


@pytest.mark.parametrize("opening", ['"', "[", " "])
def test_arguments_that_wait_until_they_are_whole(opening: str) -> None:
    encoder = MessagesEncoder(Asked(model="asked", id="x", created=0, source="up/model"))
    encoder.feed([Called(0, "c", "f"), Argued(0, opening)])
    piece = "     " if opening == " " else "xxxxx"
    for _ in range(4 * MANY):
        assert encoder.feed([Argued(0, piece)]) == b""
    said = encoder.feed([Ended(0), Finished()])
    assert (b"xxxxx" * MANY in said) == (opening != " ")


def test_many_results_and_turns_in_a_row() -> None:
    def turns(id_: str) -> list[Message]:
        calls = tuple(Call(id=id_ and f"{id_}{number}", name="f", arguments="{}") for number in range(MANY))
        results = [Result(id=call.id, parts=(Text(text="r"),)) for call in calls]
        return [Message(role="assistant", blocks=calls), *(Message(role="user", blocks=(one,)) for one in results)]

    for id_ in ("", "c"):
        losses = Losses()
        assistant, user = settled(turns(id_), losses)
        assert [block.id for block in assistant.blocks if isinstance(block, Call)] == [
            block.id for block in user.blocks if isinstance(block, Result)
        ]
        assert losses.found == []


def test_much_reasoning_of_another_model() -> None:
    thoughts = tuple(Thinking(text=f"{number}", model="up/other") for number in range(MANY))
    request = Request(model="m", messages=(Message(role="assistant", blocks=(*thoughts, Text(text="a"))),))
    assert only_of(request, "up/model", CODECS["chat"]).messages[0].blocks == (Text(text="a"),)


def test_many_tools_that_are_allowed() -> None:
    tools = [Tool(name=f"f{number}") for number in range(MANY)]
    choice = Choice(mode="auto", allowed=tuple(tool.name for tool in reversed(tools)))
    assert offered(tools, choice, Losses()) == tools


def test_many_system_messages() -> None:
    assert legal(["user", "system", "assistant"] * MANY) == frozenset(range(1, 3 * MANY, 3))
    many: list[Role] = ["system"] * MANY
    assert legal(["user", *many]) == frozenset(range(1, MANY + 1))
    assert legal(["user", *many, "user"]) == frozenset()
