"""What came of it, for people and for tools."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conformance.check import Check, Pair
    from tests.conformance.run import Outcome

LONGEST = 600
"""Characters of a reason."""


def table(outcomes: Sequence[Outcome], checks: Sequence[Check], pairs: Sequence[Pair]) -> str:
    """Return a row for each check and a column for each pair: ok, FAIL, or - where it does not apply."""
    width = max(len(check.name) for check in checks)
    wide = max(len(str(pair)) for pair in pairs)
    lines = [" " * width + "".join(f"  {pair!s:>{wide}}" for pair in pairs)]
    for check in checks:
        cells = [_cell(outcomes, check, pair) for pair in pairs]
        lines.append(f"{check.name:<{width}}" + "".join(f"  {cell:>{wide}}" for cell in cells))
    return "\n".join(lines)


def _cell(outcomes: Sequence[Outcome], check: Check, pair: Pair) -> str:
    """Return ok, FAIL or -; where only one mode fails, which."""
    found = [one for one in outcomes if one.check == check.name and one.pair == pair and one.state != "skip"]
    failed = [one.mode for one in found if one.state == "fail"]
    if failed:
        return "FAIL" if len(failed) == len(found) else f"FAIL {failed[0]}"
    return "ok" if found else "-"


def words(outcomes: Sequence[Outcome]) -> str:
    """Return every failure with its reason; those of one reason together."""
    grouped: dict[str, list[Outcome]] = {}
    for one in outcomes:
        if one.state == "fail":
            grouped.setdefault(one.reason, []).append(one)
    told = []
    for reason, failed in grouped.items():
        checks = ", ".join(dict.fromkeys(one.check for one in failed))
        where = ", ".join(dict.fromkeys(f"{one.pair} {one.mode}" for one in failed))
        told.append(f"{checks}: {where}\n    {reason[:LONGEST]}{' ...' if len(reason) > LONGEST else ''}")
    return "\n".join(told)


def summary(outcomes: Sequence[Outcome], pairs: Sequence[Pair]) -> str:
    """Return a Markdown table: per pair how many checks passed of those that apply, whole and streamed counted each."""
    clients = list(dict.fromkeys(pair.client for pair in pairs))
    upstreams = list(dict.fromkeys(pair.upstream for pair in pairs))
    lines = [
        "| client | " + " | ".join(f"{upstream} upstream" for upstream in upstreams) + " |",
        "|---|" + "---|" * len(upstreams),
    ]
    for client in clients:
        cells = [
            _count([one for one in outcomes if (one.pair.client, one.pair.upstream) == (client, upstream)])
            for upstream in upstreams
        ]
        lines.append(f"| {client} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _count(outcomes: Sequence[Outcome]) -> str:
    applied = [one for one in outcomes if one.state != "skip"]
    return f"{sum(one.state == 'pass' for one in applied)}/{len(applied)}" if applied else "-"


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Return every outcome as JSON."""
    found = [
        {
            "check": one.check,
            "client": one.pair.client,
            "upstream": one.pair.upstream,
            "mode": one.mode,
            "state": one.state,
            "reason": one.reason,
        }
        for one in outcomes
    ]
    return json.dumps(found, indent=1, ensure_ascii=False)


def listing(checks: Sequence[Check]) -> str:
    """Return the checks with what each says and the facts it rests on."""
    return "\n".join(
        f"{check.name}\n    {check.says}" + (f"\n    {check.facts}" if check.facts else "") for check in checks
    )
