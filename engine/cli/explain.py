"""`turnout explain MODEL`: where a request would go and why, each line with its place in the file."""

from __future__ import annotations

import argparse
import datetime
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from engine import resources
from engine.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.diagnostics import Span
    from engine.facts import Facts
    from engine.plan.explain import Attempt, Explanation, Passage
    from engine.plan.nodes import Plan, Tuning

APIS = ("chat", "completions", "embeddings", "messages", "count_tokens")

LONGEST = 60
"""Characters that are shown of a forced value."""
EDITED = ", and what `set` and `unset` name"


class Line(NamedTuple):
    """A line of the explanation, in columns."""

    section: str
    name: str
    verdict: str
    why: str
    place: str


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "explain", "Say where a request would go, and why.")
    parser.add_argument("model", nargs="?", metavar="MODEL", help="the name the client asks for")
    parser.add_argument("--api", choices=APIS, default="chat", help="the endpoint it asks (default: chat)")
    parser.add_argument("--path", metavar="PATH", help="instead of MODEL: the path of a request for a `pass` route")
    parser.add_argument(
        "--method", metavar="METHOD", default="POST", help="the HTTP method with --path (default: POST)"
    )
    parser.add_argument("--key", metavar="NAME", help="the client key, by its name (default: anonymous)")
    parser.add_argument("--base", metavar="NAME", help="the base it comes in by")
    parser.add_argument("--header", metavar="'N: V'", action="append", default=[], help="a request header; repeatable")
    parser.add_argument("--stream", action="store_true", help="a stream is asked for")
    parser.add_argument("--tools", action="store_true", help="the request declares tools")
    parser.add_argument("--images", action="store_true", help="the request holds images")
    parser.add_argument("--thinking", action="store_true", help="thinking is asked for")
    parser.add_argument("--input-tokens", metavar="N", type=_count, default=0, help="estimated tokens of the input")
    parser.add_argument("--max-tokens", metavar="N", type=_count, help="tokens of output asked for")
    parser.add_argument(
        "--down", metavar="U[/M]", action="append", default=[], help="an upstream or target that is down; repeatable"
    )
    parser.add_argument("--live", action="store_true", help="ask the environment which upstreams are on")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def _count(text: str) -> int:
    """Return a whole number that is not negative."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no number of tokens")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Exit code 1 when the request would not be answered."""
    from engine.diagnostics.mask import mask
    from engine.plan.compile import as_written
    from engine.plan.explain import explain

    read = console.read_plan(args)
    if read is None:
        return console.PROBLEMS
    reading, plan = read
    if not args.live:
        plan = as_written(plan)
    wrong = _wrong(args, plan)
    if wrong is not None:
        console.problem(*wrong)
        return console.USAGE
    told = explain(plan, _facts(args, plan), args.down, datetime.datetime.now(datetime.UTC).date().isoformat())
    if args.format == "json":
        shown = json.dumps(as_json(told), indent=2, ensure_ascii=False)
    else:
        shown = _shortened("\n".join(aligned(lines(told))), console.file(args))
    print(mask(shown, reading.report.secrets))
    return console.OK if told.answered else console.PROBLEMS


def _wrong(args: argparse.Namespace, plan: Plan) -> tuple[str, str] | None:
    """Return (problem, help) for a name that the file does not know."""
    from engine.facts import ANONYMOUS
    from engine.plan.near import did_you_mean, listing

    asked: list[tuple[str, str, Iterable[str]]] = []
    if args.key is not None:
        asked.append(("key", args.key, {**plan.keys, ANONYMOUS: None}))
    if args.base is not None:
        asked.append(("base", args.base, plan.bases))
    asked += [("upstream", name.partition("/")[0], plan.upstreams) for name in args.down]
    for noun, name, known in asked:
        if name not in known:
            return f"no {noun} `{name}` in the file", did_you_mean(name, known, listing(f"{noun}s", known))
    return _misfit(args, plan)


