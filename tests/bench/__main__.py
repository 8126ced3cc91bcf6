"""Runs the rounds and prints the table: `python -m tests.bench [ROUNDS] [watched]`.

`watched`: Turnout with metrics and a journal, beside itself without them.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.load import CHAT, MESSAGES
from tests.bench.servers import Served, child, peer, turnout
from tests.bench.upstream import CHUNKS, PACE, PACED

SCENARIOS = (
    # name, model, requests a round, connections, what the client asks of Turnout (of the peer always chat)
    ("JSON, 2 KB", "json-2k", 1500, 8, CHAT),
    ("JSON, 60 KB", "json-60k", 1000, 8, CHAT),
    (f"stream, {CHUNKS} chunks at once", "burst", 300, 8, CHAT),
    (f"stream, {PACED} chunks each {PACE * 1000:.0f} ms, 8 streams", "paced", 32, 8, CHAT),
    ("JSON, 2 KB, messages -> chat", "json-2k", 1000, 8, MESSAGES),
    (f"stream, {CHUNKS} chunks, messages -> chat", "burst", 200, 8, MESSAGES),
)
ROUNDS = 5


def measure(server: Served, model: str, requests: int, connections: int, path: str) -> tuple[float, float]:
    """Return CPU microseconds a request, and the median milliseconds to the first byte."""
    before = server.cpu()
    command = [sys.executable, "-m", "tests.bench.load", str(server.port), server.model + model]
    done = subprocess.run(
        [*command, str(requests), str(connections), path], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{server.name}: {done.stderr}")
    return (server.cpu() - before) / requests * 1e6, json.loads(done.stdout)["first_byte_ms"]


def span(values: list[float], form: str) -> str:
    return " / ".join(format(value, form) for value in (min(values), statistics.median(values), max(values)))


def main(rounds: int, *, watched: bool) -> None:
    upstream, port = child("tests.bench.upstream")
    folder = Path(tempfile.mkdtemp())
    servers = [turnout(folder, port, watched=watched), turnout(folder, port) if watched else peer(folder, port)]
    ours, theirs = servers
    try:
        for server in servers:
            print(f"{server.name}: starts in {server.start_ms:.0f} ms, {server.rss():.0f} MB")
        print(f"CPU time a request, in microseconds; {rounds} interleaved rounds; min / median / max\n")
        print(f"{'':38}{ours.name:>24}{theirs.name:>24}{'ratio':>22}{'first byte ms':>18}")
        for name, model, requests, connections, path in SCENARIOS:
            paths = {ours.name: path, theirs.name: path if watched else CHAT}
            for server in servers:
                measure(server, model, max(8, requests // 10), connections, paths[server.name])  # warm
            cost: dict[str, list[float]] = {server.name: [] for server in servers}
            first: dict[str, list[float]] = {server.name: [] for server in servers}
            for number in range(rounds):
                for server in servers if number % 2 else reversed(servers):
                    cpu, byte = measure(server, model, requests, connections, paths[server.name])
                    cost[server.name].append(cpu)
                    first[server.name].append(byte)
            ratios = [one / max(other, 1e-9) for one, other in zip(cost[ours.name], cost[theirs.name], strict=True)]
            bytes_ = " : ".join(f"{statistics.median(first[server.name]):.2f}" for server in servers)
            told = (span(cost[ours.name], ".0f"), span(cost[theirs.name], ".0f"), span(ratios, ".2f"), bytes_)
            print(f"{name:38}{told[0]:>24}{told[1]:>24}{told[2]:>22}{told[3]:>18}", flush=True)
        print("\nafterwards: " + ", ".join(f"{server.name} {server.rss():.0f} MB" for server in servers))
    finally:
        for server in servers:
            server.process.terminate()
        upstream.terminate()


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    main(numbers[0] if numbers else ROUNDS, watched="watched" in sys.argv[1:])
