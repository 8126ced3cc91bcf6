"""Requests of the Responses API that go on from what Turnout or an upstream keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from engine.chat import Problem
from engine.dialects import RESPONSES
from engine.plan.nodes import Room
from engine.plan.pinned import SOMEBODY
from engine.serve.continued import continued, items_of
from engine.serve.stored import Responses, Stored, stored

ROOM = Room(entries=100, bytes=1_000_000, seconds=60.0)
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read", "arguments": "{}"}
HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}


def peek(**fields: Any) -> Any:
    return RESPONSES.peek("responses", json.dumps({"model": "m", **fields}).encode())


def raw(*items: Any) -> tuple[Raw, ...]:
    return tuple(Raw(json.dumps(item).encode()) for item in items)


def kept(*stored: Stored) -> Responses:
    responses = Responses()
    for one in stored:
        responses.keep("ada", one, ROOM, 0.0)
    return responses


def input_of(request: Any) -> Any:
    return json.loads(bytes(request.peek.fields["input"]))


OURS = stored({"id": "resp_1", "output": [CALL]}, None, raw(HELLO))
THEIRS = Stored(id="resp_2", upstream="openai")


@pytest.mark.parametrize("previous", ["resp_1", "resp_2"])
def test_what_somebody_else_got_is_not_found(previous: str) -> None:
    with pytest.raises(Problem) as raised:
        continued(peek(previous_response_id=previous, input="And?"), kept(OURS, THEIRS), "eve", 1.0)
    assert (raised.value.status, raised.value.code) == (400, "previous_response_not_found")


def test_what_turnout_keeps_stands_before_the_new_items() -> None:
    result = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
    request = continued(peek(previous_response_id="resp_1", input=[result]), kept(OURS), "ada", 1.0)
    assert input_of(request) == [HELLO, CALL, result]
    assert "previous_response_id" not in request.peek.fields
    assert (request.previous, request.keeper) == ("resp_1", None)


def test_a_text_goes_on_as_a_message() -> None:
    request = continued(peek(previous_response_id="resp_1", input="And?"), kept(OURS), "ada", 1.0)
    assert input_of(request)[-1] == {**HELLO, "content": [{"type": "input_text", "text": "And?"}]}


@pytest.mark.parametrize(
    ("previous", "caller", "keeper"),
    [("resp_2", "ada", "openai"), ("no", "ada", SOMEBODY), ("no", "eve", SOMEBODY)],
)
def test_what_turnout_does_not_keep_for_this_caller_stays_as_it_was_asked(
    previous: str, caller: str, keeper: str
) -> None:
    asked = peek(previous_response_id=previous, input="And?")
    request = continued(asked, kept(OURS, THEIRS), caller, 1.0)
    assert request.peek is asked
    assert (request.previous, request.keeper) == (previous, keeper)


def test_it_is_forgotten_in_time() -> None:
    asked = peek(previous_response_id="resp_1", input="And?")
    assert continued(asked, kept(OURS), "ada", 61.0).keeper == SOMEBODY


REFERENCES = [{"type": "item_reference", "id": "fc_1"}, {"id": "fc_1"}, {"id": "fc_1", "type": None}]


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_becomes_the_item_that_turnout_keeps(reference: dict[str, Any]) -> None:
    request = continued(peek(input=[HELLO, reference]), kept(OURS), "ada", 1.0)
    assert (input_of(request), request.keeper) == ([HELLO, CALL], None)


def test_what_is_listed_without_an_id_of_its_own_can_be_referred_to() -> None:
    responses = kept(OURS, stored({"id": "resp_9", "output": []}, None, raw(HELLO)))
    idents = [one.input[0].id for ident in ("resp_1", "resp_9") if (one := responses.find("ada", ident, 1.0))]
    assert len(set(idents)) == 2
    request = continued(peek(input=[{"type": "item_reference", "id": idents[0]}]), responses, "ada", 1.0)
    assert input_of(request) == [HELLO]


def test_what_refers_to_an_item_of_an_upstream_stays_with_it() -> None:
    theirs = Stored(id="resp_2", upstream="openai", index={"msg_up": None})
    asked = peek(input=[{"type": "item_reference", "id": "msg_up"}])
    request = continued(asked, kept(theirs), "ada", 1.0)
    assert (request.keeper, request.peek) == ("openai", asked)


@pytest.mark.parametrize(
    "item", [{"type": "item_reference", "id": "msg_strange"}, {"type": "compaction", "encrypted_content": "e"}]
)
def test_what_only_an_upstream_can_read_is_kept_by_somebody_too(item: dict[str, Any]) -> None:
    assert continued(peek(input=[HELLO, item]), kept(OURS), "ada", 1.0).keeper == SOMEBODY


def test_places_are_those_in_the_clients_own_body() -> None:
    request = continued(peek(previous_response_id="resp_1", input=[HELLO]), kept(OURS), "ada", 1.0)
    assert request.placed("input[2].content[0].text") == "input[0].content[0].text"
    assert request.placed("input[1]") == "previous_response_id"
    assert request.placed("tools[1]") == "tools[1]"
    told = request.told(Problem(400, "invalid_request", "`input[2].role` is missing", param="input[2].role"))
    assert (told.param, told.message) == ("input[0].role", "`input[0].role` is missing")


def test_a_reference_to_another_callers_item_stays_one() -> None:
    asked = [HELLO, {"type": "item_reference", "id": "fc_1"}]
    assert input_of(continued(peek(input=asked), kept(OURS), "eve", 1.0)) == asked


@pytest.mark.parametrize(
    "field", [{"conversation": "conv_1"}, {"conversation": {"id": "conv_1"}}, {"prompt": {"id": "p"}}]
)
def test_what_only_an_upstream_knows_is_kept_by_somebody(field: dict[str, Any]) -> None:
    assert continued(peek(input="Hi", **field), kept(), "ada", 1.0).keeper == SOMEBODY


@pytest.mark.parametrize("field", [{}, {"previous_response_id": None}, {"conversation": None}])
def test_a_request_that_says_everything_is_left_alone(field: dict[str, Any]) -> None:
    asked = peek(input="Hi", **field)
    request = continued(asked, kept(OURS), "ada", 1.0)
    assert request.peek is asked
    assert (request.previous, request.keeper) == (None, None)


@pytest.mark.parametrize(("given", "count"), [("Hi", 1), ([], 0), ([HELLO, CALL], 2), (None, 0)])
def test_the_items_of_an_input(given: Any, count: int) -> None:
    assert len(items_of(peek(input=given))) == count


def test_broken_escapes_are_said() -> None:
    with pytest.raises(Problem, match="not valid JSON"):
        items_of(RESPONSES.peek("responses", b'{"model": "m", "input": "\\ud800"}'))
