"""What an upstream refused of a request, so that it is asked once more without it, and never again with it.

Servers name the parameter in `error.param` (OpenAI), in the place of a validation error (`loc`: Mistral, vLLM and
whatever else checks with pydantic), or only in words. What they quote of the request is the client's text, and says
nothing: `input` and `ctx` of pydantic, the values behind a field's name, whatever stands below a schema.

What can be left out of a body is each API's own: `Refusals`. What is said without a field's name: spoken.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from engine.dialects.failure import decoded, text
from engine.dialects.window import ROOM, room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine.chat import Failure
    from engine.dialects.openai.spoken import Place, Said

Json = dict[str, Any]

STATUSES = frozenset({400, 404, 422, 501})
"""The statuses with which servers refuse a parameter; 404 is OpenRouter's, when no server behind it takes one."""
NO_PARAMETER = frozenset({"context_length", "content_filter", "auth", "quota", "rate_limit"})
"""Reasons that no parameter can be blamed for."""
LONGEST = 4_000
"""How much of a message is read, in characters."""

SINGLE = frozenset({"vision", "file", "strict", ROOM.rstrip("=")})
"""Words (up to their `=`) that are true of one request: they may speak of one image, one schema, one input."""

CLIENTS = frozenset({"parameters", "schema", "properties", "arguments", "$defs"})
"""Steps of a place below which the names are the client's own."""

WRAPPERS = frozenset({"error", "errors", "detail", "details", "message"})
"""Fields of an error body that hold what the server says; any other may hold what the client said."""

QUOTES = re.compile(r"['\"]?\binput['\"]?: |\binput_value=|, value: |\{(?!'type')")
"""Where a message begins to quote the request: pydantic's `input`, Fireworks' `value`, JSON."""

FLAW = re.compile(r"'loc': [\[(](?:'body', )?([^\])]*)")
"""How vLLM prints the place of the first error that pydantic found."""

REFUSED = re.compile(
    r"unsupported|not (?:yet )?supported|n't support|not support|unrecognized|unknown|unexpected|extra inputs"
    r"|extra_forbidden|not permitted|not allowed|unavailable|not available|only the default|only supported"
)
"""How a message sounds (lower case) that refuses a field whatever its value; a value out of range is the client's."""

NAMED = (
    r"(?:unsupported|unknown|unrecognized|unexpected|not supported|not permitted)"
    r"(?:(?: on| by| with)? (?:this|the) model)?(?: request)?"
    r"(?: (?:parameter|argument|field|name|key|property|keyword argument|value)s?)?(?: supplied| provided)?"
    r"(?:\W+field)?\W+?{mark}{word}(?!\.?\w)"
    r"|(?:not|n't) support (?:this |the |parameter |field )*{mark}{word}"
    r"|(?:^|[.:;] )(?:(?:the|this|use of|property|parameter|argument|field|option) )*{mark}{word}{mark}"
    r"(?: \w+)? (?:is|are)\b[^.:;]{0,60}?(?:{no})"
)
"""How a message that no place goes with names the field that it refuses: right beside the no, or before it in the same
clause."""

LIMIT = re.compile(
    r"(?:at most|is \[\d+,|less than or equal to|cannot exceed|must not exceed|maximum (?:value )?(?:of|is))"
    r"\s*[`']?(\d{2,7})\b"
)
"""How servers tell the longest answer of a model."""

EFFORT = re.compile(r"not support '(\w+)'|value: '(\w+)' is not supported")


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """What the writer of one API can leave out, or put differently, and how that is refused."""

    optional: tuple[str, ...]
    """Fields, by their path: each is its own word. The first that fits counts."""
    inside: dict[str, tuple[str, ...]]
    """Fields that do not stand at the top of a body: in which others they do, at whatever depth."""
    quoted: frozenset[str]
    """Fields that are ordinary words: in a message they count in quotation marks only."""
    spoken: tuple[Said, ...]
    """The first that was sent counts."""
    form: str
    """The path of the form that the answer must have."""
    named: str
    """What a message calls it that no place goes with (a regular expression)."""
    limits: tuple[str, ...]
    """The fields that say how long the answer may be."""
    about_limit: re.Pattern[str]
    """How a message begins that speaks of them (lower case)."""
    effort: str
    """The path of the effort: a word for it that is not taken is refused alone."""
    held: Callable[[str, Json], bool]
    """Whether what a word stands for was sent."""


def correction(failure: Failure, sent: Json, known: Refusals) -> str | None:
    """Return the word for `Family.refused`; None if the failure names nothing of `sent` that could be left out.

    Where the context is exceeded: `room=N`, if an answer of N tokens would still fit.
    """
    if failure.reason == "context_length":
        return room(failure.message, asked_for(sent, known))
    if failure.status not in STATUSES or failure.reason in NO_PARAMETER:
        return None
    places, message = heard(failure)
    roots = {root for place in places for root in place[:1]}
    if (limit := learned_limit(roots, message, sent, known)) is not None:
        return limit
    for one in known.spoken:
        if known.held(one.word, sent) and one.is_meant(places, message):
            return one.word
    if not REFUSED.search(message) or of_a_schema(places, message):
        return None
    if (word := form_refused(places, message, sent, known)) is not None:
        return word
    return field_refused(places, message, sent, known)


