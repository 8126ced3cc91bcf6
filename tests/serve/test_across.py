"""Who brings back the reasoning of an answer: for anybody else it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from engine.dialects import CODECS, OWNERS
from engine.serve.across import brings_reasoning

if TYPE_CHECKING:
    from engine.chat import Api

HI = [{"role": "user", "content": "Hi"}]
SEALED, OTHER = "reasoning.encrypted_content", "web_search_call.action.sources"


@pytest.mark.parametrize(
    ("api", "body", "brings"),
    [
        ("chat", {"messages": HI}, False),
        ("messages", {"messages": HI, "max_tokens": 9}, True),
        ("responses", {"input": "Hi"}, False),
        ("responses", {"input": SEALED, "include": None}, False),
        ("responses", {"input": "Hi", "include": [OTHER]}, False),
        ("responses", {"input": "Hi", "include": [OTHER, SEALED]}, True),
    ],
)
def test_who_brings_reasoning_back(api: Api, body: dict[str, Any], brings: bool) -> None:
    peek = OWNERS[api].peek(api, msgspec.json.encode({"model": "m", **body}))
    assert brings_reasoning(CODECS[api], peek) is brings