def _misfit(args: argparse.Namespace, plan: Plan) -> tuple[str, str] | None:
    """Return (problem, help) for what cannot be asked."""
    from engine.chat import Problem
    from engine.plan.explain import targets
    from engine.plan.near import did_you_mean, listing
    from engine.plan.never import own
    from engine.plan.paths import canonical
    from engine.plan.reach import MODEL_PATHS
    from engine.plan.route import asked_name

    if (args.model is None) == (args.path is None):
        return "explain needs MODEL, or --path", "name what the client asks for, or the path of a `pass` route"
    if args.path is not None:
        try:
            path = canonical(args.path.encode())
        except Problem as problem:
            return problem.message, "write it as the client sends it, without host and query"
        base, path = _placed(path, plan)
        if path in MODEL_PATHS:
            return f"`{path}` is a model endpoint", f"name the model: `turnout explain MODEL --api {MODEL_PATHS[path]}`"
        if own(path, based=base is not None) is not None:
            return f"Turnout answers `{path}` itself, without asking the routes", "ask for a path of an upstream"
    known = targets(plan, asked_name(args.model)[0] if args.model is not None else None)
    for name in args.down:
        if "/" in name and not any(text.match(name) is not None for text in known):
            texts = list(dict.fromkeys(text.text for text in known))
            return f"no target `{name}` in the file", did_you_mean(name, texts, listing("targets", texts))
    for header in args.header:
        if ":" not in header:
            return f"`{header}` is no header", "write 'name: value'"
    return None


def _placed(path: str, plan: Plan) -> tuple[str | None, str]:
    """Return (base, path without its prefix) of a canonical path."""
    from engine.plan.paths import place
    from engine.plan.reach import MODEL_PATHS

    return place(plan.bases, path, MODEL_PATHS)


def _facts(args: argparse.Namespace, plan: Plan) -> Facts:
    from engine.facts import ANONYMOUS, Depth, Facts
    from engine.plan.explain import PATHS
    from engine.plan.paths import canonical
    from engine.plan.route import asked_name

    pairs = (header.split(":", 1) for header in args.header)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    method, key = args.method.upper(), args.key or ANONYMOUS
    if args.path is not None:
        base, path = _placed(canonical(args.path.encode()), plan)
        return Facts(api=None, method=method, path=path, base=args.base or base, key=key, model=None, headers=headers)
    name, suffix = asked_name(args.model)
    return Facts(
        api=args.api,
        path=PATHS[args.api],
        base=args.base,
        key=key,
        model=name,
        suffix=suffix,
        stream=args.stream,
        headers=headers,
        depth=Depth(
            tools=args.tools,
            images=args.images,
            thinking=args.thinking,
            input_tokens=args.input_tokens,
            max_tokens=args.max_tokens,
        ),
    )


def lines(told: Explanation) -> Iterator[Line]:
    """Yield the explanation, in the order in which things happen."""
    decision = told.decision
    if decision.facts.suffix is not None:
        yield Line("asked", decision.facts.model or "", "", f"`{decision.facts.suffix}` is cut from the name", "")
    for step in decision.trace:
        yield Line(step.section, step.name, step.verdict, step.why, _place(step.span))
    if decision.refusal is not None:
        yield Line("refused", str(decision.refusal.status), decision.refusal.code, decision.refusal.message, "")
        return
    if told.passage is not None:
        yield Line("passes", told.passage.upstream, "", _passed(told.passage, decision.facts.method), "")
    yield from _tried(told.tries)
    if told.tuning is not None:
        yield from _tuned(told.tuning)
    if not told.answered:
        yield Line("fails", "", "", "no target answers" if told.passage is None else "nobody answers", "")
    for pool, targets in told.left:
        yield Line("else", pool.entry, "", ", ".join(str(target) for target in targets), _place(targets[0].span))
    for step in told.deep:
        yield Line("body", "decoded", "", f"route {step.name} looks at {step.why}", _place(step.span))
    if told.tries and not told.deep:
        edits = told.tuning is not None and told.tuning.edits
        yield Line("body", "as it is", "", f"only `model` is replaced{EDITED if edits else ''}", "")


def _tried(tries: Iterable[Attempt]) -> Iterator[Line]:
    """Yield a line for each target that is tried, numbered; nothing is sent to one that is off."""
    number = 0
    for attempt in tries:
        place = _place(attempt.target.span)
        if attempt.failure is not None and attempt.failure.reason == "off":
            yield Line("target", str(attempt.target), "skipped", f"off: {attempt.failure.message}", place)
        else:
            number += 1
            yield Line(f"try {number}", str(attempt.target), "", _went(attempt), place)


