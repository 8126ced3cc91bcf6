"""The `upstreams` section: what the schema cannot say of an upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.plan.code import check_code
from engine.plan.nodes import Upstream
from engine.units import seconds

if TYPE_CHECKING:
    from engine.plan.source import Source
    from engine.upstreams.base import Options


def compile_upstreams(source: Source) -> dict[str, Upstream]:
    """Return the upstreams. `auth: forward` sends no key of ours, so it may not have one."""
    found = {}
    for name, options in source.document.upstreams.items():
        forward = getattr(options, "auth", "key") == "forward"
        if forward and getattr(options, "api_key", None) is not None:
            source.report.error(
                "auth-conflict",
                f"upstream `{name}` forwards the client's credential, so its `api_key` is never sent",
                source.tree.key("upstreams", name, "api_key"),
                help="remove `api_key`, or remove `auth: forward`",
            )
        if forward and getattr(options, "check", None) is not None:
            source.report.error(
                "auth-conflict",
                f"upstream `{name}` forwards the client's credential, so its `check` has none to send",
                source.tree.key("upstreams", name, "check"),
                help="remove `check`: requests tell how it is",
            )
        _check_times(source, name, options)
        _check_processes(source, name, options)
        check_code(source, name, options)
        found[name] = Upstream(
            name=name,
            span=source.tree.key("upstreams", name),
            options=options,
            demo=bool(getattr(options, "demo", False)),
            forward=forward,
        )
    return found


def _check_processes(source: Source, name: str, options: Options) -> None:
    """Report more requests at once than there are processes to answer them."""
    most, processes = getattr(options, "concurrency", 0), getattr(options, "processes", None)
    if processes is not None and most > processes:
        given = source.tree.keys.get(("upstreams", name, "processes"))
        source.report.error(
            "bad-processes",
            f"upstream `{name}` runs {most} requests at once, but has {processes} processes, one for each conversation",
            given or source.tree.key("upstreams", name, "concurrency"),
            help=f"write `processes: {most}` or more, or a smaller `concurrency`",
        )


def _check_times(source: Source, name: str, options: Options) -> None:
    """Report times that cannot be kept both."""
    circuit, check = getattr(options, "circuit", "off"), getattr(options, "check", None)
    if not isinstance(circuit, str) and seconds(circuit.cooldown) > seconds(circuit.longest):
        given = source.tree.keys.get(("upstreams", name, "circuit", "cooldown"))
        source.report.error(
            "bad-circuit",
            f"`circuit` of upstream `{name}` cools for {circuit.cooldown}, longer than its longest: {circuit.longest}",
            given or source.tree.key("upstreams", name, "circuit", "longest"),
            help=f"write `longest: {circuit.cooldown}` or more",
        )
    if check is not None and seconds(check.timeout) > seconds(check.every):
        source.report.warning(
            "slow-check",
            f"`check` of upstream `{name}` may take {check.timeout}, longer than the {check.every} between two",
            source.tree.key("upstreams", name, "check"),
            help="the next one waits for it; give it less time, or make it rarer",
        )
