"""A full context: clients compact a conversation only if they read the words that they know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.field.house import JSON_OR_STREAM
from tests.support.apis import CHAT, MESSAGES
from tests.support.script import as_json

if TYPE_CHECKING:
    from tests.end_to_end.field.house import House


def openai(message: str, kind: str = "invalid_request_error", code: Any = "context_length_exceeded") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": "messages", "code": code}}


OPENAI = (
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 130211 tokens. Please "
    "reduce the length of the messages."
)
NO_NUMBERS = "Your input exceeds the context window of this model. Please adjust your input and try again."
VLLM = (
    "This model's maximum context length is 32768 tokens. However, you requested 34000 tokens (33000 in the messages, "
    "1000 in the completion). Please reduce the length of the messages or completion."
)
LLAMA_CPP = "the request exceeds the available context size, try increasing it"
MISTRAL = "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"
GEMINI = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
GROK = "This model's maximum prompt length is 131072 but the request contains 140000 tokens."

FULL: dict[str, tuple[Any, str]] = {
    "openai": (openai(OPENAI), "130211 tokens > 128000 maximum"),
    "openai without numbers": (openai(NO_NUMBERS), NO_NUMBERS),
    "vllm": (openai(VLLM, "BadRequestError", 400), "33000 tokens > 32768 maximum"),
    "llama.cpp": (openai(LLAMA_CPP, "exceed_context_size_error", 400), LLAMA_CPP),
    "mistral": ({"object": "error", "message": MISTRAL, "code": "3051"}, "40000 tokens > 32768 maximum"),
    "gemini": ([{"error": {"code": 400, "message": GEMINI}}], "1200000 tokens > 1048576 maximum"),
    "grok": ({"code": "Client specified an invalid argument", "error": GROK}, "140000 tokens > 131072 maximum"),
}
"""What servers of chat completions answer with status 400, and what Claude Code is to read of it."""


@JSON_OR_STREAM
@pytest.mark.parametrize("server", FULL)
def test_33_a_full_context_is_said_in_the_words_of_claude(house: House, server: str, stream: bool) -> None:
    """Claude Code compacts only if it reads `prompt is too long`: with other words its session was stuck.

    https://github.com/Menci/Floway/pull/166
    """
    body, words = FULL[server]
    house.openai.script(as_json(body, 400))
    answer = house.ask(MESSAGES, "gpt-5.5", stream=stream)
    said = MESSAGES.error(answer)
    assert (answer.status, said["type"]) == (400, "invalid_request_error")
    assert said["message"] == f"prompt is too long: {words}"
    assert len(house.openai.requests) == 1


@JSON_OR_STREAM
@pytest.mark.parametrize(
    "words",
    [
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 199900 + 20000 > 200000, decrease input length or "
        "`max_tokens` and try again",
    ],
    ids=["too long", "with max_tokens"],
)
def test_33_and_by_the_code_of_openai(house: House, words: str, stream: bool) -> None:
    """The same the other way: its clients look for context_length_exceeded.

    https://github.com/Menci/Floway/pull/166
    """
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": words}, "request_id": "req_up"}
    house.anthropic.script(as_json(error, 400))
    answer = house.ask(CHAT, "claude-sonnet-5", stream=stream)
    said = CHAT.error(answer)
    assert (answer.status, said["code"], said["message"]) == (400, "context_length_exceeded", words)


def test_33_on_its_own_api_the_text_is_not_touched(house: House) -> None:
    """The vendor's own words pass byte for byte.

    https://github.com/Menci/Floway/pull/166
    """
    body = b'{"type":"error" , "error":{"type":"invalid_request_error","message":"prompt is too long: 2 > 1"}}'
    house.anthropic.script(as_json(body, 400))
    answer = house.ask(MESSAGES, "claude-sonnet-5")
    assert (answer.status, answer.body) == (400, body)
