"""What the upstream plays: one function a scenario, in no API's form, and one visible table of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.conformance.upstream.asked import thought
from tests.conformance.words import Call, Said, Tokens
from tests.support.script import CUT, STALL, Reply, as_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.upstream.asked import Asked
    from tests.support.script import Step

EMOJI = "Grüße 👩\u200d👩\u200d👧 \u2014 漢字 🚀 café नमस्ते "
PATCH = '*** Begin Patch\n*** Add File: "a b".txt\n+\\n is not a newline \u2713\n*** End Patch\n'
USAGE = Tokens(input=1200, output=350, cached=800, written=64, reasoning=120)
LARGE = 200_000
"""Characters of the arguments of a large call."""
SLICE = 7
"""Bytes of a chunk where characters are to be cut apart."""


# what is said --------------------------------------------------------------------------------------------------------


def plain_text(nonce: str) -> str:
    """Return what the upstream says where a scenario asks for no more than text."""
    return f'Hello there, {nonce}: it is "fine".\n\nA second paragraph, with a \\ and a tab\t.'


def _text(asked: Asked) -> Reply:
    return asked.says(Said(text=plain_text(asked.nonce)))


def _think(asked: Asked) -> Reply:
    return asked.says(Said(text=plain_text(asked.nonce), thought=thought(asked.api, asked.nonce)))


def _emoji(asked: Asked) -> Reply:
    reply = asked.says(Said(text=EMOJI * 4 + asked.nonce))
    body = reply.body
    return replace(reply, parts=tuple(body[at : at + SLICE] for at in range(0, len(body), SLICE)), framing="chunked")


def _structured(asked: Asked) -> Reply:
    """Say JSON; by way of a tool if the gateway forces one that has the schema."""
    given = {"name": "Ada", "nonce": asked.nonce, "tags": ["a", "b"]}
    forced = [tool for tool in asked.heard.tools if "nonce" in json.dumps(tool.schema)]
    if forced and asked.heard.schema is None:
        return asked.says(Said(calls=(Call(asked.call_id(), forced[0].name, json.dumps(given)),)))
    return asked.says(Said(text=json.dumps(given)))


def _usage(asked: Asked) -> Reply:
    return asked.says(Said(text=plain_text(asked.nonce), tokens=USAGE))


# calls ---------------------------------------------------------------------------------------------------------------

CITIES = ("Paris", 'Zürich "Süd"')


def _calls(asked: Asked, *wanted: tuple[str, Any], **more: Any) -> Reply:
    calls = [asked.call(name, arguments) for name, arguments in wanted]
    if None in calls:
        offered = ", ".join(tool.name for tool in asked.heard.tools) or "none"
        return asked.says(Said(text=f"Of the tools {[name for name, _ in wanted]} some are not offered: {offered}"))
    return asked.says(Said(calls=tuple(call for call in calls if call), **more))


def _one_call(asked: Asked) -> Reply:
    return _calls(asked, ("get_weather", {"city": CITIES[0], "days": 3}))


def _two_calls(asked: Asked) -> Reply:
    return _calls(asked, *(("get_weather", {"city": city}) for city in CITIES), text="Let me look.")


def _interleaved(asked: Asked) -> Reply:
    return _calls(asked, *(("get_weather", {"city": city, "days": 12}) for city in CITIES), interleaved=True)


def _no_arguments(asked: Asked) -> Reply:
    return _calls(asked, ("get_time", {}))


def _large(asked: Asked) -> Reply:
    return _calls(asked, ("get_weather", {"city": (asked.nonce + ' ü"\\') * (LARGE // 16)}))


def _loop(asked: Asked) -> Reply:
    """Call two tools, then say which result came for which call."""
    if not asked.heard.results:
        return _two_calls(asked)
    return asked.says(Said(text=told(asked.heard.results_by_call())))


def told(results: dict[str, str]) -> str:
    """Return how the model repeats what its calls have brought."""
    cities = {json.loads(arguments)["city"]: result for arguments, result in results.items()}
    return "; ".join(f"{city}: {cities[city]}" for city in sorted(cities))


def _thinking_loop(asked: Asked) -> Reply:
    """Think, call a tool, and answer once its result is here."""
    if asked.heard.results:
        return asked.says(Said(text=f"It is {next(iter(asked.heard.results.values()))}."))
    return _calls(asked, ("get_weather", {"city": CITIES[0]}), thought=thought(asked.api, asked.nonce))


def _rich(asked: Asked) -> Reply:
    """Say all that there is: a thought, text, two calls."""
    given = {"text": "Let me look.", "thought": thought(asked.api, asked.nonce), "tokens": USAGE}
    return _calls(asked, ("get_weather", {"city": CITIES[0]}), ("get_time", {}), **given)


def _custom(asked: Asked) -> Reply:
    """Call a tool whose input is free text, and repeat its result."""
    if asked.heard.results:
        return asked.says(Said(text=f"Done: {next(iter(asked.heard.results.values()))}"))
    return _calls(asked, ("apply_patch", PATCH))


# ends ----------------------------------------------------------------------------------------------------------------

STOP_WORD = "ENOUGH"


def _length(asked: Asked) -> Reply:
    return asked.says(Said(text=plain_text(asked.nonce), stop="length"))


def _stop_sequence(asked: Asked) -> Reply:
    return asked.says(Said(text=plain_text(asked.nonce), stop="stop_sequence", stop_sequence=STOP_WORD))


def _refusal(asked: Asked) -> Reply:
    return asked.says(Said(refusal="I cannot help with that."))


def _filter(asked: Asked) -> Reply:
    return asked.says(Said(text=plain_text(asked.nonce), stop="filter"))


# failures ------------------------------------------------------------------------------------------------------------


def _until_text(asked: Asked) -> list[bytes]:
    """Return the events up to the first piece of text."""
    made = asked.events(Said(text=plain_text(asked.nonce)))
    return made[: next(at for at, one in enumerate(made) if b"Hello" in one) + 1]


def _cut(asked: Asked) -> Reply:
    """Close the connection in the middle of an answer."""
    if asked.streams:
        return as_stream([*_until_text(asked), CUT])
    reply = asked.says(Said(text=plain_text(asked.nonce)))
    length = ("content-length", str(len(reply.body)))
    return replace(reply, headers=(*reply.headers, length), parts=(reply.body[: len(reply.body) // 2], CUT))


def _unfinished(asked: Asked) -> Reply:
    """End the body as HTTP does, but long before the answer ends."""
    return as_stream(_until_text(asked))


def _broken_off(asked: Asked) -> Reply:
    """Tell of an error in the middle of a stream."""
    begun = _until_text(asked)
    return as_stream([*begun, *asked.voice.broken_off("overloaded", begun)])


def _opening(asked: Asked) -> list[bytes]:
    made: list[bytes] = asked.voice.opening(Said(), asked.body)
    return made


def _early_error(asked: Asked) -> Reply:
    """Begin a stream, and fail before there is any content."""
    begun = _opening(asked)
    return as_stream([*begun, *asked.voice.broken_off("overloaded", begun)])


def _early_cut(asked: Asked) -> Reply:
    return as_stream([*_opening(asked), CUT])


# pace ----------------------------------------------------------------------------------------------------------------


def _paced(asked: Asked) -> Reply:
    """Say the rest only when the client has heard the first piece."""
    made = asked.events(Said(text=plain_text(asked.nonce)))
    begun = len(_until_text(asked))
    steps: list[Step] = [*made[:begun], asked.gate, *made[begun:]]
    return as_stream(steps)


def _stalled(asked: Asked) -> Reply:
    """Say something, and then nothing more."""
    return as_stream([*_until_text(asked), STALL])


def _silent(asked: Asked) -> Reply:
    """Say nothing at all, not even a status."""
    return asked.says(Said(text="never")).after(STALL)


def _crlf(asked: Asked) -> Reply:
    reply = asked.says(Said(text=plain_text(asked.nonce)))
    return replace(reply, parts=tuple(_bytes(part).replace(b"\n", b"\r\n") for part in reply.parts))


def _comments(asked: Asked) -> Reply:
    """Keep the connection alive with comments before, between and behind the events."""
    reply = asked.says(Said(text=plain_text(asked.nonce)))
    return replace(reply, parts=tuple(b": keep-alive\n\n" + _bytes(part) for part in reply.parts))


def _bytes(part: Step) -> bytes:
    assert isinstance(part, bytes)
    return part


SCENARIOS: dict[str, Callable[[Asked], Reply]] = {
    "text": _text,
    "fields": _text,
    "think": _think,
    "emoji": _emoji,
    "structured": _structured,
    "usage": _usage,
    "one-call": _one_call,
    "two-calls": _two_calls,
    "interleaved": _interleaved,
    "no-arguments": _no_arguments,
    "large": _large,
    "loop": _loop,
    "thinking-loop": _thinking_loop,
    "rich": _rich,
    "custom": _custom,
    "length": _length,
    "stop-sequence": _stop_sequence,
    "refusal": _refusal,
    "filter": _filter,
    "fail-rate-limit": lambda asked: asked.fails("rate-limit"),
    "fail-bad-request": lambda asked: asked.fails("bad-request"),
    "fail-context": lambda asked: asked.fails("context"),
    "fail-credential": lambda asked: asked.fails("credential"),
    "fail-server": lambda asked: asked.fails("server"),
    "fail-overloaded": lambda asked: asked.fails("overloaded"),
    "cut": _cut,
    "unfinished": _unfinished,
    "broken-off": _broken_off,
    "early-error": _early_error,
    "early-cut": _early_cut,
    "paced": _paced,
    "stalled": _stalled,
    "silent": _silent,
    "crlf": _crlf,
    "comments": _comments,
}
LENIENT = frozenset({"fields"})
"""Scenarios whose requests have fields on purpose that no vendor knows."""
