"""Counting the input of a conversation: by the upstream, in whichever API it counts, else by us, and marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.dialects.oracles import request_flaws
from tests.end_to_end.responses.house import ADA, House, by, good, refused, written
from tests.end_to_end.translation.turns import PATH
from tests.support.http import Answer, post
from tests.support.script import as_json

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

    Json = dict[str, Any]

COUNT, INPUT = "/v1/messages/count_tokens", "/v1/responses/input_tokens"
LONG = "word " * 400
TOOL: Json = {"name": "read_file", "description": "Read"}
BODIES: dict[str, Json] = {
    COUNT: {
        "system": "Be brief",
        "messages": [{"role": "user", "content": LONG}],
        "tools": [{**TOOL, "input_schema": PATH}],
        "thinking": {"type": "disabled"},
    },
    INPUT: {
        "instructions": "Be brief",
        "input": LONG,
        "tools": [{**TOOL, "type": "function", "parameters": PATH, "strict": False}],
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": True,
    },
}
CLIENTS = pytest.mark.parametrize("path", [COUNT, INPUT], ids=["count_tokens", "input_tokens"])


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    models = "  new-*: native/new-*\n  either: {targets: [openai/gpt-5.5, anthropic/claude-sonnet-5]}"
    return start(written(_openai, _anthropic, models=models))


def count(house: House, path: str, model: str, **fields: Any) -> Answer:
    return post(house.turnout.url, path, {"model": model, **BODIES[path], **fields}, by(ADA))


def told(path: str, tokens: int) -> Json:
    """Return a count as clients of `path` get it."""
    head = {"object": "response.input_tokens"} if path == INPUT else {}
    return {**head, "input_tokens": tokens}


@CLIENTS
@pytest.mark.parametrize(("model", "asked"), [("claude", COUNT), ("native", INPUT)])
def test_an_upstream_that_can_count_does_whichever_api_it_counts_in(
    house: House, path: str, model: str, asked: str
) -> None:
    upstream = house.upstream(model)
    upstream.script(as_json(told(asked, 4711)))
    answer = good(count(house, path, model))
    assert answer.json == told(path, 4711)
    assert answer.header("x-turnout-estimate") is None
    seen = upstream.last
    assert seen.target == asked
    assert request_flaws("count_tokens" if asked == COUNT else "input_tokens", seen.json) == []
    assert (b"Be brief" in seen.body, LONG.encode() in seen.body, b"read_file" in seen.body) == (True, True, True)


@CLIENTS
def test_one_that_only_speaks_chat_is_not_asked_and_the_number_is_marked_as_ours(house: House, path: str) -> None:
    answer = good(count(house, path, "gpt"))
    assert answer.json.keys() == told(path, 0).keys()
    assert 500 < answer.json["input_tokens"] < 1000
    assert str(answer.header("x-turnout-estimate")).startswith("estimate;")
    assert house.openai.requests == []


@CLIENTS
def test_a_server_without_the_endpoint_is_asked_once(house: House, path: str) -> None:
    house.openai.answer = lambda _: as_json({"error": {"message": "Not Found", "type": "x"}}, 404)
    model = f"new-{path.rpartition('/')[2]}"
    for _ in range(3):
        answer = good(count(house, path, model))
        assert answer.json["input_tokens"] > 500
        assert answer.header("x-turnout-estimate")
    assert len(house.openai.requests) == 1


@CLIENTS
def test_a_model_that_is_not_there_is_no_missing_endpoint(house: House, path: str) -> None:
    missing = {"error": {"message": "The model `gpt-5.5` does not exist", "code": "model_not_found", "type": "x"}}
    house.openai.script(as_json(missing, 404))
    answer = count(house, path, "native")
    assert answer.status == 404
    assert "does not exist" in answer.json["error"]["message"]


@CLIENTS
@pytest.mark.parametrize("stream", [False, True])
def test_a_count_is_one_number_whatever_stream_says(house: House, path: str, stream: bool) -> None:
    answer = good(count(house, path, "claude", stream=stream))
    assert answer.header("content-type") == "application/json"
    assert answer.json["input_tokens"] > 0


def test_what_is_kept_of_the_conversation_counts_too(house: House) -> None:
    first = good(house.ask("claude", LONG)).json["id"]
    good(count(house, INPUT, "claude", previous_response_id=first, input="And?"))
    assert house.anthropic.last.target == COUNT
    assert LONG.encode() in house.anthropic.last.body
    estimated = good(count(house, INPUT, "gpt", previous_response_id=first, input="And?"))
    assert estimated.json["input_tokens"] > 500
    refused(count(house, INPUT, "claude", previous_response_id="resp_x"), 400, "previous_response_not_found")


@pytest.mark.parametrize("model", ["claude", "gpt", "native"])
def test_an_input_is_not_demanded(house: House, model: str) -> None:
    """openai 3.54: input_token_count_params.py demands nothing."""
    house.openai.answer = lambda _: as_json(told(INPUT, 7))
    answer = good(post(house.turnout.url, INPUT, {"model": model, "instructions": "Be brief"}, by(ADA)))
    assert answer.json["input_tokens"] > 0
    for seen in house.anthropic.requests:
        assert request_flaws("count_tokens", seen.json) == []


def test_images_are_counted_as_what_they_are(house: House) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64," + "iVBORw0KGgo" * 9000, "detail": "auto"}
    answer = good(count(house, INPUT, "gpt", input=[{"role": "user", "content": [image]}]))
    assert answer.json["input_tokens"] < 3000, "not as the text of its encoding"
