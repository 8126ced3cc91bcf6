"""The vocabulary between the codecs, as a codec: for upstreams that are inside Turnout. No client speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.chat import Request
from engine.dialects.body import refused
from engine.dialects.codec import Codec
from engine.dialects.neutral.stream import NeutralDecoder, NeutralEncoder, read_answer, write_answer
from engine.dialects.neutral.takes import family
from engine.dialects.neutral.write import write

if TYPE_CHECKING:
    from engine.chat import Failure
    from engine.dialects.trail import Trail

REQUEST = msgspec.json.Decoder(Request)


def read(body: bytes) -> Request:
    """Read a request. Raises `Problem` (400): what the file sets (`set`) may not fit."""
    try:
        return REQUEST.decode(body)
    except (msgspec.ValidationError, RecursionError) as error:
        raise refused(f"what is set for this request does not fit: {error}") from None


def trail() -> Trail:
    raise TypeError("no client reads the neutral vocabulary")


def correction(_failure: Failure, _body: dict[str, Any]) -> str | None:
    """Return nothing: what such an upstream does not take is known before it is asked."""
    return None


NEUTRAL = Codec(
    api="neutral",
    path="",
    families=(),
    carries_reasoning=False,
    shows_reasoning=True,
    family=family,
    read=read,
    write=write,
    read_answer=read_answer,
    write_answer=write_answer,
    decoder=NeutralDecoder,
    encoder=NeutralEncoder,
    trail=trail,
    correction=correction,
    once=lambda _word: False,
)
