"""Whether the shares that the file gives to targets can be had: `balance`, `weight` and `sticky` of each entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.config.sections import models as sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.plan.nodes import Entry
    from engine.plan.references import Models
    from engine.plan.source import Source


def check_shares(source: Source, models: Models) -> None:
    """Report shares that come to nothing."""
    for name, entry in models.entries.items():
        declared = source.document.models[name]
        if isinstance(declared, sections.Model) and entry.targets:
            balances = set(_balances(models, entry))
            _check_weights(source, declared, entry, weighted="weighted" in balances)
            _check_idle(source, declared, entry)


def _balances(models: Models, entry: Entry) -> Iterator[str]:
    """Yield by what the targets of `entry` are balanced: as it says itself, and as its aliases do."""
    yield entry.balance
    for other in models.entries.values():
        if (
            other.alias is not None
            and other.alias.entry == entry.name
            and other is not entry
            and "balance" in other.own
        ):
            yield other.balance


def _check_weights(source: Source, declared: sections.Model, entry: Entry, *, weighted: bool) -> None:
    given = [index for index, one in enumerate(declared.targets) if _has_weight(source, entry, index)]
    if given and (entry.alias is not None or not weighted):
        source.report.warning(
            "weight-ignored",
            f"`weight` counts under `balance: weighted`; `{entry.name}` "
            + ("is another name for an entry" if entry.alias is not None else f"has `{entry.balance}`"),
            source.tree.key("models", entry.name, "targets", given[0], "weight"),
            help="give the weights to the entry itself" if entry.alias is not None else "add `balance: weighted`",
        )
    elif weighted and not any(1 if link.weight is None else link.weight for link in entry.targets):
        source.report.error(
            "no-weight",
            f"every target of `{entry.name}` has `weight: 0`, so none would have a share",
            source.tree.key("models", entry.name, "targets"),
            help="give at least one a weight; 0 is for what is only asked once all others have failed",
        )


def _has_weight(source: Source, entry: Entry, index: int) -> bool:
    return ("models", entry.name, "targets", index, "weight") in source.tree.values


def _check_idle(source: Source, declared: sections.Model, entry: Entry) -> None:
    """Report an entry that says how to share what cannot be shared."""
    if entry.alias is not None:
        return
    if declared.balance not in (None, "failover") and len(entry.targets) == 1:
        key, message = "balance", f"there is nothing to balance: `{entry.name}` has one target"
        help_ = "add a target, or remove `balance`"
    elif declared.sticky == "session" and entry.balance == "failover":
        key, message = "sticky", f"under `balance: failover` every session of `{entry.name}` goes to the first target"
        help_ = "add `balance: weighted` or another, or remove `sticky`"
    else:
        return
    source.report.warning("idle-balance", message, source.tree.key("models", entry.name, key), help=help_)
