"""Servers with three scripted upstreams behind every name: who is asked, in which order, and how often."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.support.apis import CHAT, SERVER_ERROR
from tests.support.http import Answer, post
from tests.support.script import Reply, as_json
from tests.support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.support.turnout import Turnout

NAMES = ("a", "b", "c")
BROKEN = as_json(SERVER_ERROR, 500)
OK = CHAT.whole()


def file(
    ups: dict[str, Upstream], entries: str, circuit: str = "off", extra: str = "", retries: int = 0, check: str = ""
) -> str:
    """Return a file with `entries` (lines under `models`), each upstream with `circuit`."""
    declared = "\n".join(
        f'  {name}: {{kind: openai, base_url: "{up.url}/v1", circuit: {circuit}{check}}}' for name, up in ups.items()
    )
    return (
        f"version: 1\nupstreams:\n{declared}\ndefaults: {{model: {{retries: {retries}}}}}\nmodels:\n{entries}\n"
        f"keys: {{anonymous: {{}}}}\nobserve: {{log: {{format: json}}}}\n{extra}"
    )


def entry(name: str, balance: str, targets: str = "a/m, b/m, c/m", **settings: Any) -> str:
    """Return a line under `models`."""
    more = "".join(f", {key}: {value}" for key, value in settings.items())
    return f"  {name}: {{targets: [{targets}], balance: {balance}{more}}}"


def ask(server: Turnout, model: str, session: str | None = None, *, stream: bool = False, **fields: Any) -> Answer:
    headers = {"x-turnout-session": session} if session is not None else {}
    return post(server.url, CHAT.path, CHAT.body(model, stream=stream, **fields), headers)


def target(answer: Answer) -> str:
    """Return who answered, or was asked last."""
    return (answer.header("x-turnout-target") or "-").partition("/")[0]


def counted(
    server: Turnout, model: str, count: int, sessions: Callable[[int], str | None] = lambda _: None
) -> Counter[str]:
    """Ask so many times, one after the other; return how often who answered."""
    return Counter(target(ask(server, model, sessions(turn))) for turn in range(count))


def homes(server: Turnout, model: str, sessions: Iterable[str]) -> dict[str, str]:
    """Return who answers each session."""
    with ThreadPoolExecutor(4) as pool:
        names = list(sessions)
        return dict(zip(names, pool.map(lambda name: target(ask(server, model, name)), names), strict=True))


def breaks(up: Upstream) -> None:
    """Let an upstream answer nothing but 500."""
    up.answer = lambda _: BROKEN


def held(gate: threading.Event, reply: Reply = OK) -> Reply:
    """Return `reply`, which waits until `gate` is set."""
    return reply.after(gate)


def record(server: Turnout, answer: Answer) -> dict[str, Any]:
    """Return what the log says of the request that `answer` answers."""
    found = server.wait_for(re.compile(rf'^.*"request":"{answer.header("x-turnout-request")}".*$', re.MULTILINE))
    told: dict[str, Any] = json.loads(found.group())
    return told
