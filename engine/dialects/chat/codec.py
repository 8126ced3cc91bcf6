"""OpenAI's chat completions, and those of every server that imitates them, as a codec."""

from __future__ import annotations

from engine.dialects.chat.corrections import correction, once
from engine.dialects.chat.read_answer import read_answer
from engine.dialects.chat.read_request import read
from engine.dialects.chat.read_stream import ChatDecoder
from engine.dialects.chat.trail import ChatTrail
from engine.dialects.chat.write_answer import write_answer
from engine.dialects.chat.write_request import write
from engine.dialects.chat.write_stream import ChatEncoder
from engine.dialects.codec import Codec
from engine.dialects.openai.families import FAMILIES, family

CHAT = Codec(
    api="chat",
    path="/v1/chat/completions",
    families=FAMILIES,
    carries_reasoning=False,
    shows_reasoning=True,
    family=family,
    read=read,
    write=write,
    read_answer=read_answer,
    write_answer=write_answer,
    decoder=ChatDecoder,
    encoder=ChatEncoder,
    trail=ChatTrail,
    correction=correction,
    once=once,
)
