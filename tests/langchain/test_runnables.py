"""Runnables that are no models, and embeddings."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.apis import CHAT
from tests.support.http import post

if TYPE_CHECKING:
    from tests.langchain.conftest import Beside
    from tests.support.turnout import Turnout

NAMES = ("asker", "chain", "text_chain", "conversation", "spare", "bound", "function", "said")
FILE = (
    "upstreams:\n"
    + "".join(f"  {name}: {{kind: langchain, object: my_team.runnables:{name}}}\n" for name in NAMES)
    + """\
  class: {kind: langchain, embeddings: my_team.models.Vectors, options: {scale: 3}}
  object: {kind: langchain, embeddings: "my_team.models:vectors"}
models:
  embed: class/vectors
  embed-2: object/vectors
"""
    + "".join(f"  {name}: {name}/x\n" for name in NAMES)
)
SAID = {
    "chain": "polly in a plain voice at None: Say Hello.",
    "text_chain": "polly in a plain voice at None: Say Hello.",
    "spare": "polly in a plain voice at None: Hello",
    "function": '{"turns":1,"last":"Hello"}',
    "said": "heard 1",
}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]


@pytest.fixture(scope="module")
def turnout(beside: Beside) -> Turnout:
    return beside(FILE)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("name", SAID)
def test_any_runnable_answers(turnout: Turnout, name: str, stream: bool) -> None:
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("Hello"), "model": name, "stream": stream})
    assert answer.status == 200, answer.body
    assert (CHAT.text(answer.body) if stream else CHAT.said(answer.json)).strip() == SAID[name]


def test_who_asks_is_told_beside_the_conversation(turnout: Turnout) -> None:
    body = {**CHAT.conversation("Hello"), "model": "asker", "safety_identifier": "ada", "prompt_cache_key": "talk-1"}
    told = json.loads(CHAT.said(post(turnout.url, CHAT.path, body).json))
    assert told == {"turnout_model": "x", "turnout_session": "talk-1", "turnout_user": "ada"}


@pytest.mark.parametrize("name", ["conversation", "bound"])
def test_a_model_with_things_around_it_is_asked_as_the_model_is(turnout: Turnout, name: str) -> None:
    body = {**CHAT.conversation("see"), "model": name, "max_tokens": 9, "tools": TOOLS, "tool_choice": "required"}
    told: dict[str, Any] = json.loads(CHAT.said(post(turnout.url, CHAT.path, body).json))
    assert told["max_tokens"] == 9
    assert told["given"]["tools"] == TOOLS
    assert told["given"]["tool_choice"] == "any"
    assert [one["type"] for one in told["messages"]] == (["human"] if name == "bound" else ["system", "human"])


@pytest.mark.parametrize("name", ["text_chain", "function"])
def test_code_that_makes_its_own_answer_takes_no_tools(turnout: Turnout, name: str) -> None:
    answer = post(turnout.url, CHAT.path, {**CHAT.conversation("Hello"), "model": name, "tools": TOOLS})
    assert (answer.status, CHAT.error(answer)["param"]) == (400, "tools")


@pytest.mark.parametrize(("model", "scale"), [("embed", 3.0), ("embed-2", 2.0)])
def test_embeddings(turnout: Turnout, model: str, scale: float) -> None:
    answer = post(turnout.url, "/v1/embeddings", {"model": model, "input": ["house", "a"]})
    assert answer.status == 200, answer.body
    assert [one["embedding"] for one in answer.json["data"]] == [[5 * scale, 3.0], [scale, 1.0]]
    assert answer.json["usage"]["prompt_tokens"] > 0
    packed = post(turnout.url, "/v1/embeddings", {"model": model, "input": "house", "encoding_format": "base64"})
    assert struct.unpack("<2f", base64.b64decode(packed.json["data"][0]["embedding"])) == (5 * scale, 3.0)


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"input": [1, 2]}, "input"), ({"input": []}, "input"), ({"input": "a", "dimensions": 3}, "dimensions")],
    ids=["tokens", "nothing", "dimensions"],
)
def test_what_embeddings_cannot_be_asked(turnout: Turnout, fields: dict[str, Any], param: str) -> None:
    answer = post(turnout.url, "/v1/embeddings", {"model": "embed", **fields})
    assert answer.status == 400
    assert param in CHAT.error(answer)["message"]


def test_embeddings_do_not_talk(turnout: Turnout) -> None:
    assert post(turnout.url, CHAT.path, {**CHAT.conversation("Hello"), "model": "embed"}).status == 501
