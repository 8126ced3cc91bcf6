"""A legacy completions request, read into the neutral vocabulary: the prompt is what the user says.

Protocol facts: openai 3.54 (types/completion_create_params.py); vLLM and llama.cpp take `top_k` too, and -1 for no
limit. The API's own limit of 16 tokens, where a client names none, is not imposed: it was made for models that do
nothing but go on, and one that thinks before it speaks would say nothing within it. The model's own limit holds.
"""

from __future__ import annotations

from typing import Any

from engine.chat import Message, Problem, Request, Text
from engine.dialects.body import TOO_DEEP, refused
from engine.dialects.codec import Losses
from engine.dialects.fields import Fields, body_fields
from engine.dialects.openai.sampling import read_stop, read_top_k

KNOWN = frozenset(
    {
        "model",
        "prompt",
        "suffix",
        "echo",
        "n",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "stream",
        "stream_options",
        "user",
    }
)
"""The parameters that `engine.chat.Request` has a place for, or that are looked at here; all others are `extra`."""

IDLE: dict[str, Any] = {"best_of": 1, "presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {}}
"""Parameters with the value that means the same as leaving them out."""

BETWEEN = (
    "The user's message is the beginning of a text, and below the line is how that text ends. Reply with exactly what "
    "belongs in between, so that all three read as one. Repeat neither the beginning nor the end, explain nothing, and "
    "put no quotes and no code fence around it.\n---\n"
)
"""What a model is told of a `suffix`, which stands behind it."""


def read(body: bytes) -> Request:
    """Return what `body` asks. Raises `Problem` (400) with the path of what cannot be asked of a conversation."""
    try:
        return _read(body_fields(body))
    except RecursionError:
        raise refused(TOO_DEEP) from None


def _read(body: Fields) -> Request:
    losses = Losses()
    prompt = read_prompt(body.value.get("prompt"))
    refuse_more(body)
    said = Message(role="user", blocks=(Text(text=prompt, at="prompt"),), at="prompt")
    stream = bool(body.flag("stream"))
    options = body.object("stream_options") or Fields({}, "stream_options")
    return Request(
        model=body.named("model"),
        messages=(*read_suffix(body, losses), said),
        max_tokens=read_most(body, losses),
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        top_k=read_top_k(body),
        stop=read_stop(body),
        stream=stream,
        usage=bool(options.flag("include_usage")) or not stream,
        user=body.text("user") or None,
        echo={"prompt": prompt} if body.flag("echo") else {},
        extra={path: value for path, value in body.others(KNOWN) if value != IDLE.get(path)},
        named={"messages": "prompt"},
        losses=tuple(losses.found),
    )


def read_prompt(value: Any) -> str:
    """Return the one text that is to be gone on with. Raises `Problem` (400) for anything else that the API takes."""
    prompts = value if isinstance(value, list) else [value]
    if any(isinstance(one, int | list) for one in prompts):
        raise refused("`prompt` is token ids, which no conversation is made of: send the text itself", "prompt")
    if len(prompts) > 1:
        message = f"`prompt` holds {len(prompts)} prompts, and the model answers one at a time: ask once for each"
        raise refused(message, "prompt")
    prompt = prompts[0] if prompts else None
    if prompt is not None and not isinstance(prompt, str):
        raise refused("`prompt` must be a string", "prompt")
    if not prompt or not prompt.strip():  # a turn of blanks says nothing, and most APIs refuse it
        raise refused("`prompt` is empty: send the text that is to be gone on with", "prompt")
    return prompt


def read_suffix(body: Fields, losses: Losses) -> tuple[Message, ...]:
    """Return what the model is told of the text behind the gap, if there is more than blanks."""
    suffix = body.text("suffix") or ""
    if not suffix.strip():
        return ()
    losses.approximated("suffix", "no conversation has one: the model is told what follows")
    return (Message(role="system", blocks=(Text(text=BETWEEN + suffix, at="suffix"),), at="suffix"),)


def read_most(body: Fields, losses: Losses) -> int | None:
    """Return the most tokens of the answer; less than none means `no limit` to local servers. With 0 and `echo` a
    client has its own prompt back."""
    value = body.value.get("max_tokens")
    if isinstance(value, int) and not isinstance(value, bool) and value < 0:
        losses.approximated("max_tokens", "taken as no limit")
        return None
    return body.count("max_tokens")


def refuse_more(body: Fields) -> None:
    """Refuse a request for several answers."""
    if (body.count("n") or 1) > 1:
        message = "`n`: the model is asked in a conversation, which has one answer; ask once for each"
        raise Problem(400, "unsupported_parameter", message, param="n")
