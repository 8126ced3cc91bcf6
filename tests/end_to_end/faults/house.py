"""A server whose every name leads to a fault, alone or with a healthy target behind it, and what a request there met.

A name is `PLACE/FAULT/MODE`: the scripted upstream learns from the model it is asked for what to do wrong, so every
cell has a target of its own, and all of them may run at once.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import trustme

from tests.support.apis import APIS, CHAT, MESSAGES, RESPONSES, Api
from tests.support.faults import FAULTS, SCRIPTED, healthy
from tests.support.http import Line
from tests.support.turnout import Turnout
from tests.support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.script import Reply
    from tests.support.upstream import Seen

GOLDEN = Path(__file__).with_name("matrix.txt")
HEAD = "fault, APIs of client and upstream | alone: client; tried; record; connection | with a healthy target behind"
WAYS = (*((api, api) for api in APIS), (CHAT, MESSAGES), (MESSAGES, RESPONSES), (RESPONSES, CHAT))
"""API of the client, API of the upstream."""
MODES = ("json", "stream")
HOW = ("alone", "spared")
SERVED = {"/v1/chat/completions": CHAT, "/v1/messages": MESSAGES, "/v1/responses": RESPONSES}
PLACES = {
    "refused": "refused",
    "tls": "tls",
    "stall-before-headers": "mute",
    "stall-mid-stream": "tired",
    "slow-drip": "slow",
}
"""Faults that need an upstream of their own; the others have `plain`."""
UPSTREAMS = """
  {api}-plain: {{kind: {kind}, circuit: off, base_url: "{url}", api_key: env:TEST_OPENAI_KEY}}
  {api}-spare: {{kind: {kind}, base_url: "{url}", api_key: env:TEST_OPENAI_KEY}}
  {api}-refused: {{kind: {kind}, base_url: "{refused}", api_key: env:TEST_OPENAI_KEY}}
  {api}-tls: {{kind: {kind}, base_url: "{tls}", api_key: env:TEST_OPENAI_KEY}}
  {api}-mute: {{kind: {kind}, base_url: "{url}", api_key: env:TEST_OPENAI_KEY, timeouts: {{first_byte: 300ms}}}}
  {api}-tired: {{kind: {kind}, base_url: "{url}", api_key: env:TEST_OPENAI_KEY, timeouts: {{idle: 500ms}}}}
  {api}-slow: {{kind: {kind}, base_url: "{url}", api_key: env:TEST_OPENAI_KEY, timeouts: {{total: 2s}}}}"""
ENTRIES = """
  {api}-{place}/alone/*: {{targets: ["{api}-{place}/*"]}}
  {api}-{place}/spared/*: {{targets: ["{api}-{place}/*"], fallback: [{api}-spare/healthy]}}"""
FILE = """
version: 1
upstreams:{upstreams}
defaults: {{model: {{retries: 0}}}}
models:{models}
keys: {{anonymous: {{}}}}
observe: {{log: {{format: json}}}}
"""


class Cell(NamedTuple):
    """One place of the matrix."""

    fault: str
    client: Api
    server: Api
    mode: str

    def __str__(self) -> str:
        return f"{self.fault:24} {self.client.name + ' > ' + self.server.name:21} {self.mode:6}"


class Met(NamedTuple):
    """What one request met."""

    status: int
    told: str
    """What the client reads: its text, the kind of the error, and where that stands."""
    text: str
    kind: str | None
    """The kind of the error, None where there is none."""
    in_band: bool
    headers: dict[str, str]
    connection: str
    """open: another request was answered on it."""
    record: dict[str, Any]
    """The line in the log."""

    @property
    def tried(self) -> str:
        """Every target that was tried, and why it failed."""
        return ", ".join(f"{who} {why or 'answers'}" for who, why in self.tries)

    @property
    def tries(self) -> list[tuple[str, str | None]]:
        """`it` or `spare`, and why it failed, in the order in which they were tried."""
        attempts = self.record.get("attempts", ())
        return [("spare" if "-spare/" in one["target"] else "it", one["reason"]) for one in attempts]

    def __str__(self) -> str:
        problem = str(self.record.get("problem", "-")).partition(":")[0]
        parts = [f"{self.status} {self.told}", self.tried, f"{problem} {self.record['status']}", self.connection]
        return "; ".join(parts)


def exists(cell: Cell) -> bool:
    """Bytes that pass are not looked into after the first word: what is malformed there is so for the client too."""
    return cell.fault != "malformed-sse-mid-stream" or (cell.mode == "stream" and cell.client is not cell.server)


CELLS = [
    cell
    for fault in FAULTS
    for client, server in WAYS
    for mode in MODES
    if exists(cell := Cell(fault, client, server, mode))
]


def misbehave(seen: Seen) -> Reply:
    """Do what the name of the model says."""
    fault, mode, *_ = [*seen.json["model"].split("/"), ""]
    api = SERVED[seen.path]
    stream = bool(seen.json.get("stream"))
    assert fault == "healthy" or stream == (mode == "stream")
    return healthy(api, stream) if fault == "healthy" else SCRIPTED[fault](api, stream)


@contextmanager
def serving(folder: Path) -> Iterator[Turnout]:
    """Run the server and what stands behind it."""
    with ExitStack() as held:
        upstream = Upstream(misbehave)
        held.callback(upstream.stop)
        nobody = held.enter_context(socket.socket())
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        refused = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        tls = Upstream(misbehave, tls=untrusted())
        held.callback(tls.stop)
        urls = {"url": upstream.url, "refused": refused, "tls": tls.url}
        upstreams = "".join(UPSTREAMS.format(api=api.name, kind=api.options, **urls) for api in APIS)
        places = ("plain", *PLACES.values())
        models = "".join(ENTRIES.format(api=api.name, place=place) for api in APIS for place in places)
        server = Turnout(folder, FILE.format(upstreams=upstreams, models=models))
        held.callback(server.stop)
        yield server


def untrusted() -> ssl.SSLContext:
    """Return what serves a good certificate of an authority that nobody here knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def run(turnout: Turnout) -> dict[Cell, tuple[Met, Met]]:
    """Send every cell's two requests: to the faulty target alone, and with a healthy one behind it."""
    asked = [(cell, how) for cell in CELLS for how in HOW]
    heavy = [one for one in asked if one[0].fault == "huge-event"]  # after the others, whose waits are short
    light = [one for one in asked if one[0].fault != "huge-event"]
    with ThreadPoolExecutor(24) as pool:
        met = dict(zip(light, pool.map(lambda one: meet(turnout, *one), light), strict=True))
    met.update({one: meet(turnout, *one) for one in heavy})
    return {cell: (met[cell, HOW[0]], met[cell, HOW[1]]) for cell in CELLS}


def meet(turnout: Turnout, cell: Cell, how: str) -> Met:
    """Send one request, read all of its answer, and look up what the log says of it."""
    client, stream = cell.client, cell.mode == "stream"
    name = f"{cell.server.name}-{PLACES.get(cell.fault, 'plain')}/{how}/{cell.fault}/{cell.mode}/{how}"
    with Line(turnout.url, 20) as line:
        line.ask("POST", client.path, (), client.body(name, stream=stream))
        answer = line.answer()
        assert answer.whole, f"{cell}: the answer has no end"
        connection = again(line)
    headers = dict(answer.headers)
    record = recorded(turnout, headers["x-turnout-request"])
    if answer.status != 200:
        error = client.error(answer)
        return Met(answer.status, kind(error), "", kind(error), False, headers, connection, record)
    if not stream:
        text = client.said(answer.json)
        return Met(200, repr(text), text, None, False, headers, connection, record)
    text = client.text(answer.body)
    if client.terminal in answer.body:
        assert not any(client.is_error(event) for event in events(answer.body))
        return Met(200, repr(text), text, None, False, headers, connection, record)
    error = client.in_band(answer.body)
    told = f"{shown(text)}, then {kind(error)}"
    return Met(200, told, text, kind(error), True, headers, connection, record)


def again(line: Line) -> str:
    """Say whether the connection takes another request."""
    try:
        line.ask("GET", "/health")
        return "open" if line.answer("GET").status == 200 else "odd"
    except (OSError, AssertionError):
        return "closed"


def recorded(turnout: Turnout, ident: str) -> dict[str, Any]:
    """Return the line that the log has of a request."""
    found = turnout.wait_for(re.compile(rf'^{{.*"request":"{ident}".*}}$', re.MULTILINE))
    record: dict[str, Any] = json.loads(found.group())
    return record


def events(stream: bytes) -> list[Any]:
    lines = [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def kind(error: dict[str, Any]) -> str:
    """Return the words by which a program knows an error."""
    words = [error.get("type"), error.get("code")]
    return "/".join(word for word in words if isinstance(word, str))


def shown(text: str) -> str:
    """Return a text, a long one in short."""
    return repr(text) if len(text) < 20 else f"{text[:5]!r}..."


def line_of(cell: Cell, met: tuple[Met, Met]) -> str:
    """Return a line of the golden file."""
    return f"{cell} | {met[0]} | {met[1]}"


def bless() -> None:
    """Write the golden file anew."""
    with TemporaryDirectory() as folder, serving(Path(folder)) as turnout:
        met = run(turnout)
    lines = [HEAD, *(line_of(cell, met[cell]) for cell in CELLS)]
    GOLDEN.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
