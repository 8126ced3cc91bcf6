"""OpenAI's Responses API, and those of every server that imitates it, as a codec."""

from __future__ import annotations

from engine.dialects.codec import Codec
from engine.dialects.openai.families import FAMILIES, family
from engine.dialects.responses.corrections import correction, once
from engine.dialects.responses.read_answer import read_answer
from engine.dialects.responses.read_request import read
from engine.dialects.responses.read_stream import ResponsesDecoder
from engine.dialects.responses.trail import ResponsesTrail
from engine.dialects.responses.write_answer import write_answer
from engine.dialects.responses.write_request import write
from engine.dialects.responses.write_stream import ResponsesEncoder

RESPONSES = Codec(
    api="responses",
    path="/v1/responses",
    families=FAMILIES,
    carries_reasoning=True,
    shows_reasoning=True,
    family=family,
    read=read,
    write=write,
    read_answer=read_answer,
    write_answer=write_answer,
    decoder=ResponsesDecoder,
    encoder=ResponsesEncoder,
    trail=ResponsesTrail,
    correction=correction,
    once=once,
)