def form_refused(places: list[Place], message: str, sent: Json, known: Refusals) -> str | None:
    """Return the form that the answer was to have, if that is what is refused."""
    named = any(begins(place, known.form) for place in places)
    for kind, name in (("json_schema", "json_schema"), ("json_object", "json_object|json mode")):
        word = f"{known.form}.{kind}"
        if known.held(word, sent) and (named or re.search(f"{known.named}|{name}", message)):
            return word
    return None


def field_refused(places: list[Place], message: str, sent: Json, known: Refusals) -> str | None:
    fields = [word for word in known.optional if known.held(word, sent)]
    if places:
        found = next((word for word in fields if stands(word, places, sent, known)), None)
    else:
        found = next((word for word in fields if mentioned(word, message, known)), None)
    if found == known.effort and (value := EFFORT.search(message)):
        effort = value[1] or value[2]
        return f"{found}={effort}" if effort == at(sent, found) else found
    return found


def of_a_schema(places: list[Place], message: str) -> bool:
    """Say whether the refusal is one of a schema: the names in it are the client's."""
    return any(CLIENTS.intersection(place) for place in places) or message.startswith("invalid schema")


def stands(word: str, places: list[Place], sent: Json, known: Refusals) -> bool:
    """Say whether one of `places` is that of the field `word`."""
    if word in known.inside:
        return any(place[0] in known.inside[word] and word in place for place in places)
    # what comes before the name, and was not sent, is that of a class
    return any(begins(place, word) or (place[0] not in sent and begins(place[1:], word)) for place in places)


def begins(place: Place, path: str) -> bool:
    steps = path.split(".")
    return place[: len(steps)] == steps


def mentioned(word: str, message: str, known: Refusals) -> bool:
    mark = "[`'\"]" if word in known.quoted else "[`'\"]?"
    named = NAMED.replace("{mark}", mark).replace("{no}", REFUSED.pattern)
    return re.search(named.replace("{word}", rf"\b{re.escape(word)}\b"), message) is not None


def heard(failure: Failure) -> tuple[list[Place], str]:
    """Return the places that an error body names, and what it says of itself, in lower case."""
    places: list[str] = []
    told: list[str] = []
    for one in objects(decoded(failure.body or b"")):
        place = one.get("loc")
        if isinstance(place, list):
            places.append(".".join(str(step) for step in place if step != "body"))
        places += [param] if (param := text(one.get("param"))) else []
        told += [word for key in ("message", "msg", "error", "detail", "code", "type") if (word := text(one.get(key)))]
    spoken = " ".join(told)[:LONGEST] or failure.message
    own = QUOTES.split(spoken, maxsplit=1)[0]
    if own.startswith("[{'type'") and (flaw := FLAW.search(own)):
        places.append(flaw[1].replace("'", "").replace(", ", "."))
    steps = [[step for step in re.split(r"[^a-z_$]+", place.lower()) if step] for place in places]
    return [place for place in steps if place], own.lower()


def objects(value: Any, depth: int = 5) -> Iterator[Json]:
    """Yield the objects of an error body in which a server speaks, whatever they are wrapped in."""
    if isinstance(value, dict):
        yield value
        inner = [one for name, one in value.items() if name in WRAPPERS]
    else:
        inner = value if isinstance(value, list) else []
    if depth:
        for one in inner:
            yield from objects(one, depth - 1)


def asked_for(sent: Json, known: Refusals) -> Any:
    """Return how long the answer was allowed to be."""
    return next((sent[field] for field in known.limits if field in sent), None)


def learned_limit(roots: set[str], message: str, sent: Json, known: Refusals) -> str | None:
    """Return the longest answer of the model, where the request wanted a longer one and the message tells."""
    asked = asked_for(sent, known)
    about = roots & set(known.limits) if roots else known.about_limit.match(message)
    if not isinstance(asked, int) or not about:
        return None
    limits = [int(number) for number in LIMIT.findall(message)]
    fitting = [limit for limit in limits if 0 < limit < asked]
    return f"max_output={min(fitting)}" if fitting else None


def at(body: Json, path: str) -> Any:
    """Return what stands at a path such as text.format, None where there is nothing."""
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def dicts(values: Any) -> list[Json]:
    """Return the objects in a list; none where it is a text, or not there."""
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def is_interrupted(roles: Iterable[Any]) -> bool:
    """Say whether the system speaks behind somebody else; `roles` are those of a conversation."""
    turns = [role in ("system", "developer") for role in roles]
    return any(turns[turns.index(False) :]) if False in turns else False
