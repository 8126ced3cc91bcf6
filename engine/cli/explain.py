"""`turnout explain MODEL`: where a request would go and why, each line with its place in the file."""

from __future__ import annotations

import argparse
import datetime
import json
from typing import TYPE_CHECKING

from engine import resources
from engine.cli import console, contract

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.cli.asked import Asked
    from engine.facts import Depth, Facts
    from engine.plan.nodes import Plan

APIS = ("chat", "responses", "messages", "completions", "embeddings", "count_tokens", "input_tokens", "realtime")


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "explain", "Say where a request would go, and why.")
    parser.add_argument("model", nargs="?", metavar="MODEL", help="the name the client asks for")
    parser.add_argument("--api", choices=APIS, help="the endpoint it asks (default: chat)")
    parser.add_argument(
        "--request",
        metavar="FILE",
        help="instead of MODEL: the JSON body that a client sends (- is stdin): tells what translating it loses",
    )
    parser.add_argument(
        "--translation",
        nargs=2,
        metavar=("CLIENT", "UPSTREAM"),
        help="instead of MODEL: what becomes of every field between two APIs (chat, messages, responses; clients may "
        "also ask in completions)",
    )
    parser.add_argument("--path", metavar="PATH", help="instead of MODEL: the path of a request for a `pass` route")
    parser.add_argument(
        "--method", metavar="METHOD", default="POST", help="the HTTP method with --path (default: POST)"
    )
    parser.add_argument("--key", metavar="NAME", help="the client key, by its name (default: anonymous)")
    parser.add_argument("--base", metavar="NAME", help="the base it comes in by")
    parser.add_argument(
        "--client", metavar="NAME", help="the program that asks (default: the one that the headers and the body tell)"
    )
    parser.add_argument("--header", metavar="'N: V'", action="append", default=[], help="a request header; repeatable")
    parser.add_argument("--session", metavar="NAME", help="what the client calls its session (default: it names none)")
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
    if args.translation is not None:
        return contract.run(args)
    from engine.cli.asked import asked_of
    from engine.cli.explained import aligned, as_json, lines
    from engine.diagnostics.mask import mask
    from engine.plan.compile import as_written
    from engine.plan.explain import explain

    read = console.read_plan(args)
    if read is None:
        return console.PROBLEMS
    reading, plan = read
    if not args.live:
        plan = as_written(plan)
    asked, wrong = asked_of(args)
    args.api = asked.api if asked is not None else args.api or "chat"
    wrong = wrong or _wrong(args, plan)
    if wrong is not None:
        console.problem(*wrong)
        return console.USAGE
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    facts, body = _facts(args, plan, asked)
    told = explain(plan, facts, args.down, today, body, args.session)
    if args.format == "json":
        shown = json.dumps(as_json(told), indent=2, ensure_ascii=False)
    else:
        shown = _shortened("\n".join(aligned(lines(told))), console.file(args))
    print(mask(shown, reading.report.secrets))
    return console.OK if told.answered else console.PROBLEMS


def _wrong(args: argparse.Namespace, plan: Plan) -> tuple[str, str] | None:
    """Return (problem, help) for a name that the file does not know."""
    from engine.clients import BY_NAME
    from engine.facts import ANONYMOUS
    from engine.plan.near import did_you_mean, listing

    if args.client is not None and args.client not in BY_NAME:
        names = f"known are {', '.join(BY_NAME)}"
        return f"no client is called `{args.client}`", did_you_mean(args.client, BY_NAME, names)
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

    if (args.model is None) + (args.path is None) + (args.request is None) != 2:
        return (
            "explain needs one of MODEL, --request and --path",
            "name what the client asks for, or a file with its request, or the path of a `pass` route",
        )
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


def _facts(args: argparse.Namespace, plan: Plan, asked: Asked | None) -> tuple[Facts, bytes | None]:
    """Return what the rules see of the request, and its body, if that is known, as it is read."""
    import msgspec

    from engine.clients import BY_NAME, detect
    from engine.clients.quirks import kept
    from engine.facts import ANONYMOUS, Facts
    from engine.plan.explain import PATHS
    from engine.plan.paths import canonical
    from engine.plan.reach import METHODS
    from engine.plan.route import asked_name

    pairs = (header.split(":", 1) for header in args.header)
    headers = dict(asked.headers) if asked is not None else {}
    headers |= {name.strip().lower(): value.strip() for name, value in pairs}
    method, key = args.method.upper(), args.key or ANONYMOUS
    form, fields = (asked.peek.form, asked.peek.fields) if asked is not None else (None, {})
    client = BY_NAME[args.client] if args.client is not None else detect(_sent(headers), form, fields)
    told = client.name if client is not None else None
    if args.path is not None:
        base, path = _placed(canonical(args.path.encode()), plan)
        facts = Facts(api=None, method=method, path=path, base=args.base or base, key=key, client=told, headers=headers)
        return facts, None
    method = METHODS.get(args.api, "POST")
    name, suffix = asked_name(args.model if asked is None else asked.peek.model)
    facts = Facts(
        api=args.api,
        form=form,
        method=method,
        path=PATHS[args.api],
        base=args.base,
        key=key,
        client=told,
        model=name,
        suffix=suffix,
        stream=args.stream if asked is None else asked.peek.stream,
        headers=headers,
        depth=asked.depth if asked is not None else _depth(args),
    )
    if asked is None:
        return facts, None
    left = kept(client, form, fields)
    return facts, asked.body if left is fields else msgspec.json.encode(left)


def _depth(args: argparse.Namespace) -> Depth:
    from engine.facts import Depth

    return Depth(
        tools=args.tools,
        images=args.images,
        thinking=args.thinking,
        input_tokens=args.input_tokens,
        max_tokens=args.max_tokens,
    )


def _sent(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Return header fields as a server gets them."""
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _shortened(shown: str, file: str) -> str:
    """Name the file that ships by its name alone, with its path once below."""
    shipped = str(resources.path(console.DEFAULT))
    if file != shipped or shipped not in shown:
        return shown
    return shown.replace(shipped, console.DEFAULT) + f"\n\n{console.DEFAULT} is the one that ships: {shipped}"
