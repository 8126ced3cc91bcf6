"""`turnout explain MODEL`: where a request would go and why, each line with its place in the file."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cli import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from engine.diagnostics import Span
    from engine.facts import Facts
    from engine.plan.explain import Attempt, Explanation
    from engine.plan.nodes import Plan

APIS = ("chat", "completions", "embeddings", "messages", "count_tokens")


class Line(NamedTuple):
    """A line of the explanation, in columns."""

    section: str
    name: str
    verdict: str
    why: str
    place: str


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "explain", "Say where a request would go, and why.")
    parser.add_argument("model", metavar="MODEL", help="the name the client asks for")
    parser.add_argument("--api", choices=APIS, default="chat", help="the endpoint it asks (default: chat)")
    parser.add_argument("--key", metavar="NAME", help="the client key, by its name (default: anonymous)")
    parser.add_argument("--base", metavar="NAME", help="the base it comes in by")
    parser.add_argument("--header", metavar="'N: V'", action="append", default=[], help="a request header; repeatable")
    parser.add_argument("--stream", action="store_true", help="a stream is asked for")
    parser.add_argument("--tools", action="store_true", help="the request declares tools")
    parser.add_argument("--images", action="store_true", help="the request holds images")
    parser.add_argument("--thinking", action="store_true", help="thinking is asked for")
    parser.add_argument("--input-tokens", metavar="N", type=int, default=0, help="estimated tokens of the input")
    parser.add_argument("--max-tokens", metavar="N", type=int, help="tokens of output asked for")
    parser.add_argument(
        "--down", metavar="U[/M]", nargs="+", action="extend", default=[], help="upstreams or targets that are down"
    )
    parser.add_argument("--live", action="store_true", help="ask the environment which upstreams are on")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


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
    told = explain(plan, _facts(args), args.down, datetime.datetime.now(datetime.UTC).date().isoformat())
    if args.format == "json":
        shown = json.dumps(as_json(told), indent=2, ensure_ascii=False)
    else:
        shown = "\n".join(aligned(lines(told)))
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
    for header in args.header:
        if ":" not in header:
            return f"`{header}` is no header", "write 'name: value'"
    return None


def _facts(args: argparse.Namespace) -> Facts:
    from engine.facts import ANONYMOUS, Depth, Facts
    from engine.plan.explain import PATHS
    from engine.plan.route import asked_name

    name, suffix = asked_name(args.model)
    headers = (header.split(":", 1) for header in args.header)
    return Facts(
        api=args.api,
        path=PATHS[args.api],
        base=args.base,
        key=args.key or ANONYMOUS,
        model=name,
        suffix=suffix,
        stream=args.stream,
        headers={name.strip().lower(): value.strip() for name, value in headers},
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
    for number, attempt in enumerate(told.tries, 1):
        yield Line(f"try {number}", str(attempt.target), "", _went(attempt), _place(attempt.target.span))
    if not told.answered:
        yield Line("fails", "", "", "no target answers", "")
    for pool, targets in told.left:
        yield Line("else", pool.entry, "", ", ".join(str(target) for target in targets), _place(targets[0].span))
    if told.deep:
        for step in told.deep:
            yield Line("level", "deep", "", f"route {step.name} looks at {step.why}", _place(step.span))
    else:
        yield Line("level", "bytes", "", "the body passes as it is; only `model` is replaced", "")


def _went(attempt: Attempt) -> str:
    waited = f"after up to {attempt.delay:g} s: " if attempt.delay else ""
    if attempt.failure is None:
        return f"{waited}answers" + (f": POST {attempt.url}" if attempt.url else " by itself")
    off = "off: " if attempt.failure.reason == "off" else ""
    return f"{waited}{off}{attempt.failure.message}"


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
        ],
        "target": str(told.tries[-1].target) if told.answered else None,
        "else": [{"entry": pool.entry, "targets": [str(target) for target in targets]} for pool, targets in told.left],
        "level": "deep" if told.deep else "bytes",
        "refusal": {"status": refusal.status, "code": refusal.code, "message": refusal.message} if refusal else None,
    }
