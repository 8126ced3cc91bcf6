"""Arguments as they grow, wherever they are split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.chat.said import Said
from engine.dialects.openai.arguments import complete
from tests.dialects.gpt import cut

TEXTS = [
    '{"a": 1}',
    ' {"a": 1}\n',
    '{"a": {"b": [1, {"c": "}"}]}}',
    '{"a": "\\"}"}',
    '{"a": "\\\\"}',
    '{"a": "\\\\\\"}',
    "{}",
    "{ }",
    '{}{"a": 1}',
    '{"a": 1} x',
    '{"a": 1}}',
    '{"a": 1',
    '{"a": 1]',
    "[1]",
    '"{}"',
    "1",
    "}",
    "",
]


@pytest.mark.parametrize("size", [1, 2, 3, 99])
@pytest.mark.parametrize("text", TEXTS)
def test_arguments_are_whole_when_their_text_is(text: str, size: int) -> None:
    assert_same(text, size)


@given(st.text(alphabet='{}[]":,a1\\ ', max_size=12), st.integers(1, 4))
def test_any_text(text: str, size: int) -> None:
    assert_same(text, size)
    assert_same('{"a":' + text + "}", size)


def assert_same(text: str, size: int) -> None:
    said, late, come = Said(), Said(), ""
    for piece in cut(text, size):
        said.add(piece)
        late.add(piece)
        come += piece
        assert said.complete() == complete(come), come
    assert late.complete() == complete(text)
    assert late.text() == text


def test_a_million_questions_cost_what_one_does() -> None:
    """Arguments that are parsed again with every fragment would take minutes here."""
    said = Said()
    said.add('{"a":[')
    for _ in range(300_000):
        said.add("{},{},")
        assert not said.complete()
    said.add("{}]}")
    assert said.complete()
    for _ in range(300_000):
        said.add("  ")
        assert said.complete()
    said.add("x")
    assert not said.complete()
