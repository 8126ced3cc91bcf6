"""One YAML text -> plain values and the span of every key and value; everything YAML permits but we do not is told.

The order matters: size, then an event scan (it does not recurse: composing 100,000 brackets overflows libyaml's C
stack), then compose, then a walk that counts aliases as expanded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from engine.config import scalars
from engine.config.syntax import trouble
from engine.diagnostics import BREAK, Label, Span

if TYPE_CHECKING:
    from engine.config.tree import Path
    from engine.diagnostics import Diagnostic, Report

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 200_000
"""Values after every alias is expanded."""

KNOWN_TAGS = {f"{scalars.PREFIX}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge")}


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """One file, read: its values and where they stand."""

    data: dict[str, Any]
    keys: dict[Path, Span]
    values: dict[Path, Span]


class _Stop(Exception):  # noqa: N818 - it ends a walk
    """The walk cannot go on; why is in the report."""


def parse(name: str, text: str, report: Report, *, included: bool = False) -> Sheet | None:
    """Return the content of `text`, or None with the reasons in `report`. `name` is the file as it is shown."""
    found = len(report.diagnostics)
    start = Span(name, 1, 1, 2)
    if len(text) > MAX_BYTES:
        report.error(
            "too-large", f"the file is larger than {MAX_BYTES >> 20} MB", start, help="split it with `include`"
        )
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:  # a pipe with other bytes than UTF-8
        not_utf8(name, text, error.start, report)
        return None
    try:
        if not _scan(name, text, report):
            return None
        node = yaml.compose(text, scalars.Core)
    except yaml.YAMLError as error:
        trouble(name, text, error, report)
        return None
    if node is None or node.tag == scalars.NULL:
        help_ = "fill it, or take it out of `include`" if included else "begin with `version: 1`"
        report.error("empty-file", "the file has no content", start, help=help_)
        return None
    if not isinstance(node, yaml.MappingNode):
        help_ = "write `version: 1` on the first line: a key, a colon, a space, its value"
        report.error("not-a-mapping", "the file must hold keys and values", _span(name, text, node), help=help_)
        return None
    walk = _Walk(name, text, report)
    try:
        data = walk.build(node, (), 0)
    except _Stop:
        return None
    finally:
        report.diagnostics[found:] = sorted(report.diagnostics[found:], key=_order)
    if len(report.diagnostics) > found:
        return None
    return Sheet(data=data, keys=walk.keys, values=walk.values)


def not_utf8(name: str, text: str, position: int, report: Report) -> None:
    """Report the character at `position`, which stands for a byte that could not be read."""
    before = BREAK.split(text[:position])
    span = Span(name, len(before), len(before[-1]) + 1, len(before[-1]) + 2)
    report.error("not-utf8", "this is not UTF-8", span, help="save the file as UTF-8")


def _order(found: Diagnostic) -> tuple[int, int]:
    return (found.span.line, found.span.column) if found.span else (0, 0)


def _scan(name: str, text: str, report: Report) -> bool:
    """Refuse depth and further documents before anything recurses."""
    depth = documents = 0
    for event in yaml.parse(text, scalars.Core):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                span = _mark(name, event.start_mark, 3)
                help_ = "remove the `---`; put further documents in files of their own and `include` them"
                report.error("several-documents", "a second document begins here", span, help=help_)
                return False
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                _too_deep(_mark(name, event.start_mark), report)
                return False
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return True


def _too_deep(span: Span, report: Report) -> None:
    help_ = "a bracket may be left over, or an alias may hold itself many times over"
    report.error("too-deep", f"values are nested deeper than {MAX_DEPTH} levels", span, help=help_)


def _mark(name: str, mark: Any, width: int = 1) -> Span:
    return Span(name, mark.line + 1, mark.column + 1, mark.column + 1 + width)


def _span(name: str, text: str, node: yaml.Node) -> Span:
    """Return the stretch of `node` on its first line; of a mapping over several lines, its first key."""
    start, end = node.start_mark, node.end_mark
    if start.line == end.line:
        return _mark(name, start, max(1, end.column - start.column))
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _span(name, text, node.value[0][0])
    if isinstance(node, yaml.CollectionNode):
        return _mark(name, start)
    line = BREAK.split(text)[start.line]
    return _mark(name, start, max(1, len(line.rstrip()) - start.column))


def _precedes(key: yaml.Node, value: yaml.Node, node: yaml.MappingNode) -> bool:
    """Whether another key stands on the next line at the same depth, where something more indented may be meant."""
    begun = ((other.start_mark.line, other.start_mark.column) for other, _ in node.value)
    return not node.flow_style and not value.value and (key.start_mark.line + 1, key.start_mark.column) in begun


def _may_be_null(node: yaml.Node, path: Path) -> bool:
    """Whether `path` is inside a `set`, whose values are an upstream's own: there `null` is one, nothing is not."""
    is_inside = len(path) > 3 and path[0] in {"models", "routes", "defaults"} and path[2] == "set"
    return is_inside and node.value != ""


