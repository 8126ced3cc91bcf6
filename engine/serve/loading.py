"""Makes the drivers that import code: before there is a loop, or in a thread; also for `check --probe`.

What the code turns out to be is said like anything else that is wrong with the file: at its line.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING

import msgspec

from engine import resources
from engine.plan.tools import tool_sources
from engine.serve.beside import look_beside
from engine.serve.toolbox.gathering import gather
from engine.upstreams.base import Unbuildable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.diagnostics import Span
    from engine.plan.nodes import Link, Plan, Upstream
    from engine.plan.read import Reading
    from engine.serve.generation import Drivers
    from engine.serve.toolbox.base import Source
    from engine.upstreams.base import Driver, Options


SLOW = 5.0
"""Seconds after which somebody who waits is told what for."""


class Doing(msgspec.Struct):
    """What is being imported at present, for whoever waits for it in another thread."""

    what: str = "the code that the file names"
    span: Span | None = None


class Loaded(msgspec.Struct, frozen=True):
    """The drivers that are made, and the upstreams that are off because they cannot be."""

    drivers: dict[str, Driver] = {}
    off: dict[str, str] = {}
    tools: dict[str, Source] = {}
    """Key of a source of tools -> what it is."""


def load(reading: Reading, main: str, drivers: Drivers | None = None, doing: Doing | None = None) -> Loaded:
    """Make the drivers of `reading` that import code, but for those that live already among `drivers`.

    `main` is the file: what lies beside it may be imported too, where `server.allow_code` names it. Errors and warnings
    are in the reading's report; `doing` is kept up to date.
    """
    found, doing = Loaded(), doing or Doing()
    if reading.plan is None or not reading.report.ok:
        return found
    for name, upstream in reading.plan.upstreams.items():
        if name in reading.plan.off or not upstream.options.imports:
            continue
        options = upstream.options.filled(reading.secrets)
        if drivers is not None and drivers.lives(name, options):
            continue
        look_beside(main, reading.plan.document.server.allow_code)
        doing.what, doing.span = f"the code of upstream `{name}`", place(reading, upstream, options.imports)
        _load(reading, upstream, options, found)
    sources = list(tool_sources(reading.plan))
    if sources:
        look_beside(main, reading.plan.document.server.allow_code)
        doing.what, doing.span = "the code of `tools`", None
        gather(reading, sources, found.tools, drivers.boxes if drivers is not None else None)
    reading.report.sort()
    return found


@contextlib.contextmanager
def told_if_slow(doing: Doing) -> Iterator[None]:
    """Say on standard error what is waited for, should it take long."""
    timer = threading.Timer(SLOW, lambda: sys.stderr.write(f"still importing {doing.what} ...\n"))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _load(reading: Reading, upstream: Upstream, options: Options, found: Loaded) -> None:
    assert reading.plan is not None
    name, report = upstream.name, reading.report
    try:
        driver = options.load(name, list(dict.fromkeys(asked(reading.plan, name))))
    except Unbuildable as error:
        code, message, help_, span = error.code, str(error), error.help, place(reading, upstream, error.path)
    except ImportError as error:
        kind = str(options.__struct_config__.tag)
        code, message, help_, span = "missing-extra", str(error), resources.extra(kind), upstream.span  # noqa: S610
    else:
        if driver is not None:
            found.drivers[name] = driver
            _tell_limits(reading, upstream, driver)
        return
    if options.optional:
        found.off[name] = message
        report.warning(code, f"upstream `{name}` is off: {message}", span, help=help_)
    else:
        report.error(code, message, span, help=help_)


def _tell_limits(reading: Reading, upstream: Upstream, driver: Driver) -> None:
    """Say what clients cannot ask of an upstream."""
    for lack in getattr(driver, "limits", ()) if "neutral" in upstream.options.speaks else ():
        message = f"{lack}: requests with such are refused (400)"
        help_ = "let such requests go elsewhere, by `when: {tools: true}` or another model name"
        reading.report.warning("limited-model", message, place(reading, upstream, upstream.options.imports), help=help_)


def place(reading: Reading, upstream: Upstream, path: tuple[str, ...]) -> Span | None:
    """Return where the option at `path` stands, or else the upstream."""
    assert reading.tree is not None
    steps = ("upstreams", upstream.name, *path)
    return reading.tree.values.get(steps) or reading.tree.keys.get(steps) or upstream.span


def asked(plan: Plan, upstream: str) -> Iterator[str]:
    """Yield the models that the file asks an upstream for, but for patterns."""
    links: list[Link] = [link for entry in plan.entries.values() for link in (*entry.targets, *entry.fallback)]
    links += [rule.link for rule in plan.rules if rule.link is not None]
    for link in links:
        if link.upstream == upstream and not link.text.stars:
            yield link.text.text.removeprefix(f"{upstream}/")
