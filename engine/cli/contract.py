"""`turnout explain --translation CLIENT UPSTREAM`: what becomes of every field between two APIs, there and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.cli import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from engine.dialects.contract import Row, Side

LONGEST = 24
"""Characters that are shown of a value."""


def run(args: argparse.Namespace) -> int:
    """Print what becomes of a client's requests to an upstream, and of its answers back. No file is read for it."""
    client, upstream = args.translation
    wrong = _wrong(client, upstream)
    if any(given is not None for given in (args.model, args.request, args.path)):
        wrong = ("--translation stands alone", "leave MODEL, --request and --path out: it tells of every request")
    if wrong is not None:
        console.problem(*wrong)
        return console.USAGE
    if args.format == "json":
        print(json.dumps(as_json(client, upstream), indent=2, ensure_ascii=False))
    else:
        print("\n".join(aligned(lines(client, upstream))))
    return console.OK


def _wrong(client: str, upstream: str) -> tuple[str, str] | None:
    """Return (problem, help) for names between which nothing is translated."""
    from engine.dialects import CLIENTS, CODECS
    from engine.plan.near import did_you_mean, listing

    if client not in CLIENTS:
        return f"no API `{client}` that is translated", did_you_mean(client, CLIENTS, listing("APIs", CLIENTS))
    if upstream not in CODECS:
        into = f"nothing is translated into {upstream}"
        what = into if upstream in CLIENTS else f"no API `{upstream}` that is translated"
        return what, did_you_mean(upstream, CODECS, listing("APIs", CODECS))
    if client == upstream:
        return f"from {client} to {upstream} nothing is translated", "the bytes pass as they are; name two APIs"
    return None


def sides(client: str, upstream: str) -> Iterator[tuple[Side, tuple[Row, ...]]]:
    """Yield the rows of the requests, those of the answers, and those of what only streams have."""
    from engine.dialects.contract import rows

    yield "request", rows(client, upstream, "request")
    yield "answer", rows(upstream, client, "answer")
    yield "stream", rows(upstream, client, "stream")


def lines(client: str, upstream: str) -> Iterator[tuple[str, ...]]:
    """Yield a line for each row, in columns: side, field (of which value and model), fate, where it arrives and why."""
    for side, found in sides(client, upstream):
        for row in found:
            yield side, named(row), row.fate, told(row)


def named(row: Row) -> str:
    """Return the field, with the value and the model of which this is said."""
    import msgspec

    from engine.dialects.contract import WHOLE

    words = [row.path + (WHOLE if row.whole else "")]
    if row.value is not msgspec.UNSET:
        words += ["=", shown(row.value)]
    if row.model is not None:
        words.append(f"({row.model})")
    return " ".join(words)


def shown(value: Any) -> str:
    """Return a value as a row has it, cut where it is long."""
    word = value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)
    return word if len(word) <= LONGEST else f"{word[:LONGEST]}…"


def told(row: Row) -> str:
    """Return where and how a value arrives, and why."""
    import msgspec

    from engine.dialects.contract import FORMS

    place = f"-> {row.to}" if row.to is not None else ""
    if row.equals is None:
        place += " left out"
    elif row.equals is not msgspec.UNSET:
        place += f" = {shown(row.equals)}"
    if row.form is not None:
        place += f", {FORMS[row.form]}"
    return "; ".join(part for part in (place, row.why) if part)


def aligned(table: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield lines in columns; a side is named once."""
    found = list(table)
    *widths, _ = (max(map(len, column)) for column in zip(*found, strict=True))
    before = ""
    for side, *cells, last in found:
        named = "" if side == before else side
        before = side
        columns = [f"{cell:<{width}}" for cell, width in zip((named, *cells), widths, strict=True)]
        yield "  ".join([*columns, last]).rstrip()


def as_json(client: str, upstream: str) -> dict[str, Any]:
    """Return the rows as one JSON object; what a row does not say is left out."""
    import msgspec

    found: dict[str, Any] = {"client": client, "upstream": upstream}
    for side, rows in sides(client, upstream):
        found[side] = [msgspec.to_builtins(row) for row in rows]
    return found
