"""`turnout serve`: run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli import console

if TYPE_CHECKING:
    import argparse


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "serve", "Run the proxy; every save of the file takes effect.", bare=True)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--listen", metavar="ADDR", help="host:port or unix:/path instead of server.listen")
    where.add_argument("--port", metavar="N", help="another port of server.listen; 0 takes a free one")
    parser.add_argument(
        "--reuse-port", action="store_true", help="share the port with other processes that do (SO_REUSEPORT)"
    )
    parser.add_argument(
        "--ready-file", metavar="PATH", help="once it listens, write {url, pid, generation} there; - is standard output"
    )
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="stop when the process that started this one has ended"
    )
    parser.add_argument(
        "--idle-exit", metavar="DURATION", help="stop when nobody has asked anything for so long, as in 30m"
    )


def run(args: argparse.Namespace) -> int:
    from engine.serve.parent import Parent

    parent = Parent() if args.exit_with_parent else None  # first of all: it may end while the rest is imported

    import socket

    from engine.plan.server import LAST_PORT
    from engine.serve.main import serve
    from engine.serve.sidecar import Sidecar
    from engine.units import seconds

    if args.listen is not None and not is_address(args.listen):
        console.problem(
            f"--listen cannot be `{args.listen}`",
            "write host:port, as in 127.0.0.1:4000 or [::1]:4000 (port 0 takes a free one, 65535 is the last), or "
            "unix:/path",
        )
        return console.USAGE
    if args.port is not None and not (args.port.isascii() and args.port.isdigit() and int(args.port) <= LAST_PORT):
        console.problem(f"--port cannot be `{args.port}`", f"ports go from 0 (any free one) to {LAST_PORT}")
        return console.USAGE
    if args.reuse_port and not hasattr(socket, "SO_REUSEPORT"):
        console.problem(
            "--reuse-port needs SO_REUSEPORT, which this system lacks", "give each process a port of its own"
        )
        return console.USAGE
    idle = None
    if args.idle_exit is not None:
        try:
            idle = seconds(args.idle_exit)
        except ValueError:
            idle = 0.0
        if idle <= 0:
            console.problem(
                f"--idle-exit cannot be `{args.idle_exit}`", "write a number with its unit, as in 30m or 2h"
            )
            return console.USAGE
    return serve(
        console.file(args),
        args.listen,
        port=None if args.port is None else int(args.port),
        reuse_port=args.reuse_port,
        sidecar=Sidecar(ready_file=args.ready_file, parent=parent, idle_exit=idle),
    )


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