class _Walk:
    """Builds values from nodes and notes where they stand."""

    def __init__(self, name: str, text: str, report: Report) -> None:
        self.name = name
        self.text = text
        self.report = report
        self.keys: dict[Path, Span] = {}
        self.values: dict[Path, Span] = {}
        self.count = 0
        self.open: set[int] = set()
        self.told: set[int] = set()
        """Nodes already complained of: an alias brings them again."""

    def build(self, node: yaml.Node, path: Path, depth: int) -> Any:
        span = self.span(node)
        self.count += 1
        if self.count > MAX_NODES:
            help_ = "aliases of aliases multiply; write the values out, or use fewer"
            top = self.keys.get(path[:2]) or self.keys.get(path[:1])
            self.report.error("alias-bomb", f"this expands to more than {MAX_NODES:,} values", top, help=help_)
            raise _Stop
        if depth > MAX_DEPTH:
            _too_deep(span, self.report)
            raise _Stop
        if id(node) in self.open:
            self.report.error("recursive-alias", "this anchor contains itself", span, help="remove the alias inside it")
            raise _Stop
        self.values[path] = span
        if node.tag not in KNOWN_TAGS:
            self.tell(
                node,
                "unknown-tag",
                f"the tag `{node.tag.removeprefix(scalars.PREFIX)}` means nothing here",
                help_="remove it; a variable is written as `env:NAME`",
            )
            return None
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, path, depth)
            if isinstance(node, yaml.SequenceNode):
                return [self.item(item, (*path, index), depth) for index, item in enumerate(node.value)]
            return self.scalar(node)
        finally:
            self.open.discard(id(node))

    def mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Any]:
        entries: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        seen: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in {scalars.STR, scalars.MERGE}:
                self.no_text(key)
                continue
            if key.value in seen:
                self.duplicate(key, seen[key.value])
                continue
            seen[key.value] = key
            if key.tag == scalars.MERGE:
                merged.append((key, value))
            else:
                entries[key.value] = (key, value)
        for key, source in merged:
            for name, entry in self.merge(key, source, depth).items():
                entries.setdefault(name, entry)
        result = {}
        for name, (key, value) in entries.items():
            self.keys[(*path, name)] = self.span(key)
            if value.tag == scalars.NULL and not _may_be_null(value, (*path, name)):
                self.no_value(key, f"`{name}` has no value", below=_precedes(key, value, node))
                self.values[(*path, name)] = self.span(value)
            else:
                result[name] = self.build(value, (*path, name), depth + 1)
        return result

    def merge(self, place: yaml.Node, node: yaml.Node, depth: int) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return the entries that `<<: node` at `place` brings; of several mappings the first wins."""
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_NODES or id(node) in self.open:
            self.report.error("recursive-alias", "this merge contains itself", self.span(place), help="remove it")
            raise _Stop
        if isinstance(node, yaml.SequenceNode) and all(isinstance(part, yaml.MappingNode) for part in node.value):
            parts = node.value
        elif isinstance(node, yaml.MappingNode):
            parts = [node]
        else:
            help_ = "write `<<: *name`, where `&name` marks a mapping of this file"
            self.tell(place, "bad-merge", "`<<` takes a mapping, or a list of mappings", help_=help_)
            return {}
        entries: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for part in parts:
            self.open.add(id(part))
            for key, value in part.value:
                if key.tag == scalars.STR:
                    entries.setdefault(key.value, (key, value))
            for key, value in part.value:
                if key.tag == scalars.MERGE:
                    for name, entry in self.merge(key, value, depth + 1).items():
                        entries.setdefault(name, entry)
            self.open.discard(id(part))
        return entries

    def item(self, node: yaml.Node, path: Path, depth: int) -> Any:
        if node.tag == scalars.NULL and not _may_be_null(node, path):
            self.no_value(node, "this item has no value")
            return None
        return self.build(node, path, depth + 1)

    def scalar(self, node: yaml.Node) -> Any:
        try:
            return scalars.value(node.tag, node.value)
        except ValueError:
            kind = node.tag.removeprefix(scalars.PREFIX)
            self.tell(node, "bad-scalar", f"this cannot be read as `{kind}`", help_="quote it if it is meant as text")
            return None

    def span(self, node: yaml.Node) -> Span:
        return _span(self.name, self.text, node)

    def tell(self, node: yaml.Node, code: str, message: str, *, help_: str, labels: tuple[Label, ...] = ()) -> None:
        if id(node) not in self.told:
            self.told.add(id(node))
            self.report.error(code, message, self.span(node), help=help_, labels=labels)

    def duplicate(self, key: yaml.Node, first: yaml.Node) -> None:
        labels = (Label(self.span(first), "first here"),)
        help_ = "keep one of them: YAML parsers disagree on which would count"
        self.tell(key, "duplicate-key", f"the key `{key.value}` is here twice", help_=help_, labels=labels)

    def no_text(self, key: yaml.Node) -> None:
        if isinstance(key, yaml.ScalarNode) and key.value:
            self.tell(key, "key-not-text", f"the key `{key.value}` is not text", help_=f'quote it: `"{key.value}"`')
        else:
            self.tell(key, "key-not-text", "a key must be text", help_="write `key: value`")

    def no_value(self, node: yaml.Node, message: str, *, below: bool = False) -> None:
        help_ = "give it a value, or remove the line; an empty mapping is `{}`, an empty list `[]`"
        if below:
            help_ = f"indent the lines below it if they belong to it; otherwise {help_}"
        self.tell(node, "empty-value", message, help_=help_)