def _tuned(tuning: Tuning) -> Iterator[Line]:
    """Yield a line for each thing that is done to the request on its way."""
    for key, name, why in _said(tuning):
        yield Line(key, name, "", why, _place(tuning.places.get((key, name))))


def _said(tuning: Tuning) -> Iterator[tuple[str, str, str]]:
    """Yield (key, what it is about, to which value)."""
    for path, value in tuning.set.items():
        shown = json.dumps(value, ensure_ascii=False)
        yield "set", path, f"= {shown}" if len(shown) <= LONGEST else f"= {shown[:LONGEST]}…"
    yield from (("unset", path, "") for path in tuning.unset)
    yield from (("strip", name, "") for name in tuning.strip)
    if tuning.like is not None:
        yield "like", tuning.like, ""
    if ("translation", tuning.translation) in tuning.places:
        yield "translation", tuning.translation, ""


def _passed(passage: Passage, method: str) -> str:
    return passage.failure.message if passage.failure is not None else f"{method} {passage.url}"


def _shortened(shown: str, file: str) -> str:
    """Name the file that ships by its name alone, with its path once below."""
    shipped = str(resources.path(console.DEFAULT))
    if file != shipped or shipped not in shown:
        return shown
    return shown.replace(shipped, console.DEFAULT) + f"\n\n{console.DEFAULT} is the one that ships: {shipped}"


def _went(attempt: Attempt) -> str:
    waited = f"after up to {attempt.delay:g} s: " if attempt.delay else ""
    if attempt.failure is None:
        return f"{waited}answers" + (f": POST {attempt.url}" if attempt.url else " by itself")
    return f"{waited}{attempt.failure.message}"


def _place(span: Span | None) -> str:
    return f"{span.file}:{span.line}" if span is not None else ""


def aligned(rows: Iterable[Line]) -> Iterator[str]:
    """Yield the lines in columns; a section is named once."""
    table = list(rows)
    widths = [max((len(row[column]) for row in table), default=0) for column in range(4)]
    before = ""
    for row in table:
        section = "" if row.section == before else row.section
        before = row.section
        cells = [f"{cell:<{width}}" for cell, width in zip((section, *row[1:4]), widths, strict=True) if width]
        yield "  ".join([*cells, row.place]).rstrip()


def as_json(told: Explanation) -> dict[str, Any]:
    """Return the explanation as one JSON object."""
    import msgspec

    decision = told.decision
    refusal = decision.refusal
    return {
        "facts": msgspec.to_builtins(decision.facts),
        "trace": [
            {"section": s.section, "name": s.name, "verdict": s.verdict, "why": s.why, "at": _place(s.span)}
            for s in decision.trace
        ],
        "route": decision.route,
        "tries": [
            {
                "target": str(attempt.target),
                "entry": attempt.entry,
                "delay": attempt.delay,
                "reason": attempt.failure.reason if attempt.failure else None,
                "url": attempt.url,
                "at": _place(attempt.target.span),
            }
            for attempt in told.tries
            if attempt.failure is None or attempt.failure.reason != "off"
        ],
        "off": [str(one.target) for one in told.tries if one.failure is not None and one.failure.reason == "off"],
        "passes": {"upstream": told.passage.upstream, "url": told.passage.url} if told.passage else None,
        "target": str(told.tries[-1].target) if told.answered and told.tries else None,
        "tuning": _tuning(told.tuning) if told.tuning is not None else None,
        "else": [{"entry": pool.entry, "targets": [str(target) for target in targets]} for pool, targets in told.left],
        "body": "decoded" if told.deep else "as it is",
        "refusal": {"status": refusal.status, "code": refusal.code, "message": refusal.message} if refusal else None,
    }


def _tuning(tuning: Tuning) -> dict[str, Any]:
    """Return what is done to a request; `at` says where the file has it."""
    at: dict[str, dict[str, str]] = {}
    for (key, name), span in tuning.places.items():
        at.setdefault(key, {})[name] = _place(span)
    return {
        "set": tuning.set,
        "unset": list(tuning.unset),
        "strip": list(tuning.strip),
        "like": tuning.like,
        "translation": tuning.translation,
        "at": at,
    }
