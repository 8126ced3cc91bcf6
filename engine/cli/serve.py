"""`turnout serve`: run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli import console

if TYPE_CHECKING:
    import argparse


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "serve", "Run the proxy; every save of the file takes effect.")
    parser.add_argument("--listen", metavar="ADDR", help="host:port instead of server.listen")


def run(args: argparse.Namespace) -> int:
    from engine.serve.main import serve

    if args.listen is not None and not is_address(args.listen):
        console.problem(
            f"--listen cannot be `{args.listen}`",
            "write host:port, as in 127.0.0.1:4000 or [::1]:4000; port 0 takes a free one, 65535 is the last",
        )
        return console.USAGE
    return serve(console.file(args), args.listen)


def is_address(text: str) -> bool:
    """Say whether `server.listen` could be `text`."""
    import msgspec

    from engine.config.sections.server import Server
    from engine.plan.server import LAST_PORT

    try:
        listen = msgspec.convert({"listen": text}, Server).listen
    except msgspec.ValidationError:
        return False
    return int(listen.rpartition(":")[2]) <= LAST_PORT
