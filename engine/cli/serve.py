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

    return serve(console.file(args), args.listen)
