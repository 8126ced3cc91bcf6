"""Anthropic's messages, and those of every server that imitates them, as a codec."""

from __future__ import annotations

from engine.dialects.codec import Codec
from engine.dialects.messages.corrections import correction, once
from engine.dialects.messages.families import FAMILIES, family
from engine.dialects.messages.read_answer import read_answer
from engine.dialects.messages.read_request import read
from engine.dialects.messages.read_stream import MessagesDecoder
from engine.dialects.messages.trail import MessagesTrail
from engine.dialects.messages.write_answer import write_answer
from engine.dialects.messages.write_request import write
from engine.dialects.messages.write_stream import MessagesEncoder

MESSAGES = Codec(
    api="messages",
    path="/v1/messages",
    families=FAMILIES,
    carries_reasoning=True,
    shows_reasoning=False,
    family=family,
    read=read,
    write=write,
    read_answer=read_answer,
    write_answer=write_answer,
    decoder=MessagesDecoder,
    encoder=MessagesEncoder,
    trail=MessagesTrail,
    correction=correction,
    once=once,
)
