"""Any bytes, and mutations of real ones, through everything that reads them before it trusts them."""

from __future__ import annotations

import contextlib
import gzip
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.chat import Failed, Problem
from engine.dialects import CODECS, METERED, OWNERS, opened
from engine.dialects.meter import Meter
from engine.plan.admission import check_host, check_origin, credentials, identify, parse_origin
from engine.plan.paths import canonical
from engine.plan.peers import forwarded, trusted
from engine.plan.read import read
from engine.serve.body import Unpack
from engine.transport.base import TransportError
from engine.transport.incoming import Incoming
from tests.plan.plans import UPSTREAMS, plan
from tests.support.apis import APIS, Api

if TYPE_CHECKING:
    from collections.abc import Callable

SHIPPED = (Path(__file__).parents[2] / "proxy.yaml").read_text(encoding="utf-8")
PLAN = plan(
    UPSTREAMS + 'models: {m: openai/m}\nserver: {cors: {origins: ["https://a.example"]}}\nkeys: {anonymous: {}}\n'
)
EACH = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
MORE = settings(max_examples=150)


@st.composite
def mutated(draw: Callable[..., object], whole: bytes) -> bytes:
    """Return `whole` with a few stretches taken out, doubled, or overwritten by anything."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):  # type: ignore[call-overload]
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        data[at : at + length] = draw(st.one_of(st.binary(max_size=40), st.just(data[at : at + length] * 2)))  # type: ignore[arg-type]
    return bytes(data)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


CUTS = st.lists(st.integers(0, 10_000), max_size=6)


@EACH
@MORE
@given(data=st.data(), cuts=CUTS)
def test_streams(api: Api, data: st.DataObject, cuts: list[int]) -> None:
    stream = data.draw(mutated(b"".join(api.events("Hello", " there"))))
    for reader in (OWNERS[api.name].tap(api.name, "other"), CODECS[api.name].decoder()):
        try:
            for piece in pieces(stream, cuts):
                reader.feed(piece)
            reader.finish()
        except Failed:
            pass
    if api.name in METERED:
        gauge = OWNERS[api.name].gauge(api.name)
        assert gauge is not None
        meter = Meter(gauge)
        for piece in pieces(stream, cuts):
            meter.feed(piece)
        meter.finish()
        assert meter.usage(lambda: 1).output >= 0


@EACH
@MORE
@given(data=st.data())
def test_bodies(api: Api, data: st.DataObject) -> None:
    import msgspec

    body = data.draw(mutated(msgspec.json.encode(api.body())))
    try:
        peek = opened(api.name, body)
        OWNERS[peek.form or api.name].depth(peek.form or api.name, body)
        CODECS[peek.form or api.name].read(body)
    except Problem as problem:
        assert 400 <= problem.status < 500


@EACH
@MORE
@given(data=st.data())
def test_answers(api: Api, data: st.DataObject) -> None:
    import msgspec

    answer = data.draw(mutated(msgspec.json.encode(api.answer("Hello"))))
    owner = OWNERS[api.name]
    owner.classify(500, [], answer)
    for read_it in (CODECS[api.name].read_answer, lambda body: owner.renamed(api.name, body, "other")):
        with contextlib.suppress(Failed):
            read_it(answer)


@MORE
@given(text=mutated(SHIPPED.encode()))
def test_files(text: bytes) -> None:
    """A file is read, or said to be wrong, at a place; it never breaks the reader."""
    reading = read("proxy.yaml", None, text=text.decode("utf-8", "replace"))
    assert (reading.plan is None) == (not reading.report.ok)


@MORE
@given(packed=st.one_of(st.binary(max_size=300), mutated(gzip.compress(b"hello " * 100))), cuts=CUTS)
def test_compressed_bodies(packed: bytes, cuts: list[int]) -> None:
    unpack = Unpack(31, 10_000)
    try:
        made = sum(len(unpack.feed(piece)) for piece in pieces(packed, cuts))
        unpack.finish()
    except Problem as problem:
        assert problem.status in (400, 413)
    else:
        assert made <= 10_000


HTTP = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


@MORE
@given(data=st.one_of(st.binary(max_size=300), mutated(HTTP)), cuts=CUTS)
def test_answers_off_the_wire(data: bytes, cuts: list[int]) -> None:
    incoming = Incoming("there")
    incoming.begin("GET")
    for piece in pieces(data, cuts):
        if incoming.done or incoming.error is not None:
            break
        incoming.feed(piece)
    assert incoming.error is None or isinstance(incoming.error, TransportError)


VALUE = st.one_of(st.binary(max_size=60), mutated(b"https://a.example:443"), mutated(b"[::1]:4000"))


@MORE
@given(host=VALUE, origin=VALUE, key=VALUE, peer=VALUE)
def test_headers(host: bytes, origin: bytes, key: bytes, peer: bytes) -> None:
    headers = [(b"host", host), (b"origin", origin), (b"authorization", key), (b"x-forwarded-for", peer)]
    parse_origin(origin.decode("latin-1"))
    for check in (check_host, check_origin):
        try:
            check(PLAN, headers)
        except Problem as problem:
            assert problem.status in (400, 403, 421)
    assert list(credentials(headers)) is not None
    assert identify(PLAN, headers, "2026-11-28").name == "anonymous"
    proxies = trusted(["127.0.0.1"])
    assert proxies is not None
    address, scheme = forwarded(proxies, "127.0.0.1", headers)
    assert address is not None
    assert scheme is None


@MORE
@given(path=st.one_of(st.binary(max_size=60), mutated(b"/v1/models/a%2Fb/../%2e%2e/x")))
def test_paths(path: bytes) -> None:
    """What comes through has no way out of itself left."""
    try:
        found = canonical(path)
    except Problem as problem:
        assert problem.status == 400
    else:
        assert found.startswith("/")
        assert not {".", ".."} & set(found.split("/"))
        assert "\\" not in found
        assert "\0" not in found
