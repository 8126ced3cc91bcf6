"""What it costs to start, and to have LangChain: `python -m tests.bench.starting [ROUNDS]`.

A plain Turnout beside one to which LangChain is hidden, and beside one whose file names a model of LangChain's. The
first ratio is 1 as long as nobody imports what the file does not ask for.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.servers import Served
from tests.support.turnout import Turnout

RUN = "import sys; {}; from engine.cli import main; sys.exit(main())"
HEAD = "version: 1\nkeys: {anonymous: {}}\n"
PLAIN = HEAD + "upstreams: {up: {kind: echo}}\nmodels: {m: up/m}\n"
FAKE = "langchain_core.language_models.fake_chat_models"
CHAIN = HEAD + (
    f"server: {{allow_code: [{FAKE}]}}\n"
    f'upstreams: {{up: {{kind: langchain, object: "{FAKE}:FakeListChatModel", options: {{responses: [hi]}}}}}}\n'
    "models: {m: up/m}\n"
)
SERVERS = {
    "langchain hidden": (PLAIN, "sys.modules['langchain_core'] = None"),
    "plain": (PLAIN, "pass"),
    "kind: langchain": (CHAIN, "pass"),
}
ROUNDS = 5


def started(text: str, before: str) -> tuple[float, float]:
    """Return the milliseconds until a server listens, and its memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        server = Turnout(Path(folder), text, program=("-c", RUN.format(before)))
        took = (time.perf_counter() - began) * 1000
        memory = Served("", 0, server.process, "", took).rss()
        server.stop()
    return took, memory


def main(rounds: int) -> None:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
    for _ in range(rounds):
        for name, (text, before) in SERVERS.items():
            found[name].append(started(text, before))
    middle = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}
    base = middle["langchain hidden"]
    print(f"medians of {rounds} interleaved starts\n{'':20}{'starts in':>12}{'ratio':>8}{'memory':>12}{'ratio':>8}")
    for name, (took, memory) in middle.items():
        print(f"{name:20}{took:>9.0f} ms{took / base[0]:>8.2f}{memory:>9.0f} MB{memory / base[1]:>8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
