"""What a codec writes, it reads again: requests, whole answers, and streams however they are split."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from engine.chat import Call, Problem, Request, Response
from engine.dialects import CODECS, translate
from engine.dialects.codec import Asked, Codec, Losses, Written
from engine.dialects.fold import fold, unfold
from engine.dialects.turns import settled
from tests.dialects import oracles
from tests.dialects.pairs import stands_in
from tests.dialects.rules import broken
from tests.dialects.splits import pieces
from tests.support import conversations as some
from tests.support.wire import violations

ASKED = Asked(model="asked", id="x", created=1, source="up/model")
FORGOTTEN = ("at", "named", "losses")
"""What only tells where something stood in the client's own body."""


def bare(value: Any) -> Any:
    """Return a record as plain values, without what is forgotten."""
    if isinstance(value, msgspec.Struct):
        fields = {name: bare(getattr(value, name)) for name in value.__struct_fields__ if name not in FORGOTTEN}
        if isinstance(value, Call) and value.kind == "function":
            none = value.arguments.replace(" ", "") in ("", "{}")
            fields["arguments"] = "{}" if none else value.arguments  # there are many ways to say that there are none
        return {"": type(value).__name__, **fields}
    return [bare(one) for one in value] if isinstance(value, list | tuple) else value


# requests ------------------------------------------------------------------------------------------------------------

FAMILIES = {
    "messages": [("claude-opus-4-8", some.MESSAGES)],
    "chat": [("gpt-4o", some.CHAT), ("gpt-6-sol", some.CHAT_REASONING)],
}
IDENTITIES = [(api, model, may) for api, families in FAMILIES.items() for model, may in families]
EVERY = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize(("api", "model", "may"), IDENTITIES, ids=[model for _, model, _ in IDENTITIES])
@EVERY
@given(data=st.data())
def test_requests(api: str, model: str, may: some.Carries, data: st.DataObject) -> None:
    codec = CODECS[api]
    request = data.draw(some.requests(may))
    written = codec.write(request, codec.family(model, "api.openai.com"), request.model)
    got = codec.read(msgspec.json.encode(written.body))
    again = msgspec.structs.replace(got, messages=settled(got.messages, Losses()))
    assert bare(again) == bare(request)
    assert [loss for loss in written.losses if loss.grade == "dropped"] == []


ANY = {
    "messages": some.ALL,
    "chat": replace(some.ALL, odd_arguments=False, cut_arguments=False),  # no API it is read from has any
}
MODELS = {
    "messages": [
        "claude-opus-5-5",
        "claude-opus-5",
        "claude-opus-4-8",
        "claude-opus-4-6",
        "claude-sonnet-4-5",
        "claude-3-5-sonnet",
        "novel",
    ],
    "chat": [
        "gpt-6-sol",
        "gpt-5.5",
        "o3",
        "gpt-4o",
        "gpt-4",
        "deepseek-reasoner",
        "kimi-k2",
        "mistral-large",
        "qwen3",
        "novel",
    ],
}


@pytest.mark.parametrize("api", MODELS)
@EVERY
@given(data=st.data())
def test_whatever_is_asked_is_accepted_or_refused_by_name(api: str, data: st.DataObject) -> None:
    """Every request there can be: the vendor takes what is written, or the client is told what is in the way."""
    codec = CODECS[api]
    model = data.draw(st.sampled_from(MODELS[api]))
    host = "api.openai.com" if model.startswith(("gpt", "o")) else "llm.example"
    drawn: Request = placed(data.draw(some.requests(ANY[api])))
    request = msgspec.structs.replace(drawn, messages=settled(drawn.messages, Losses()))
    written = asked_of(codec, request, codec.family(model, host), model)
    if isinstance(written, Problem):
        assert (written.status, bool(written.param)) == (400, True)
        return
    body = json.loads(msgspec.json.encode(written.body))
    assert oracles.request_flaws(api, body) == []
    assert broken(api, body) == []
    assert all(loss.path and loss.reason for loss in written.losses)


