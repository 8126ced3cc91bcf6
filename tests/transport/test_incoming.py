"""An answer is the same however its bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.transport.incoming import Incoming
from tests.transport.test_framing import BROKEN, HEAD, SURPLUS, WHOLE

ANSWERS = {name: case[0] for name, case in [*WHOLE.items(), *BROKEN.items()] if len(case[0]) < 4096} | {
    name: HEAD + b"content-length: 2\r\n\r\nok" + surplus for name, surplus in SURPLUS.items()
}


def taken(pieces: list[bytes]) -> tuple[object, ...]:
    """What comes of pieces, followed by the end of the connection."""
    incoming = Incoming("host:1")
    incoming.begin("GET")
    for piece in pieces:
        if incoming.done or incoming.error is not None:
            incoming.keep = False  # as the connection does: these bytes belong to nobody
            break
        incoming.feed(piece)
    kept = incoming.keep
    incoming.closed(None)
    return incoming.status, incoming.headers, b"".join(incoming.body), incoming.done, str(incoming.error), kept


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@given(data=st.data())
def test_any_cut(answer: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(answer)), max_size=12)))
    pieces = [answer[a:b] for a, b in zip([0, *cuts], [*cuts, len(answer)], strict=True) if a < b]
    assert taken(pieces) == taken([answer] if answer else [])


@given(st.binary(max_size=300))
def test_no_bytes_upset_it(data: bytes) -> None:
    for prefix in (b"", HEAD, HEAD + b"transfer-encoding: chunked\r\n\r\n", HEAD + b"content-length: 9\r\n\r\n"):
        status, _, _, done, error, _ = taken([prefix + data])
        assert done != (error != "None")
        assert not (done and not status)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=20))
def test_chunks_come_out_as_they_went_in(pieces: list[bytes]) -> None:
    wire = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    status, _, body, done, _, kept = taken([HEAD + b"transfer-encoding: chunked\r\n\r\n" + wire])
    assert (status, body, done, kept) == (200, b"".join(pieces), True, True)
