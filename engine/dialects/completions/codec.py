"""OpenAI's legacy completions as clients ask in them: Tabby and Continue for what comes next at the cursor.

An upstream that does not speak them is asked a conversation of one turn. No conversation is a completion, so there is
no way in the other direction.
"""

from __future__ import annotations

from engine.dialects.codec import Client
from engine.dialects.completions.read_request import read
from engine.dialects.completions.write_answer import write_answer
from engine.dialects.completions.write_stream import CompletionEncoder

COMPLETIONS = Client(
    api="completions",
    carries_reasoning=False,
    shows_reasoning=True,
    read=read,
    write_answer=write_answer,
    encoder=CompletionEncoder,
)