@pytest.mark.parametrize(("client", "upstream"), [("chat", "messages"), ("messages", "chat")])
@EVERY
@given(data=st.data())
def test_across(client: str, upstream: str, data: st.DataObject) -> None:
    """A body of one API, for any model of the other: accepted, and what is lost or refused stands in that body."""
    source, target = CODECS[client], CODECS[upstream]
    own = {"chat": "gpt-6-sol", "messages": "claude-opus-4-6"}[client]
    drawn = asked_of(source, placed(data.draw(some.requests(ANY[client]))), source.family(own, "api.openai.com"), own)
    assume(not isinstance(drawn, Problem))
    assert isinstance(drawn, Written)
    sent = json.loads(msgspec.json.encode(drawn.body))
    model = data.draw(st.sampled_from(MODELS[upstream]))
    request = translate.read(source, msgspec.json.encode(sent))
    written = asked_of(target, request, target.family(model, "llm.example"), model)
    if isinstance(written, Problem):
        assert (written.status, stands_in(written.param or "", sent)) == (400, True), written.param
        return
    body = json.loads(msgspec.json.encode(written.body))
    assert oracles.request_flaws(upstream, body) == []
    assert broken(upstream, body) == []
    assert [loss.path for loss in (*request.losses, *written.losses) if not stands_in(loss.path, sent)] == []


def asked_of(codec: Codec, request: Request, family: Any, model: str) -> Written | Problem:
    try:
        return codec.write(request, family, model)
    except Problem as problem:
        return problem


def placed(value: Any, at: str = "request") -> Any:
    """Return a record with a path at every place that has one."""
    if isinstance(value, tuple):
        return tuple(placed(one, f"{at}[{index}]") for index, one in enumerate(value))
    if not isinstance(value, msgspec.Struct):
        return value
    found = {name: placed(getattr(value, name), f"{at}.{name}") for name in value.__struct_fields__ if name != "at"}
    return msgspec.structs.replace(value, **found, **({"at": at} if "at" in value.__struct_fields__ else {}))


# answers -------------------------------------------------------------------------------------------------------------

ANSWERS = {"messages": some.MESSAGES, "chat": some.CHAT_REASONING}


def as_asked(api: str, response: Response) -> Response:
    """Return an answer under the names that the client's form gives it."""
    prefix = "msg" if api == "messages" else "chatcmpl"
    return msgspec.structs.replace(response, id=f"{prefix}_{ASKED.id}".replace("l_", "l-"), model=ASKED.model)


@pytest.mark.parametrize("api", ANSWERS)
@EVERY
@given(data=st.data())
def test_whole_answers(api: str, data: st.DataObject) -> None:
    codec = CODECS[api]
    response = data.draw(some.responses(ANSWERS[api]))
    body = codec.write_answer(response, ASKED)
    assert oracles.answer_flaws(api, json.loads(body)) == []
    assert bare(codec.read_answer(body)) == bare(as_asked(api, response))


@pytest.mark.parametrize("api", ANSWERS)
@EVERY
@given(data=st.data())
def test_streams(api: str, data: st.DataObject) -> None:
    events = data.draw(some.streams(ANSWERS[api]))
    encoder = CODECS[api].encoder(ASKED)
    stream = b"".join(encoder.feed([event]) for event in events)
    assert violations(api, stream, usage=True) == []
    assert bare(decoded(api, stream, data)) == bare(as_asked(api, fold(events)))


def decoded(api: str, stream: bytes, data: st.DataObject) -> Response:
    """Return what a stream says, read in pieces of any size."""
    decoder = CODECS[api].decoder()
    sizes = data.draw(st.lists(st.integers(1, 300), min_size=1, max_size=5))
    events = [event for piece in pieces(stream, sizes) for event in decoder.feed(piece)] + decoder.finish()
    assert (decoder.failure, decoder.ended) == (None, True)
    return fold(events)


ALIKE = {
    "messages": replace(some.ALL, cut_arguments=False),
    "chat": replace(
        some.ALL, cut_arguments=False, odd_arguments=False, thinking=("signed", "sealed"), details=False, ordered=True
    ),
}
"""What is the same in both. A stream hands on what breaks off, a whole answer wraps it; a chat message has no order of
blocks (nor a border between reasoning that is signed and that is not) and leaves it to the decoders that arguments are
objects."""


@pytest.mark.parametrize("api", ALIKE)
@EVERY
@given(data=st.data())
def test_a_stream_says_what_the_whole_answer_says(api: str, data: st.DataObject) -> None:
    """What the API cannot carry is lost from both alike."""
    codec = CODECS[api]
    response = data.draw(some.responses(ALIKE[api]))
    stream = codec.encoder(ASKED).feed(unfold(response))
    assert violations(api, stream, usage=True) == []
    whole = codec.write_answer(response, ASKED)
    assert oracles.answer_flaws(api, json.loads(whole)) == []
    assert bare(decoded(api, stream, data)) == bare(codec.read_answer(whole))
