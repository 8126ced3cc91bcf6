"""Cursor sends requests of the Responses API to the endpoint of chat completions, and reads chat chunks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dialects.oracles import answer_flaws, request_flaws
from tests.dialects.rules import broken
from tests.end_to_end.field.calling import PATHS, calling, offered
from tests.end_to_end.field.house import JSON_OR_STREAM, House, file, good, lost
from tests.support.apis import CHAT, RESPONSES, payloads
from tests.support.http import Answer, post

if TYPE_CHECKING:
    from tests.conftest import Start
    from tests.support.turnout import Turnout
    from tests.support.upstream import Upstream

CAPTURED = json.loads((Path(__file__).parents[2] / "data/profiles/cursor/responses.json").read_text())
PATCH = "*** Begin Patch\n*** Add File: a\n+1\n*** End Patch"
SERVED = pytest.mark.parametrize("model", ["only-chat", "smart-claude", "only-responses", "smart-chat"])
"""Names that lead to an upstream of chat, of messages, of responses, and of both of OpenAI's."""


@pytest.fixture(scope="module")
def turnout(start: Start, _openai: Upstream, _anthropic: Upstream) -> Turnout:
    upstreams = "".join(
        f'  {api}: {{kind: openai, base_url: "{_openai.url}/v1", apis: [{api}]}}\n' for api in ("chat", "responses")
    )
    models = "  only-chat: chat/gpt-5.5\n  only-responses: responses/gpt-5.5"
    return start(file(_openai, _anthropic, upstreams=upstreams, models=models))


def ask(house: House, model: str, *, stream: bool, **fields: Any) -> Answer:
    body = {**CAPTURED["body"], "model": model, "stream": stream, **fields}
    if not stream:
        body.pop("stream_options", None)
    headers = {name: value for name, value in CAPTURED["headers"].items() if name not in ("host", "accept-encoding")}
    return post(house.turnout.url, CAPTURED["target"], body, headers)


def upstream(house: House, model: str) -> Upstream:
    return house.anthropic if model == "smart-claude" else house.openai


def heard(answer: Answer) -> tuple[str, list[Any]]:
    """Return what a client of chat completions makes of an answer: its text, and its calls by their index."""
    if not answer.body.startswith(b"data:"):
        assert answer_flaws("chat", answer.json) == []
        message = answer.json["choices"][0]["message"]
        return message["content"] or "", message.get("tool_calls") or []
    calls: dict[int, Any] = {}
    for choice in (choice for value in payloads(answer.body) for choice in value["choices"]):
        for piece in choice["delta"].get("tool_calls") or ():
            call = calls.setdefault(piece["index"], {"id": piece.get("id"), "type": piece.get("type"), "said": ""})
            inner = piece.get("function") or piece.get("custom") or {}
            call["name"] = call.get("name") or inner.get("name")
            call["said"] += inner.get("arguments") or inner.get("input") or ""
    return CHAT.text(answer.body), list(calls.values())


@SERVED
@JSON_OR_STREAM
def test_49_a_body_of_the_other_api_is_answered_in_the_form_of_its_endpoint(
    house: House, model: str, stream: bool
) -> None:
    """Flat tools and `input` on /chat/completions were refused, or answered with events that Cursor cannot read.

    https://github.com/BerriAI/litellm/pull/34029 and https://github.com/gabrii/Cursor-Azure-GPT-5/issues/69
    """
    answer = good(ask(house, model, stream=stream))
    assert heard(answer)[0] == "Hello there"
    seen = upstream(house, model).last
    api = PATHS[seen.path].name
    assert request_flaws(api, seen.json) + broken(api, seen.json) == []
    assert set(offered(seen.json)) == {"Shell", "ApplyPatch"}
    assert b"lorem ipsum" in seen.body
    if stream:
        assert payloads(answer.body)[-1]["usage"]["total_tokens"] == 18 + 3 * (model == "smart-claude")


@SERVED
@JSON_OR_STREAM
def test_49_its_tools_of_both_sorts_are_called(house: House, model: str, stream: bool) -> None:
    """Function tools in the flat form, and a free-text tool with a grammar: their calls did not come back.

    https://github.com/BerriAI/litellm/pull/34029
    """
    upstream(house, model).script(calling("Shell", {"command": "ls"}), calling("ApplyPatch", PATCH))
    shell, patch = (heard(good(ask(house, model, stream=stream)))[1][0] for _ in range(2))
    if stream:
        assert (shell["type"], shell["name"], json.loads(shell["said"])) == ("function", "Shell", {"command": "ls"})
        assert (patch["type"], patch["name"], patch["said"]) == ("custom", "ApplyPatch", PATCH)
    else:
        assert (shell["function"]["name"], json.loads(shell["function"]["arguments"])) == ("Shell", {"command": "ls"})
        assert patch["custom"] == {"name": "ApplyPatch", "input": PATCH}


@SERVED
@JSON_OR_STREAM
def test_49_the_loop_goes_on(house: House, model: str, stream: bool) -> None:
    """The results come back as items of the Responses API.

    https://github.com/gabrii/Cursor-Azure-GPT-5/issues/69
    """
    items = [
        *CAPTURED["body"]["input"],
        {"type": "function_call", "call_id": "call_1", "name": "Shell", "arguments": '{"command": "ls"}'},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "ApplyPatch", "input": PATCH},
        {"type": "function_call_output", "call_id": "call_1", "output": "a  b"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "Done!"},
    ]
    answer = good(ask(house, model, stream=stream, input=items))
    seen = upstream(house, model).last
    api = PATHS[seen.path].name
    assert request_flaws(api, seen.json) + broken(api, seen.json) == []
    assert (b"a  b" in seen.body, b"Done!" in seen.body) == (True, True)
    assert lost(answer) <= {"tools[1].format"}


@JSON_OR_STREAM
def test_49_where_the_upstream_speaks_that_api_the_request_passes(house: House, stream: bool) -> None:
    """Nothing of it needs to be put otherwise: only its answer.

    https://github.com/BerriAI/litellm/pull/34029
    """
    good(ask(house, "only-responses", stream=stream))
    seen = house.openai.last
    assert seen.path == RESPONSES.path
    kept = {name: seen.json[name] for name in ("tools", "reasoning", "text", "input", "include") if name in seen.json}
    assert kept["reasoning"] == CAPTURED["body"]["reasoning"]
    assert kept["text"] == CAPTURED["body"]["text"]


def test_49_a_mistake_in_it_is_named_as_it_was_sent(house: House) -> None:
    """A chat error about `messages`, which nobody had sent.

    https://github.com/BerriAI/litellm/pull/34029
    """
    answer = ask(house, "only-chat", stream=False, input=[{"role": "robot", "content": "Hi"}])
    assert (answer.status, CHAT.error(answer)["param"]) == (400, "input[0].role")
    assert house.openai.requests == []
