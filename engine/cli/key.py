"""`turnout key`: mint a client key, or hash one. The file only ever holds the hash."""

from __future__ import annotations

import argparse
import getpass
import hashlib
import re
import secrets
import sys

from engine.cli import console
from engine.facts import ANONYMOUS

PREFIX = "tk-"
RANDOM = 32
"""Bytes of randomness in a key."""
SHORTEST = 20
"""Characters. Unsalted SHA-256 is only safe for random keys (rule K5)."""
LONGEST = 64 * 1024
"""Bytes that are read: far more than a key, or a whole file of them, has."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def add(subparsers: console.Subparsers) -> None:
    parser = console.parser(subparsers, "key", "Make a client key, or hash one you have.", config=False)
    actions = parser.add_subparsers(dest="action", metavar="new|hash", required=True)
    new = console.parser(actions, "new", "Print a fresh key, once, and the lines for proxy.yaml.", config=False)
    new.add_argument("name", metavar="NAME", help="whose key it is: its name under `keys:`")
    digest = console.parser(
        actions, "hash", "Read a key from standard input or a prompt; print its hash.", config=False
    )
    digest.add_argument("refused", nargs="*", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    return _new(args.name) if args.action == "new" else _hash(args.refused)


def fingerprint(key: str) -> str:
    """Return `sha256:` and the hexadecimal digest of `key`, as `keys.<name>.hashes` holds it."""
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def _new(name: str) -> int:
    if not NAME.fullmatch(name):
        console.problem(f"`{name}` cannot be the name of a key", "letters, digits, `.`, `_` and `-`")
        return console.USAGE
    if name == ANONYMOUS:
        console.problem(f"`{ANONYMOUS}` is who calls without a key", "give the key another name")
        return console.USAGE
    minted = PREFIX + secrets.token_urlsafe(RANDOM)
    print(f"{minted}\n")
    print(f"This is the only time the key is shown: give it to {name}. These lines go into proxy.yaml:\n")
    print("keys:")
    print(f'  {name}: {{hashes: ["{fingerprint(minted)}"]}}')
    return console.OK


def _piped() -> str:
    """Return what standard input holds. It need not be text: what is none cannot be in a header, and is refused so."""
    return sys.stdin.buffer.read(LONGEST).decode("utf-8", "replace")


def _hash(refused: list[str]) -> int:
    if refused:
        console.problem(
            "a key on the command line stays in the shell's history",
            "run `turnout key hash` and type it, or pipe it: `turnout key hash < key.txt`",
        )
        return console.USAGE
    given = getpass.getpass("Key: ") if sys.stdin.isatty() else _piped()
    key = given.strip()
    if len(key.splitlines()) > 1:
        return console.problem("there is more than one line", "hash one key at a time")
    if len(key) < SHORTEST:
        return console.problem(
            f"the key has {len(key)} characters; at least {SHORTEST} are needed",
            "short keys can be guessed from their hash: make one with `turnout key new NAME`",
        )
    if not key.isascii() or not key.isprintable():
        return console.problem(
            "the key has characters that an HTTP header cannot carry", "use printable ASCII, or `turnout key new NAME`"
        )
    print(fingerprint(key))
    return console.OK
