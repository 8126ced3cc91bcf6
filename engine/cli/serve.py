"""`turnout serve`: run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli import console

if TYPE_CHECKING:
    import argparse


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "serve", "Run the proxy; every save of the file takes effect.")
    parser.add_argument("--listen", metavar="ADDR", help="host:port or unix:/path instead of server.listen")
    parser.add_argument(
        "--reuse-port", action="store_true", help="share the port with other processes that do (SO_REUSEPORT)"
    )


def run(args: argparse.Namespace) -> int:
    from engine.serve.main import serve

    if args.listen is not None and not is_address(args.listen):
        console.problem(
            f"--listen cannot be `{args.listen}`",
            "write host:port, as in 127.0.0.1:4000 or [::1]:4000 (port 0 takes a free one, 65535 is the last), or "
            "unix:/path",
        )
        return console.USAGE
    return serve(console.file(args), args.listen, reuse_port=args.reuse_port)


def is_address(text: str) -> bool:
    """Say whether `server.listen` could be `text`."""
    import msgspec

    from engine.config.sections.server import Server
    from engine.plan.server import LAST_PORT, LONGEST_PATH, UNIX

    try:
        listen = msgspec.convert({"listen": text}, Server).listen
    except msgspec.ValidationError:
        return False
    if listen.startswith(UNIX):
        return len(listen.removeprefix(UNIX).encode()) <= LONGEST_PATH
    return int(listen.rpartition(":")[2]) <= LAST_PORT
