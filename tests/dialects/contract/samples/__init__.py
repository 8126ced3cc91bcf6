"""What the bodies of the contract's tests are made of: where a type alone does not tell what makes sense."""

from __future__ import annotations

from tests.dialects.contract.fields import Key
from tests.dialects.contract.samples import chat, completions, messages, responses
from tests.dialects.contract.samples.common import Sample

SAMPLES: dict[Key, Sample] = {
    ("chat", "request"): chat.REQUEST,
    ("chat", "answer"): chat.ANSWER,
    ("chat", "stream"): chat.STREAM,
    ("completions", "request"): completions.REQUEST,
    ("messages", "request"): messages.REQUEST,
    ("messages", "answer"): messages.ANSWER,
    ("messages", "stream"): messages.STREAM,
    ("responses", "request"): responses.REQUEST,
    ("responses", "answer"): responses.ANSWER,
    ("responses", "stream"): responses.STREAM,
}
