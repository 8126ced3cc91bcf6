"""The numbers that servers tell of a context that is exceeded, and the room that they leave."""

from __future__ import annotations

import pytest

from engine.dialects.window import Need, left, need, room

WORDINGS = {
    "vllm": (
        "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 "
        "tokens and your request has 2000 input tokens (32000 > 32768 - 2000).",
        Need(window=32768, input=2000, output=32000, all=None),
    ),
    "vllm, older": (
        "This model's maximum context length is 32768 tokens. However, you requested 34000 tokens (2000 in the "
        "messages, 32000 in the completion). Please reduce the length of the messages or completion.",
        Need(window=32768, input=2000, output=32000, all=34000),
    ),
    "vllm, newer": (
        "This model's maximum context length is 32768 tokens. However, you requested 32000 output tokens and your "
        "prompt contains at least 2000 input tokens, for a total of at least 34000 tokens.",
        Need(window=32768, input=2000, output=32000, all=None),
    ),
    "openai with functions": (
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (4000 in the "
        "messages, 1000 in the functions, and 4000 in the completion).",
        Need(window=8192, input=5000, output=4000, all=9000),
    ),
    "openrouter": (
        "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens (10000 "
        "of text input, 130000 in the output). Please reduce the length of either one.",
        Need(window=131072, input=10000, output=130000, all=140000),
    ),
    "sglang": (
        "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of "
        "9000 tokens: 5000 tokens from the input messages and 4000 tokens for the completion.",
        Need(window=8192, input=5000, output=4000, all=None),
    ),
    "anthropic": (
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
        Need(window=200000, input=190000, output=20000, all=None),
    ),
    "openai": (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130211 tokens.",
        Need(window=128000, input=130211, output=None, all=None),
    ),
    "mistral": (
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        Need(window=32768, input=40000, output=None, all=None),
    ),
    "gemini": (
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        Need(window=1048576, input=1200000, output=None, all=None),
    ),
    "llama.cpp": (
        "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it",
        Need(window=8192, input=None, output=None, all=9000),
    ),
    "untold parts": (
        "Please reduce the length of the messages or completion. (requested 9000 tokens, max 8192)",
        Need(window=8192, input=None, output=None, all=9000),
    ),
    "no numbers": ("Your input exceeds the context window of this model.", None),
    "no window": ("Your request has 9000 input tokens.", None),
}


@pytest.mark.parametrize(("message", "told"), WORDINGS.values(), ids=WORDINGS)
def test_what_is_told(message: str, told: Need | None) -> None:
    assert need(message) == told


VLLM = WORDINGS["vllm"][0]


@pytest.mark.parametrize(
    ("message", "asked", "word"),
    [
        (VLLM, 32000, "room=30768"),
        (VLLM, 30768, None),
        (VLLM, None, None),
        (VLLM.replace("2000 input", "32512 input"), 32000, "room=256"),
        (VLLM.replace("2000 input", "32513 input"), 32000, None),
        (VLLM.replace("2000 input", "40000 input"), 32000, None),
        (WORDINGS["vllm, older"][0], 32000, "room=30768"),
        (WORDINGS["llama.cpp"][0], 32000, None),
        (WORDINGS["no numbers"][0], 32000, None),
    ],
)
def test_the_room_that_is_left(message: str, asked: int | None, word: str | None) -> None:
    assert room(message, asked) == word


def test_the_least_room_counts() -> None:
    assert left({"room=900", "room=700", "vision", "max_output=5"}) == 700
    assert left({"vision"}) is None
