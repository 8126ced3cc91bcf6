"""Plans from a few lines of YAML, through the real loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.diagnostics.render import render
from engine.plan.read import read

if TYPE_CHECKING:
    from engine.diagnostics import Report
    from engine.plan.nodes import Plan

UPSTREAMS = """
version: 1
upstreams:
  openai: {kind: openai, base_url: "http://127.0.0.1:1/v1"}
  anthropic: {kind: anthropic, base_url: "http://127.0.0.1:1"}
  demo: {kind: echo, demo: true}
"""


def plan(text: str, off: dict[str, str] | None = None) -> Plan:
    """Return the plan of a file that has no errors; `off` is what the environment would switch off."""
    reading = read("proxy.yaml", None, text=text)
    assert reading.plan is not None, render(reading.report, "full")
    return msgspec.structs.replace(reading.plan, off={**reading.plan.off, **(off or {})})


def report(text: str) -> Report:
    return read("proxy.yaml", None, text=text).report
