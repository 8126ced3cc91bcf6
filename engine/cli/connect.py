"""`turnout connect`: the exact settings that point a client here, from templates/clients.

Adding a client: its template, and its line in `CLIENTS`.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import shlex
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from engine.cli import console
from engine.facts import ANONYMOUS

if TYPE_CHECKING:
    import argparse

    from engine.config.document import Document
    from engine.config.sections.server import Server
    from engine.plan.nodes import Plan


class Client(NamedTuple):
    """A program that can be pointed here. `dialect` is the API it is told to speak."""

    name: str
    dialect: str
    title: str


CLIENTS = (
    Client("claude-code", "anthropic", "Claude Code, in the terminal and in VS Code"),
    Client("codex", "responses", "Codex"),
    Client("cline", "openai", "Cline"),
    Client("zoo", "openai", "Zoo Code, Kilo Code"),
    Client("continue", "openai", "Continue"),
    Client("vscode", "openai", "VS Code chat with your own key"),
    Client("jetbrains", "openai", "JetBrains AI Assistant"),
    Client("vscode-sidecar", "openai", "VS Code: a task that runs Turnout beside a workspace"),
    Client("jetbrains-sidecar", "openai", "JetBrains IDEs: a run configuration that runs Turnout beside a project"),
    Client("aider", "openai", "aider"),
    Client("opencode", "openai", "opencode"),
    Client("qwen-code", "openai", "Qwen Code"),
    Client("cursor", "openai", "Cursor, over a public https address"),
    Client("tabby", "openai", "Tabby"),
    Client("openai-python", "openai", "OpenAI SDK for Python"),
    Client("openai-js", "openai", "OpenAI SDK for JavaScript"),
    Client("anthropic-python", "anthropic", "Anthropic SDK for Python"),
    Client("anthropic-js", "anthropic", "Anthropic SDK for JavaScript"),
    Client("curl", "openai", "curl, both APIs"),
)

ENDPOINTS = {"openai": "chat", "responses": "responses", "anthropic": "messages"}
"""What a client of each API calls first and foremost."""
TRANSLATED, REFUSED = 1000, 2000
"""The rank of a name that only upstreams of another API answer, and of one that nothing answers."""
ANY_KEY = "turnout"
"""What a client that must send some key sends where every key is accepted."""
PASTED = re.compile(r"[^\s\"'`$\\|&;<>(){}]+")
"""What may stand unquoted in a shell and inside quotes in JSON, YAML, TOML and code."""


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "connect", "Show the exact settings that point a client here.")
    parser.add_argument("client", nargs="?", metavar="CLIENT", help="which client; without it they are listed")
    parser.add_argument("--url", metavar="URL", help="where clients reach this server (default: from server.listen)")
    parser.add_argument("--model", metavar="NAME", help="the model to ask for (default: the first of `models`)")
    key = parser.add_mutually_exclusive_group()
    key.add_argument("--key", metavar="KEY", help="the client key to write into the settings")
    key.add_argument("--key-env", metavar="VARIABLE", help="take the key from this environment variable")


def run(args: argparse.Namespace) -> int:
    if args.client is None:
        return _list()
    client = next((client for client in CLIENTS if client.name == args.client), None)
    if client is None:
        near = difflib.get_close_matches(args.client, [client.name for client in CLIENTS], n=1)
        console.problem(
            f"no client `{args.client}`",
            f"did you mean `turnout connect {near[0]}`?" if near else "`turnout connect` lists those it knows",
        )
        return console.USAGE
    if args.key_env is not None and not os.environ.get(args.key_env):
        return console.problem(f"{args.key_env} is not set", f"export {args.key_env}, or give the key with --key")
    key = args.key or os.environ.get(args.key_env or "")
    unfit = _unfit(args, key)
    if unfit is not None:
        return unfit
    read = console.read_plan(args)
    if read is None:
        return console.PROBLEMS
    unknown = _unknown(read[1], args.model)
    if unknown is not None:
        console.problem(*unknown)
        return console.USAGE
    file = args.config or console.DEFAULT
    print(settings(client, read[1], url=args.url, key=key, model=args.model, file=file), end="")
    return console.OK


def _unfit(args: argparse.Namespace, key: str | None) -> int | None:
    """Refuse what would break the settings it is pasted into."""
    if args.url is not None and not args.url.startswith(("http://", "https://")):
        console.problem("--url needs its scheme", f"write `--url http://{args.url}`")
        return console.USAGE
    for option, value in (("--url", args.url), ("--model", args.model), ("the key", key)):
        if value is not None and not PASTED.fullmatch(value):
            console.problem(
                f"{option} has characters that shells and JSON read as their own", "leave out quotes and blanks"
            )
            return console.USAGE
    return None


def _unknown(plan: Plan, model: str | None) -> tuple[str, str] | None:
    """Return (problem, help) for a model that leads nowhere, whatever the environment holds."""
    from engine.plan.compile import as_written
    from engine.plan.match import listed, pattern
    from engine.plan.near import did_you_mean, listing
    from engine.plan.resolve import demo, lookup
    from engine.plan.route import asked_name

    name = asked_name(model)[0] if model is not None else ""
    if not name or demo(as_written(plan)) is not None or lookup(plan.entries, plan.patterns, name) is not None:
        return None
    routed = (text for route in plan.document.routes if route.to for text in listed(route.when.model or []))
    if any(pattern(text).match(name) is not None for text in routed):
        return None
    return f"no model `{name}` in the file", did_you_mean(name, plan.entries, listing("models", plan.entries))


def settings(
    client: Client,
    plan: Plan,
    *,
    url: str | None = None,
    key: str | None = None,
    model: str | None = None,
    file: str = console.DEFAULT,
) -> str:
    """Render the settings of `client` as Markdown; what is not given is taken from the file, which is `file`."""
    from engine import templating
    from engine.plan.server import UNIX

    document, notes = plan.document, []
    own = client.name == "claude-code" and key is None and model is None and bool(forwarding(plan))
    if own:
        passed = f"goes to upstream `{forwarding(plan)}` as it came"
        notes.append(f"Its own sign-in {passed}: set neither ANTHROPIC_AUTH_TOKEN nor ANTHROPIC_API_KEY.")
    if own and accepts_any_key(document):
        key = ""
    elif key is None and accepts_any_key(document):
        key = ANY_KEY
        notes.append(f"Every key is accepted here; `{ANY_KEY}` is only there because clients insist on one.")
    elif key is None:
        key = "YOUR-KEY"
        notes.append("YOUR-KEY is a key from `turnout key new NAME`.")
    if model is None:
        model = first_name(plan, client.dialect, key)
    if model is None:
        model = "MODEL"
        notes.append("MODEL is any name that `models` in proxy.yaml matches.")
    server = document.server
    reached, unknown = address(server)
    if url is None and unknown is not None:
        notes.append(f"Add `{unknown}` to server.hosts in proxy.yaml: requests to other hosts are refused.")
    if url is None and server.listen.startswith(UNIX):
        notes.append(
            f"This server listens on a unix socket: give the address of the proxy in front of it with `--url`. "
            f"curl takes `--unix-socket {server.listen.removeprefix(UNIX)}`."
        )
    elif url is None and server.tls is not None:
        notes.append(
            "The client must trust the certificate of `server.tls`; where its authority is your own: "
            "`NODE_EXTRA_CA_CERTS=CA.pem` for programs of Node.js, `SSL_CERT_FILE=CA.pem` for those of Python, "
            "`--cacert CA.pem` for curl."
        )
    return templating.render(
        f"clients/{client.name}.md.j2",
        root=root(url) if url is not None else f"{'https' if server.tls is not None else 'http'}://{reached}",
        key=key,
        model=model,
        own=own,
        file=shlex.quote(file),
        place=file if PurePath(file).is_absolute() else f"${{workspaceFolder}}/{file}",
        note="".join(f"\n{note}" for note in notes),
    )


def forwarding(plan: Plan) -> str:
    """Return the first upstream of Anthropic's API that gets the client's own credential, "" for none."""
    each = plan.upstreams.items()
    return next((name for name, one in each if one.forward and "messages" in one.options.speaks), "")


def root(url: str) -> str:
    """Return a base URL without the `/v1` that templates add where the client wants it."""
    return url.rstrip("/").removesuffix("/v1")


def accepts_any_key(document: Document) -> bool:
    """Say whether a credential that nobody minted is let in (rule K2)."""
    anonymous = document.keys.get(ANONYMOUS)
    return anonymous is not None and (anonymous.any_key or len(document.keys) == 1)


def first_name(plan: Plan, dialect: str, key: str | None) -> str | None:
    """Return the first name that `key` may ask for whose upstream speaks `dialect`, or else the first that answers.

    Conversations are translated, but an upstream of the client's own API gets its very bytes.
    """
    from engine.plan.resolve import names

    known = plan.digests.get(hashlib.sha256((key or "").encode()).digest())
    caller = known or plan.keys.get(ANONYMOUS) or next(iter(plan.keys.values()), None)
    asked = [name for name in names(plan, caller) if PASTED.fullmatch(name)] if caller is not None else []
    return min(asked, key=lambda name: _rank(plan, name, dialect, caller.name if caller else ""), default=None)


def _rank(plan: Plan, name: str, dialect: str, caller: str) -> int:
    """Return how many targets are tried before one that speaks `dialect`."""
    from engine.facts import Facts
    from engine.plan.route import route

    api = ENDPOINTS[dialect]
    decision = route(plan, Facts(api=api, model=name, key=caller))
    targets = [target for pool in decision.pools for target in pool.targets if target.upstream not in plan.off]
    spoken = (tried for tried, one in enumerate(targets) if api in plan.upstreams[one.upstream].options.speaks)
    return next(spoken, TRANSLATED if targets else REFUSED)


def address(server: Server) -> tuple[str, str | None]:
    """Return host:port by which clients reach `server`, and the host alone where `server.hosts` lacks it.

    Of a unix socket: a host.
    """
    from engine.plan.server import EVERYWHERE, LOOPBACK, UNIX

    if server.listen.startswith(UNIX):
        return "localhost", None
    host, _, port = server.listen.rpartition(":")
    near = host.lower() in LOOPBACK
    known = [name for name in server.hosts if near or name.lower() not in LOOPBACK]
    wanted = ("127.0.0.1", "localhost") if host in EVERYWHERE else (host.lower(),)
    named = next((name for name in wanted if name in (each.lower() for each in known)), None) or next(iter(known), None)
    if named is not None:
        return f"{named}:{port}", None
    return f"{wanted[0]}:{port}", wanted[0]


def _list() -> int:
    width = max(len(client.name) for client in CLIENTS)
    print("turnout connect CLIENT\n")
    for client in CLIENTS:
        print(f"  {client.name:{width}}  {client.title}")
    return console.OK
