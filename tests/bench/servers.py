"""Starts what is measured: Turnout, and its peer; and reads what they cost from /proc."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.turnout import Turnout

TICK = os.sysconf("SC_CLK_TCK")
FILE = """\
version: 1
observe: {{log: {{level: warning}}{watch}}}
upstreams: {{openai: {{kind: openai, base_url: "http://127.0.0.1:{port}"}}}}
models: {{"fast-*": "openai/bench-*"}}
keys: {{anonymous: {{}}}}
"""
NGINX = """\
daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 100000;
    location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""


@dataclass
class Served:
    """A running server. `model` is the prefix by which it knows the upstream's models."""

    name: str
    port: int
    process: subprocess.Popen[str]
    model: str
    start_ms: float

    def pids(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def cpu(self) -> float:
        """Return the CPU seconds used so far, user and system."""
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def rss(self) -> float:
        """Return the resident memory in MB."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids())
        return pages * os.sysconf("SC_PAGESIZE") / 1e6


WATCH = ", metrics: true, journal: {path: turnout.db}"


def turnout(folder: Path, upstream: int, *, watched: bool = False) -> Served:
    """Start Turnout; `watched`: with metrics and a journal."""
    folder = folder / ("watched" if watched else "plain")
    folder.mkdir()
    began = time.perf_counter()
    server = Turnout(folder, FILE.format(port=upstream, watch=WATCH if watched else ""))
    took = (time.perf_counter() - began) * 1000
    return Served(
        "turnout, watched" if watched else "turnout", int(server.url.rpartition(":")[2]), server.process, "fast-", took
    )


def peer(folder: Path, upstream: int) -> Served:
    """Start nginx as a reverse proxy, or our own bare relay where there is none."""
    began = time.perf_counter()
    path = shutil.which("nginx")
    if path is None:
        process, port = child("tests.bench.relay", str(upstream))
        return Served("bare asyncio relay", port, process, "bench-", (time.perf_counter() - began) * 1000)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    conf = folder / "nginx.conf"
    conf.write_text(NGINX.format(folder=folder, port=port, upstream=upstream, user=user))
    process = subprocess.Popen([path, "-p", str(folder), "-c", str(conf)], text=True)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert process.poll() is None, "nginx has ended"
            time.sleep(0.005)
    return Served("nginx", port, process, "bench-", (time.perf_counter() - began) * 1000)


def child(module: str, *args: str) -> tuple[subprocess.Popen[str], int]:
    """Start a module that prints its port and ends with our end of its standard input."""
    command = [sys.executable, "-m", module, *args]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, int(process.stdout.readline())
