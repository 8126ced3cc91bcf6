"""Reasoning of another model is left out, and what it leaves behind is a conversation in normal form."""

from __future__ import annotations

import json

from engine.dialects import CODECS
from engine.dialects.seal import seal
from engine.dialects.translate import only_of, read

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": seal("openai/gpt-5.5")}
BODY = {
    "model": "m",
    "max_tokens": 9,
    "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [THOUGHT]},
        {"role": "user", "content": "Are you there?"},
    ],
}


def test_a_turn_of_nothing_else_goes_and_its_neighbours_become_one() -> None:
    request = read(CODECS["messages"], json.dumps(BODY).encode())
    left = only_of(request, "openai/deepseek-reasoner", CODECS["chat"])
    assert [message.role for message in left.messages] == ["user"]
    assert [loss.path for loss in left.losses] == ["messages[1].content[0]"]


def test_its_own_model_is_given_it_back() -> None:
    request = read(CODECS["messages"], json.dumps(BODY).encode())
    assert only_of(request, "openai/gpt-5.5", CODECS["chat"]) == request
