"""The command `turnout`. One file per verb; adding one: its file, and its name in `VERBS`."""

from __future__ import annotations

import argparse
import difflib
import errno
import os
import sys
from typing import TYPE_CHECKING

from engine import __version__
from engine.cli import check, connect, console, explain, graph, key, schema, serve, show, usage

if TYPE_CHECKING:
    from collections.abc import Sequence

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a disk says when it takes no more."""

VERBS: tuple[console.Verb, ...] = (serve, check, explain, graph, show, usage, schema, key, connect)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. Exit codes: 0, 1 (problems in what was asked about), 2 (asked wrongly)."""
    words = list(sys.argv[1:] if argv is None else argv)
    verbs = {_name(verb): verb for verb in VERBS}
    if words and not words[0].startswith("-") and words[0] not in verbs:
        return _unknown(words[0], list(verbs))
    _open_streams()
    try:
        code = _run(verbs, words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # whoever read our output has gone (`| head`): nothing is left to say, nor may Python try at exit
        _hush()
        return 141
    except OSError as error:
        if error.errno not in FULL:
            raise
        _hush()
        return console.problem(
            f"the output cannot be written: {str(error.strerror).lower()}", "make room, or write it elsewhere"
        )
    return code


def _run(verbs: dict[str, console.Verb], words: Sequence[str]) -> int:
    try:
        args = _parse(verbs, words)
        return verbs[args.verb].run(args)
    except SystemExit as stopped:  # argparse has spoken
        return stopped.code if isinstance(stopped.code, int) else console.USAGE


def _open_streams() -> None:
    """Open what the caller closed (`<&-`): to read nothing is a mistake that every verb can name."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8", closefd=False))


def _hush() -> None:
    """Let Python write what is left to nowhere at exit, or it fails once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(verbs: dict[str, console.Verb], words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments. Those that a verb does not know are told with the usage of the verb."""
    parser, parsers = _parser(verbs)
    args, unknown = parser.parse_known_args(words)
    if unknown:
        parsers[args.verb].error(f"unrecognized arguments: {' '.join(unknown)}")
    return args


def _parser(verbs: dict[str, console.Verb]) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser of the command, and those of its verbs."""
    parser = argparse.ArgumentParser(
        prog="turnout",
        description="A declarative reverse proxy for language-model APIs: one proxy.yaml, live on every save.",
        formatter_class=console.Wide,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"turnout {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    for verb in verbs.values():
        verb.add(subparsers)
    return parser, dict(subparsers.choices)


def _name(verb: console.Verb) -> str:
    return str(getattr(verb, "__name__", "")).rpartition(".")[2]


def _unknown(word: str, verbs: list[str]) -> int:
    near = difflib.get_close_matches(word, verbs, n=1)
    advice = f"did you mean `turnout {near[0]}`?" if near else f"verbs: {', '.join(verbs)}"
    console.problem(f"no verb `{word}`", advice)
    return console.USAGE
