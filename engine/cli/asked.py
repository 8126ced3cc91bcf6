"""A request out of a file, for `turnout explain --request`: the body alone, or as tools capture it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from engine.chat import Api
    from engine.dialects.base import Peek
    from engine.facts import Depth


class Asked(NamedTuple):
    """A request out of a file, of `api`. Header names are in lower case."""

    body: bytes
    api: Api
    peek: Peek
    depth: Depth
    headers: dict[str, str]


class Captured(NamedTuple):
    """A request as tools capture it: {"method", "target", "headers", "body"}; the API is that of its path."""

    body: bytes
    api: Api | None
    headers: dict[str, str]


def asked_of(args: argparse.Namespace) -> tuple[Asked | None, tuple[str, str] | None]:
    """Return the request of `--request`, or (problem, help) where it is none."""
    from engine.chat import Problem
    from engine.dialects import OWNERS, opened

    if args.request is None or args.model is not None or args.path is not None:
        return None, None
    try:
        text = sys.stdin.buffer.read() if args.request == "-" else Path(args.request).read_bytes()
    except OSError as error:
        return None, (f"{args.request}: {error.strerror}", "name a file with the JSON body of a request")
    captured = _captured(text)
    body, of, headers = captured or Captured(text, None, {})
    api: Api = args.api or of or _api(body)
    if captured is None and args.api is None and api != "chat":
        print(f"note: {args.request} is taken for a body of the {api} API; --api says otherwise", file=sys.stderr)
    if captured is not None:
        what = "its `body` and `headers` are asked" if headers else "its `body` is asked"
        print(f"note: {args.request} is a request as it was captured: {what}, of the {api} API", file=sys.stderr)
    try:
        peek = opened(api, body)
        form = peek.form or api
        depth = OWNERS[form].depth(form, body)
    except Problem as problem:
        return None, (f"{args.request}: {problem.message}", f"it must be a body of the {api} API; see --api")
    return Asked(body, api, peek, depth, headers), None


def _api(body: bytes) -> Api:
    """Return the API of a body that came without its path.

    Without `messages`, an `input` is that of a response, and a `prompt` that is no object that of a completion.
    """
    import msgspec

    from engine.dialects.body import FIELDS

    try:
        fields = FIELDS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "chat"
    if "messages" in fields:
        return "chat"
    if "input" in fields:
        return "responses"
    return "chat" if bytes(fields.get("prompt", b"{")).startswith(b"{") else "completions"


def _captured(text: bytes) -> Captured | None:
    """Return the request that was captured; None: the file is a body itself, or nothing that could hold one."""
    import msgspec

    from engine.dialects import ENDPOINTS
    from engine.dialects.body import FIELDS

    try:
        fields = FIELDS.decode(text)
        if "model" in fields or not bytes(fields.get("body", b"")).startswith(b"{"):
            return None
        places = [msgspec.json.decode(fields[name]) for name in ("target", "path", "url") if name in fields]
        headers = dict(_pairs(msgspec.json.decode(fields.get("headers", b"{}"))))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    paths = [place.partition("?")[0] for place in places if isinstance(place, str)]
    apis = (endpoint.api for owned, (_, endpoint) in ENDPOINTS.items() for path in paths if path.endswith(owned))
    return Captured(bytes(fields["body"]), next(apis, None), headers)


def _pairs(headers: object) -> Iterator[tuple[str, str]]:
    """Yield the header fields of a capture, which may be a mapping or pairs; no credentials."""
    from engine.plan.rules import CREDENTIAL_HEADERS

    pairs = headers.items() if isinstance(headers, dict) else headers if isinstance(headers, list) else ()
    for pair in pairs:
        match pair:
            case [str(name), str(value)] if name.lower() not in CREDENTIAL_HEADERS:
                yield name.lower(), value
