"""The smallest pieces of requests and answers: texts, names, ids, JSON, and the blocks that both may hold."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import strategies as st

from engine.chat import Call, Thinking

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

    from engine.chat import Kind
    from tests.support.conversations.carries import Carries

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
TEXTS = st.one_of(
    WORDS.filter(str.strip), st.sampled_from(["Hi", "\n  <b>\r\n", 'a "b" \\', "data: x\n\ndata: y", "é😀"])
)
IDS = st.from_regex(r"[a-zA-Z0-9_-]{1,40}", fullmatch=True)
NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,20}", fullmatch=True)
ODD_NAMES = st.sampled_from(["with space", "dotted.name", "ü", "n" * 70, "n" * 130, "mcp__a/b"])
JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=3)
ARGUMENTS = OBJECTS.map(lambda value: msgspec.json.encode(value).decode())
NO_ARGUMENTS = st.sampled_from(["", "  ", "{}", "{ }"])
ODD_ARGUMENTS = st.sampled_from(["[1]", "3", "not json", "null", '"text"'])
CUT_ARGUMENTS = st.sampled_from(['{"a": "b', '{"a": [1, 2', '{"a', "{", '{"a": "\\', '{"a": 1, '])
BASE64 = st.binary(min_size=1, max_size=9).map(lambda data: base64.b64encode(data).decode())
SIGNATURES = BASE64
CLOSED = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "required": ["path", "lines"],
    "additionalProperties": False,
}
OPEN = st.sampled_from(
    [
        None,
        {},
        {"properties": {"a": {"type": "string", "minLength": 3}}},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}, {"type": "null"}]}}, "$schema": "x"},
        {"anyOf": [{"type": "object"}, {"type": "string"}]},
    ]
)


def maybe(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | strategy


def chosen(options: tuple[Any, ...]) -> SearchStrategy[Any]:
    return st.sampled_from(options) if options else st.none()


@st.composite
def thinking_of(draw: DrawFn, may: Carries) -> Thinking:
    kind = draw(st.sampled_from(may.thinking))
    if kind == "sealed":
        return Thinking(sealed=draw(SIGNATURES))
    return Thinking(text=draw(TEXTS), signature=draw(SIGNATURES) if kind == "signed" else None)


@st.composite
def calls_of(draw: DrawFn, may: Carries) -> Call:
    """Return a call; its id is to be set."""
    kind: Kind = "custom" if may.custom and draw(st.integers(0, 4)) == 0 else "function"
    forms = [ARGUMENTS, ARGUMENTS, NO_ARGUMENTS]
    forms += [ODD_ARGUMENTS] if may.odd_arguments else []
    forms += [CUT_ARGUMENTS] if may.cut_arguments else []
    arguments = draw(TEXTS if kind == "custom" else st.one_of(forms))
    return Call(id="", name=draw(ODD_NAMES | NAMES if may.odd_names else NAMES), arguments=arguments, kind=kind)
