"""The plan as nodes and edges, and their renderings: text, mermaid, dot, json."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.plan.reach import LISTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine.config.sections.routes import Range, When
    from engine.diagnostics import Span
    from engine.plan.layers import Layer, Memory
    from engine.plan.nodes import Entry, Link, Plan, Rule, Upstream

USER = re.compile(r"//[^/@]*@")
"""A user and password in a URL."""

Kind = Literal["route", "model", "upstream", "refusal"]
Way = Literal["to", "deny", "pass", "target", "alias", "fallback"]


class Vertex(msgspec.Struct, frozen=True, kw_only=True):
    """A node. `note` says in words what the name does not: conditions, addresses, why it is off."""

    id: str
    kind: Kind
    name: str
    note: str = ""
    span: Span | None = None


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """A way from one node to another; `label` is the model's name at an upstream."""

    start: str
    end: str
    way: Way
    label: str = ""
    weight: int | None = None
    """The share of a target, where shares go by weight."""


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes by section in file order, edges in the order they are tried."""

    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]

    def of(self, kind: Kind) -> list[Vertex]:
        return [vertex for vertex in self.vertices if vertex.kind == kind]

    def leaving(self, vertex: Vertex) -> list[Edge]:
        return [edge for edge in self.edges if edge.start == vertex.id]


def graph(plan: Plan) -> Graph:
    """Return the routing graph of `plan`."""
    vertices: list[Vertex] = []
    edges: list[Edge] = []
    for index, rule in enumerate(plan.rules):
        limits = limited(plan.attached.routes.get(rule.name, ()))
        note = "; ".join((words(plan.document.routes[index].when), *changes(rule.layer), *limits))
        vertices.append(Vertex(id=f"r{index}", kind="route", name=rule.name, note=note, span=rule.span))
        edges.append(_action(plan, rule, index, vertices))
    for name, entry in plan.entries.items():
        note = "; ".join((*shares(entry), *changes(entry.layer), *limited(entry.limits)))
        vertices.append(Vertex(id=_model(plan, name), kind="model", name=name, note=note, span=entry.span))
        edges += _ways(plan, entry)
    for name, upstream in plan.upstreams.items():
        where = f"off: {plan.off[name]}" if name in plan.off else _address(upstream)
        note = "; ".join((where, *limited(plan.attached.upstreams.get(name, ()))))
        vertices.append(Vertex(id=_upstream(plan, name), kind="upstream", name=name, note=note, span=upstream.span))
    return Graph(vertices=tuple(vertices), edges=tuple(edges))


def words(when: When) -> str:
    """Return the conditions of a route in words: `model fast, input_tokens >= 100000`."""
    return ", ".join(_words(when)) or "always"


def shares(entry: Entry) -> Iterator[str]:
    """Yield how the targets of an entry share its requests, unless they stand by for each other."""
    if entry.balance != "failover" and len(entry.targets) > 1:
        yield entry.balance
        if entry.sticky:
            yield "sticky sessions"


def changes(layer: Layer) -> Iterator[str]:
    """Yield what is done to requests, in words: `sets temperature`, `strips x-team`."""
    for verb, names in (("sets", layer.set), ("unsets", layer.unset), ("strips", layer.strip)):
        if names:
            yield f"{verb} {', '.join(names)}"
    if layer.like is not None:
        yield f"counts as {layer.like}"
    if layer.translation is not None:
        yield f"{layer.translation} translation"
    if layer.prompt is not None:
        yield f"prompt {layer.prompt.name}"
    if layer.output is not None:
        yield "answers satisfy a schema" if layer.output.name == "schema" else f"answers satisfy {layer.output.name}"
    if layer.memory is not None:
        yield f"remembers {_remembered(layer.memory)} of a session"
    if layer.tools is not None:
        yield f"runs tools of {', '.join(source.name for source in layer.tools.sources)}"
    if layer.on_break is not None:
        yield "carries on streams that break" if layer.on_break == "continue" else "streams that break end in an error"


def _remembered(memory: Memory) -> str:
    return f"{memory.messages} messages" if memory.messages is not None else f"{memory.tokens} tokens"


def limited(names: Iterable[str]) -> Iterator[str]:
    """Yield what limits a node, in words: `limited by team, nightly`."""
    told = ", ".join(names)
    if told:
        yield f"limited by {told}"


def _words(when: When) -> Iterator[str]:
    for field in LISTS:
        wanted = getattr(when, field)
        if wanted is not None:
            yield f"{field} {_any(wanted)}"
    for name, wanted in (when.header or {}).items():
        yield f"header {name.lower()} {_any(wanted)}"
    for field in ("stream", "tools", "images", "thinking"):
        flag = getattr(when, field)
        if flag is not None:
            yield field if flag else f"no {field}"
    for field in ("input_tokens", "max_tokens"):
        limits = getattr(when, field)
        if limits is not None:
            yield _range(field, limits)
    if when.not_ is not None:
        yield f"not ({words(when.not_)})"


def _any(wanted: str | list[str]) -> str:
    return wanted if isinstance(wanted, str) else " or ".join(wanted)


def _range(field: str, limits: Range) -> str:
    if limits.min is not None and limits.max is not None:
        return f"{field} {limits.min} to {limits.max}"
    return f"{field} >= {limits.min}" if limits.min is not None else f"{field} <= {limits.max}"


def _action(plan: Plan, rule: Rule, index: int, vertices: list[Vertex]) -> Edge:
    if rule.link is not None:
        return _edge(plan, f"r{index}", rule.link, "to")
    if rule.passes is not None:
        return Edge(start=f"r{index}", end=_upstream(plan, rule.passes), way="pass")
    status, message = rule.deny or (403, "")
    vertices.append(Vertex(id=f"x{index}", kind="refusal", name=str(status), note=message))
    return Edge(start=f"r{index}", end=f"x{index}", way="deny")


def _ways(plan: Plan, entry: Entry) -> Iterator[Edge]:
    start = _model(plan, entry.name)
    for link in entry.targets:
        edge = _edge(plan, start, link, "alias" if link.entry is not None else "target")
        weighted = entry.balance == "weighted" and len(entry.targets) > 1
        yield msgspec.structs.replace(edge, weight=1 if link.weight is None else link.weight) if weighted else edge
    for link in entry.fallback:
        yield _edge(plan, start, link, "fallback")


def _edge(plan: Plan, start: str, link: Link, way: Way) -> Edge:
    if link.entry is not None:
        label = link.text.text if link.text.text != link.entry else ""
        return Edge(start=start, end=_model(plan, link.entry), way=way, label=label)
    upstream = link.upstream or ""
    model = link.text.text.removeprefix(upstream + "/")
    return Edge(start=start, end=_upstream(plan, upstream), way=way, label=model)


def _address(upstream: Upstream) -> str:
    if upstream.demo:
        return "answers every name while no other upstream is on"
    if upstream.options.runs is not None:
        return f"runs {upstream.options.runs}"
    return USER.sub("//", getattr(upstream.options, "base_url", "inside Turnout"))


def _model(plan: Plan, name: str) -> str:
    return f"m{list(plan.entries).index(name)}"


def _upstream(plan: Plan, name: str) -> str:
    return f"u{list(plan.upstreams).index(name)}"


# --- renderings -----------------------------------------------------------------------------------------------------


def text(shown: Graph) -> str:
    """Render as an indented list, one node a line."""
    names = {vertex.id: vertex for vertex in shown.vertices}
    width = max((len(vertex.name) for vertex in shown.vertices), default=0)
    lines = []
    for title, kind in (("routes, from the top", "route"), ("models", "model"), ("upstreams", "upstream")):
        section = [vertex for vertex in shown.vertices if vertex.kind == kind]
        if not section:
            continue
        lines.append(title)
        for vertex in section:
            told = [vertex.note] if vertex.note else []
            told += [part for way in WAYS if (part := _way(way, shown.leaving(vertex), names))]
            lines.append(f"  {vertex.name:<{width}}  {'  '.join(told)}".rstrip())
    return "\n".join(lines) + "\n"


WAYS: dict[Way, str] = {
    "to": "-> ",
    "deny": "refused with ",
    "pass": "passes to ",
    "alias": "= ",
    "target": "",
    "fallback": "else ",
}
"""How the text rendering begins each kind of way."""


def _way(way: Way, edges: list[Edge], names: dict[str, Vertex]) -> str:
    ends = [_end(edge, names[edge.end]) for edge in edges if edge.way == way]
    return WAYS[way] + ", ".join(ends) if ends else ""


def _end(edge: Edge, end: Vertex) -> str:
    if end.kind == "refusal":
        return f"{end.name}: {end.note}"
    if end.kind == "upstream":
        share = f" ({edge.weight})" if edge.weight is not None else ""
        return (f"{end.name}/{edge.label}" if edge.label else end.name) + share
    return edge.label or end.name


ARROWS: dict[Way, str] = {
    "to": "-->",
    "deny": "-->",
    "pass": "==>",
    "target": "-->",
    "alias": "-->",
    "fallback": "-.->",
}


def mermaid(shown: Graph) -> str:
    """Render as a Mermaid flowchart (GitHub draws it in Markdown)."""
    lines = ["flowchart LR"]
    for title, kind in (("routes", "route"), ("models", "model"), ("upstreams", "upstream")):
        section = [vertex for vertex in shown.vertices if vertex.kind == kind]
        if section:
            lines += [f"  subgraph {title}", *(f"    {_mermaid(vertex)}" for vertex in section), "  end"]
    lines += [f"  {_mermaid(vertex)}" for vertex in shown.of("refusal")]
    for edge in shown.edges:
        label = " ".join(part for part in ("else" if edge.way == "fallback" else "", _labelled(edge)) if part)
        lines.append(f"  {edge.start} {ARROWS[edge.way]}{_mermaid_label(label)} {edge.end}")
    return "\n".join(lines) + "\n"


def _labelled(edge: Edge) -> str:
    return edge.label if edge.weight is None else f"{edge.label} ({edge.weight})"


SHAPES = {"route": ("{{", "}}"), "model": ("([", "])"), "upstream": ("[", "]"), "refusal": ("[/", "/]")}


def _mermaid(vertex: Vertex) -> str:
    opened, closed = SHAPES[vertex.kind]
    note = f"<br/>{_entities(vertex.note)}" if vertex.note else ""
    return f'{vertex.id}{opened}"{_entities(vertex.name)}{note}"{closed}'


def _mermaid_label(label: str) -> str:
    return f'|"{_entities(label)}"|' if label else ""


def _entities(words: str) -> str:
    """Escape what Mermaid and HTML would read as their own; backticks would begin a Markdown string."""
    for sign in '#&<>"`':
        words = words.replace(sign, f"\0{ord(sign)};")
    return " ".join(words.split()).replace("\0", "#")


def dot(shown: Graph) -> str:
    """Render for Graphviz."""
    lines = ["digraph turnout {", "  rankdir=LR;", '  node [fontname="sans-serif"]; edge [fontname="sans-serif"];']
    forms = {"route": "hexagon", "model": "oval", "upstream": "box", "refusal": "parallelogram"}
    for vertex in shown.vertices:
        label = f"{vertex.name}\n{vertex.note}" if vertex.note else vertex.name
        lines.append(f"  {vertex.id} [shape={forms[vertex.kind]}, label={_quoted(label)}];")
    for edge in shown.edges:
        style = ", style=dashed" if edge.way == "fallback" else ", style=bold" if edge.way == "pass" else ""
        lines.append(f"  {edge.start} -> {edge.end} [label={_quoted(_labelled(edge))}{style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def as_json(shown: Graph) -> str:
    """Render as {"nodes": [{id, kind, name, note, file, line}], "edges": [{from, to, way, label, weight}]}."""
    nodes = [
        {
            "id": vertex.id,
            "kind": vertex.kind,
            "name": vertex.name,
            "note": vertex.note,
            "file": vertex.span.file if vertex.span else None,
            "line": vertex.span.line if vertex.span else None,
        }
        for vertex in shown.vertices
    ]
    edges = [
        {"from": edge.start, "to": edge.end, "way": edge.way, "label": edge.label}
        | ({} if edge.weight is None else {"weight": edge.weight})
        for edge in shown.edges
    ]
    return json.dumps({"nodes": nodes, "edges": edges}, indent=2, ensure_ascii=False) + "\n"


FORMS: dict[str, Callable[[Graph], str]] = {"text": text, "mermaid": mermaid, "dot": dot, "json": as_json}
