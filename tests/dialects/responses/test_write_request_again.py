"""What is written for an upstream of the Responses API, its codec reads again as what it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.chat import Call, Image, Reasoning, Request, Thinking, Tool
from engine.dialects import CODECS
from engine.dialects.codec import Losses
from engine.dialects.responses.sealed import Item
from engine.dialects.turns import settled
from tests.dialects.responses.writing import flaws, known
from tests.support import conversations as some
from tests.support.conversations.words import TEXTS

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

RESPONSES = replace(
    some.CHAT_REASONING,
    texts=3,
    url_documents=True,
    results_hold_media=True,
    refusals=True,
    audio=False,
    names=False,
    prefill=True,
    odd_arguments=True,
    cut_arguments=True,
    reasonings=(
        Reasoning(effort="none"),
        *(Reasoning(effort=effort, shown="summarized") for effort in ("low", "medium", "high", "xhigh", "max")),
        Reasoning(shown="summarized"),
    ),
    most=200_000,
)
"""What gpt-6 takes in the Responses API."""
PLAIN = replace(RESPONSES, custom=False, caches=(), sampling=("temperature", "top_p"), reasonings=(), most=16_000)
"""What gpt-4o takes in it."""

FORGOTTEN = ("at", "named", "losses", "echo")


@st.composite
def requests(draw: DrawFn, may: some.Carries) -> Request:
    """Return a request whose assistant has thought before what it said, under the seal of this API."""
    request = draw(some.requests(may))
    messages = [
        msgspec.structs.replace(one, blocks=(*draw(st.lists(thoughts(), max_size=2)), *one.blocks))
        if one.role == "assistant" and may.reasonings
        else one
        for one in request.messages
    ]
    return msgspec.structs.replace(request, messages=tuple(messages))


@st.composite
def thoughts(draw: DrawFn) -> Thinking:
    seal = Item(id=draw(st.just("") | st.uuids().map("rs_{}".format)), encrypted_content=draw(TEXTS)).text()
    text = draw(TEXTS | st.just(""))
    return Thinking(text=text, signature=seal, form="responses") if text else Thinking(sealed=seal, form="responses")


def bare(value: Any) -> Any:
    """Return a record as plain values, with what the API has for what was not said."""
    if isinstance(value, msgspec.Struct):
        fields = {name: bare(getattr(value, name)) for name in value.__struct_fields__ if name not in FORGOTTEN}
        if isinstance(value, Call) and value.kind == "function":
            fields["arguments"] = value.arguments.strip() or "{}"
        if isinstance(value, Image):
            fields["detail"] = value.detail or "auto"
        if isinstance(value, Tool) and value.kind == "function":
            fields["strict"] = bool(value.strict)
        if isinstance(value, Request):
            fields["max_tokens"] = None if value.max_tokens is None else max(value.max_tokens, 16)
        return {"": type(value).__name__, **fields}
    return [bare(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(("model", "may"), [("gpt-6-sol", RESPONSES), ("gpt-4o", PLAIN)], ids=["gpt-6-sol", "gpt-4o"])
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_requests(model: str, may: some.Carries, data: st.DataObject) -> None:
    codec = CODECS["responses"]
    request = data.draw(requests(may))
    if may.caches:
        request = msgspec.structs.replace(request, named={"cache": "prompt_cache_breakpoint"})
    written = codec.write(request, known(model), request.model)
    assert flaws(written.body) == []
    got = codec.read(msgspec.json.encode(written.body))
    again = msgspec.structs.replace(got, messages=settled(got.messages, Losses()))
    assert bare(again) == bare(request)
    assert [loss for loss in written.losses if loss.grade == "dropped"] == []
