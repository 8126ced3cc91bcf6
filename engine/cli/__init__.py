"""The command `turnout`. One file per verb; adding one: its file, and its name in `VERBS`."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from typing import TYPE_CHECKING

from engine import __version__
from engine.cli import check, connect, console, explain, graph, key, schema, serve, show

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS: tuple[console.Verb, ...] = (serve, check, explain, graph, show, schema, key, connect)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. Exit codes: 0, 1 (problems in what was asked about), 2 (asked wrongly)."""
    words = list(sys.argv[1:] if argv is None else argv)
    verbs = {_name(verb): verb for verb in VERBS}
    if words and not words[0].startswith("-") and words[0] not in verbs:
        return _unknown(words[0], list(verbs))
    try:
        args = _parser(verbs).parse_args(words)
        code = verbs[args.verb].run(args)
        sys.stdout.flush()
    except SystemExit as stopped:  # argparse has spoken
        return stopped.code if isinstance(stopped.code, int) else console.USAGE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # whoever read our output has gone (`| head`): nothing is left to say, nor may Python try at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _parser(verbs: dict[str, console.Verb]) -> argparse.ArgumentParser:
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
    return parser


def _name(verb: console.Verb) -> str:
    return str(getattr(verb, "__name__", "")).rpartition(".")[2]


def _unknown(word: str, verbs: list[str]) -> int:
    near = difflib.get_close_matches(word, verbs, n=1)
    advice = f"did you mean `turnout {near[0]}`?" if near else f"verbs: {', '.join(verbs)}"
    console.problem(f"no verb `{word}`", advice)
    return console.USAGE
