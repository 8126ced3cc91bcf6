"""Requests and answers of no sane shape: 200 or an error in the client's form, and never a bug of ours."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.dialects.recorded import EVERY as BODIES
from tests.end_to_end.field.house import call_piece, message_of, tool_use, usage_chunk
from tests.end_to_end.translation.house import CHAT_TO_RESPONSES, MESSAGES_TO_RESPONSES, TO_GPT, WAYS, House, Way
from tests.support.answers import DONE, chat_chunk, data
from tests.support.apis import CHAT, payloads
from tests.support.http import post
from tests.support.items import call_item, message_item, response_of, response_stream
from tests.support.loop import Call
from tests.support.script import as_json, as_stream

if TYPE_CHECKING:
    from tests.support.http import Answer

ROUNDS = 150
JUNK: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**30, "", " ", "x", "{", "null", "ä" * 300, "tool_use", "assistant", "tool"),
    *([], {}, [None], [{}], [[]], {"type": []}, {"type": "text"}, {"type": "image"}, {"type": "tool_result"}),
]


class Breaker:
    """Breaks values by chance; the same seed breaks them the same way."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def broken(self, value: Any, odds: float) -> Any:
        """Return `value` with some of what is in it left out, doubled, or replaced."""
        if self.dice.random() < odds:
            return self.dice.choice(JUNK)
        if isinstance(value, dict):
            return {name: self.broken(one, odds) for name, one in value.items() if self.dice.random() > odds / 2}
        if isinstance(value, list):
            kept = [self.broken(one, odds) for one in value if self.dice.random() > odds / 2]
            return [*kept, *kept[-1:]] if self.dice.random() < odds else kept
        return value


def sound(way: Way, answer: Answer) -> None:
    """Hold what the client got against its API; streams are held against their rules by every test."""
    assert answer.whole
    if answer.status != 200:
        assert "internal" not in way.client.error(answer)["message"]


@WAYS
@pytest.mark.parametrize("seed", range(3))
def test_requests(house: House, way: Way, seed: int) -> None:
    breaker = Breaker(seed)
    recorded = [one for one in BODIES if one.api == way.client.name]
    house.upstream(way).answer = lambda seen: way.server.stream() if seen.json.get("stream") else way.server.whole()
    statuses = set()
    for _ in range(ROUNDS):
        broken = breaker.broken(breaker.dice.choice(recorded).json, breaker.dice.choice([0.003, 0.03]))
        body = {**(broken if isinstance(broken, dict) else {}), "model": way.asked}
        answer = post(house.turnout.url, way.client.path, json.dumps(body).encode())
        sound(way, answer)
        statuses.add(answer.status)
    assert statuses == {200, 400}


CALLS = [
    call_piece(0, '{"pa', id_="call_0", name="read"),
    call_piece(0, 'th": 1}'),
    call_piece(1, "{}", id_="c", name="l"),
]
DELTAS: list[dict[str, Any]] = [
    {"role": "assistant", "content": ""},
    {"reasoning_content": "Hm."},
    {"content": "Hello"},
    *({"tool_calls": [call]} for call in CALLS),
]
BLOCKS = (
    {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
    {"type": "text", "text": "Hello there"},
    tool_use("toolu_1", "read", path="/a"),
    tool_use("toolu_2", "list"),
)


ITEMS = (
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "x"},
    message_item("Hello there"),
    call_item(Call("read", {"path": "/a"})),
    call_item(Call("exec", "ls", "1")),
)
WHOLE = {
    "chat": CHAT.answer("Hello there"),
    "messages": message_of(*BLOCKS, stop="tool_use"),
    "responses": response_of(*ITEMS),
}


@pytest.mark.parametrize("seed", range(3))
def test_streams(house: House, seed: int) -> None:
    breaker = Breaker(seed)
    values = payloads(b"".join([*map(chat_chunk, DELTAS), chat_chunk({}, "tool_calls"), usage_chunk()]))
    for _ in range(ROUNDS):
        broken = [breaker.broken(value, breaker.dice.choice([0.01, 0.1])) for value in values]
        wire = b"".join([*map(data, broken), DONE])
        step = breaker.dice.choice([7, 100, 10_000])
        house.openai.script(as_stream([wire[at : at + step] for at in range(0, len(wire), step)]))
        sound(TO_GPT, house.ask(TO_GPT, stream=breaker.dice.random() < 0.8, thinking={"type": "adaptive"}))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", [CHAT_TO_RESPONSES, MESSAGES_TO_RESPONSES], ids=lambda way: way.name)
def test_streams_of_responses(house: House, way: Way, seed: int) -> None:
    breaker = Breaker(seed)
    values = payloads(b"".join(response_stream(WHOLE["responses"])))
    for _ in range(ROUNDS):
        broken = [breaker.broken(value, breaker.dice.choice([0.003, 0.03])) for value in values]
        wire = b"".join(map(data, broken))
        step = breaker.dice.choice([7, 100, 10_000])
        house.openai.script(as_stream([wire[at : at + step] for at in range(0, len(wire), step)]))
        sound(way, house.ask(way, stream=breaker.dice.random() < 0.8))


@WAYS
@pytest.mark.parametrize("seed", range(3))
def test_answers(house: House, way: Way, seed: int) -> None:
    breaker = Breaker(seed)
    value = WHOLE[way.server.name]
    for _ in range(ROUNDS):
        broken = breaker.broken(value, breaker.dice.choice([0.02, 0.1]))
        house.upstream(way).script(as_json(broken))
        sound(way, house.ask(way, stream=False))
