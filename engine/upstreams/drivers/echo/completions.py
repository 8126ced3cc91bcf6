"""Echo in the form of legacy completions (openai 3.54: types/completion.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from engine.dialects import OPENAI
from engine.dialects.sse import frame
from engine.upstreams.drivers.echo.chat import DONE, ENDS, Streaming
from engine.upstreams.drivers.echo.reply import CREATED, Said, Wish, mark, say

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 16
"""The default of `max_tokens` (openai 3.54: types/completion_create_params.py)."""
AROUND = 80
"""How much of the text before and after the gap is repeated, in characters."""


class Completions(Struct):
    """A request, as far as echo reads it."""

    prompt: str | list[str | int | list[int]] | None = None
    suffix: str | None = None
    echo: bool | None = None
    max_tokens: int | None = None
    stop: str | list[str] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    stream: bool | None = None
    stream_options: Streaming | None = None

    @property
    def prompts(self) -> list[str]:
        """The prompts as text; tokens are shown by their numbers."""
        given = self.prompt
        if given is None or isinstance(given, str):
            return [given or ""]
        if all(isinstance(one, int) for one in given):
            return [shown(given)]
        return [one if isinstance(one, str) else shown(one) for one in given]


COMPLETIONS = msgspec.json.Decoder(Completions)


def answer(body: bytes, model: str, demo: bool) -> tuple[bool, list[bytes]]:
    """Return whether the answer is a stream, and its pieces. Raises `msgspec.ValidationError`."""
    request = COMPLETIONS.decode(body)
    said = [one for prompt in request.prompts for one in [spoken(request, prompt, demo)] * (request.n or 1)]
    given = OPENAI.depth("completions", body).input_tokens
    out = sum(one.tokens for one in said)
    usage = {"prompt_tokens": given, "completion_tokens": out, "total_tokens": given + out}
    head = {"id": f"cmpl-{mark(body)}", "object": "text_completion", "created": CREATED, "model": model}
    if request.stream:
        options = request.stream_options
        return True, list(chunks(head, said, usage if options is not None and options.include_usage else None))
    choices = [choice(index, "".join(one.text), ENDS[one.end]) for index, one in enumerate(said)]
    return False, [msgspec.json.encode({**head, "choices": choices, "usage": usage})]


def spoken(request: Completions, prompt: str, demo: bool) -> Said:
    """Complete one prompt; with a suffix, say what stands on both sides of the gap."""
    heard = prompt[-AROUND:]
    if request.suffix:
        heard = f"{heard} ... {request.suffix[:AROUND]}"
    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    limit = LIMIT if request.max_tokens is None else request.max_tokens
    said = say(Wish(prompt=heard, stop=stop, limit=limit, demo=demo), "")
    return msgspec.structs.replace(said, text=[prompt, *said.text]) if request.echo and prompt else said


def chunks(head: dict[str, Any], said: list[Said], usage: dict[str, Any] | None) -> Iterator[bytes]:
    """Yield the events of a stream; a finish_reason comes before [DONE], as Tabby needs it."""
    more = {} if usage is None else {"usage": None}
    for index, one in enumerate(said):
        for piece in one.text:
            yield frame(msgspec.json.encode({**head, "choices": [choice(index, piece, None)], **more}))
        yield frame(msgspec.json.encode({**head, "choices": [choice(index, "", ENDS[one.end])], **more}))
    if usage is not None:
        yield frame(msgspec.json.encode({**head, "choices": [], "usage": usage}))
    yield DONE


def choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def shown(tokens: Any) -> str:
    return " ".join(map(str, tokens)) if isinstance(tokens, list) else str(tokens)
