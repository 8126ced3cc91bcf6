"""The loss contract: what becomes of every field of one API on its way to another, as data.

One file for each API and side: `chat-request.yaml` says what a client's request loses towards each other API,
`chat-answer.yaml` what an upstream's answer loses towards clients of the others, and `chat-stream.yaml` what of it only
the events of a stream have. Legacy completions are what clients ask in alone: they have the first. A row is a path and,
for each other API, a line:

    max_tokens:
      messages: mapped to max_tokens
    seed:
      messages: dropped, no counterpart in the Messages API
    parallel_tool_calls:
      messages:
        = true: idle, it is the default
        = false: mapped to tool_choice[auto].disable_parallel_tool_use = true
    temperature:
      messages:
        claude-sonnet-4-5: mapped to temperature
        claude-opus-5-5: dropped, this model takes none

A path names fields from the top. In brackets stands which member of a union is meant, by its `type`, else its `role`;
`[]` is a list whose elements are all alike. `.**` behind it: and everything in it. Where the fate depends on the value
or on the model, a row has a line for each; one that names no model was tried with claude-opus-5-5 or gpt-5.5.

Nothing here runs a translation: the tests do, for every row.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

Side = Literal["request", "answer", "stream"]
"""A client's request, an upstream's whole answer, and what only the events of its stream have."""
Fate = Literal["mapped", "approximated", "dropped", "refused", "idle"]
"""Carried over; carried over roughly, and told; left out, and told; answered 400; nothing to carry."""

FATES: tuple[Fate, ...] = get_args(Fate)

FORMS: dict[str, str] = {
    "json": "as JSON text",
    "object": "the JSON text as an object",
    "listed": "as the one element of a list",
    "part-of": "as a part of the text",
    "rendered": "what can be read of it, as text",
    "error": "a text that begins with Error",
    "data-url": "as a data URL",
    "opened": "the data URL as type and data",
    "breakpoint": "as a cache breakpoint",
    "sealed": "as reasoning with its seal",
    "enclosed": "under Turnout's own seal",
    "seal": "its seal, under Turnout's own",
}
"""The forms in which a value arrives that does not arrive as it is."""

WHOLE = ".**"

LINE = re.compile(
    rf"(?P<fate>{'|'.join(FATES)})(?: to (?P<to>[^\s,]+)(?: = (?P<equals>[^\s,]+))?)?(?: as (?P<form>[a-z-]+))?"
    r"(?: at (?P<at>[^\s,]+))?(?:, (?P<why>.+))?",
    re.DOTALL,
)
CONDITION = re.compile(r"(?P<model>[^\s=]+)?\s*(?:=\s*(?P<value>.+))?", re.DOTALL)


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of one field towards one API."""

    path: str
    fate: Fate
    whole: bool = False
    """Everything in it has this fate too."""
    value: Any = msgspec.UNSET
    """The value of which this is said."""
    model: str | None = None
    """The model of the target of which this is said."""
    to: str | None = None
    """The path at which it arrives."""
    equals: Any = msgspec.UNSET
    """The value that arrives; unset: the one that was sent."""
    form: str | None = None
    """The form in which it arrives: a word of FORMS."""
    at: str | None = None
    """Where the loss is told, if not at the path itself, in what surrounds it or in what it holds."""
    why: str = ""


@cache
def rows(source: str, target: str, side: Side) -> tuple[Row, ...]:
    """Return what becomes of one side of `source` towards `target`: of a client's requests towards an upstream, of an
    upstream's answers and streams towards a client. Raises `KeyError` for an API that is not translated."""
    return tuple(row for path, fates in table(source, side).items() for row in read(path, fates[target]))


@cache
def table(source: str, side: Side) -> dict[str, dict[str, Any]]:
    """Return the rows of one file as they stand there: path -> API -> line. Raises `KeyError` for an unknown API."""
    import yaml

    file = resources.files(__name__) / f"{source}-{side}.yaml"
    if not file.is_file():
        raise KeyError(source)
    found: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text("utf-8"))
    return found


def read(path: str, told: str | dict[str, str]) -> Iterator[Row]:
    """Read what is told of one path towards one API. Raises `ValueError` for a line that says nothing."""
    for condition, line in told.items() if isinstance(told, dict) else (("", told),):
        found, when = LINE.fullmatch(line), CONDITION.fullmatch(condition)
        if found is None or when is None:
            raise ValueError(f"{path}: {condition}: {line}")
        yield Row(
            path=path.removesuffix(WHOLE),
            whole=path.endswith(WHOLE),
            value=value_of(when["value"]),
            model=when["model"],
            fate=found["fate"],  # type: ignore[arg-type]  # the pattern admits no other
            to=found["to"],
            equals=value_of(found["equals"]),
            form=found["form"],
            at=found["at"],
            why=found["why"] or "",
        )


def value_of(word: str | None) -> Any:
    """Return a value as it is written in a row: JSON, or a bare word."""
    if word is None:
        return msgspec.UNSET
    try:
        return msgspec.json.decode(word)
    except msgspec.DecodeError:
        return word
