"""The routing graph in its four renderings."""

from __future__ import annotations

import json

from engine.plan.graph import FORMS, graph, words
from tests.plan.plans import UPSTREAMS, plan

FILE = (
    UPSTREAMS
    + """
models:
  smart: {targets: [anthropic/claude-sonnet-5, openai/gpt-5.5], fallback: [gpt-9, openai/last]}
  gpt-*: openai/gpt-*
  best: smart
routes:
  - {name: long, when: {model: [best, smart], input_tokens: {min: 9}, not: {stream: true}}, to: gpt-5}
  - {name: closed, when: {header: {X-A: '"<b>`'}}, deny: {message: "not `now` & #1"}}
  - {name: images, when: {path: "/v1/images/**"}, pass: openai}
  - {name: rest, to: anthropic/rest}
keys: {anonymous: {}}
"""
)
SHOWN = graph(plan(FILE))


def test_text() -> None:
    assert FORMS["text"](SHOWN) == (
        "routes, from the top\n"
        "  long       model best or smart, input_tokens >= 9, not (stream)  -> gpt-5\n"
        '  closed     header x-a "<b>`  refused with 403: not `now` & #1\n'
        "  images     path /v1/images/**  passes to openai\n"
        "  rest       always  -> anthropic/rest\n"
        "models\n"
        "  smart      anthropic/claude-sonnet-5, openai/gpt-5.5  else gpt-9, openai/last\n"
        "  gpt-*      openai/gpt-*\n"
        "  best       = smart\n"
        "upstreams\n"
        "  openai     http://127.0.0.1:1/v1\n"
        "  anthropic  http://127.0.0.1:1\n"
        "  demo       answers every name while no other upstream is on\n"
    )


def test_what_is_done_to_requests_is_told() -> None:
    tuned = (
        UPSTREAMS
        + """
models:
  smart:
    targets: [openai/a]
    set: {temperature: 0, thinking.type: disabled}
    unset: [top_p]
    strip: [x-team]
    like: gpt-5
    translation: exact
routes:
  - {name: long, when: {stream: true}, to: smart, set: {seed: 1}, unset: []}
keys: {anonymous: {}}
"""
    )
    told = {vertex.name: vertex.note for vertex in graph(plan(tuned)).vertices}
    assert (
        told["smart"]
        == "sets temperature, thinking.type; unsets top_p; strips x-team; counts as gpt-5; exact translation"
    )
    assert told["long"] == "stream; sets seed"


def test_mermaid() -> None:
    assert FORMS["mermaid"](SHOWN) == (
        "flowchart LR\n"
        "  subgraph routes\n"
        '    r0{{"long<br/>model best or smart, input_tokens #62;= 9, not (stream)"}}\n'
        '    r1{{"closed<br/>header x-a #34;#60;b#62;#96;"}}\n'
        '    r2{{"images<br/>path /v1/images/**"}}\n'
        '    r3{{"rest<br/>always"}}\n'
        "  end\n"
        "  subgraph models\n"
        '    m0(["smart"])\n'
        '    m1(["gpt-*"])\n'
        '    m2(["best"])\n'
        "  end\n"
        "  subgraph upstreams\n"
        '    u0["openai<br/>http://127.0.0.1:1/v1"]\n'
        '    u1["anthropic<br/>http://127.0.0.1:1"]\n'
        '    u2["demo<br/>answers every name while no other upstream is on"]\n'
        "  end\n"
        '  x1[/"403<br/>not #96;now#96; #38; #35;1"/]\n'
        '  r0 -->|"gpt-5"| m1\n'
        "  r1 --> x1\n"
        "  r2 ==> u0\n"
        '  r3 -->|"rest"| u1\n'
        '  m0 -->|"claude-sonnet-5"| u1\n'
        '  m0 -->|"gpt-5.5"| u0\n'
        '  m0 -.->|"else gpt-9"| m1\n'
        '  m0 -.->|"else last"| u0\n'
        '  m1 -->|"gpt-*"| u0\n'
        "  m2 --> m0\n"
    )


def test_dot() -> None:
    lines = FORMS["dot"](SHOWN).splitlines()
    assert lines[0] == "digraph turnout {"
    assert lines[-1] == "}"
    assert '  r1 [shape=hexagon, label="closed\\nheader x-a \\"<b>`"];' in lines
    assert '  m0 -> m1 [label="gpt-9", style=dashed];' in lines
    assert '  r2 -> u0 [label="", style=bold];' in lines


def test_json() -> None:
    drawn = json.loads(FORMS["json"](SHOWN))
    nodes = {node["id"]: node for node in drawn["nodes"]}
    assert (nodes["m1"]["kind"], nodes["m1"]["name"]) == ("model", "gpt-*")
    assert FILE.splitlines()[nodes["m1"]["line"] - 1].strip().startswith("gpt-*")
    assert {"from": "m0", "to": "m1", "way": "fallback", "label": "gpt-9"} in drawn["edges"]
    assert all(edge["from"] in nodes and edge["to"] in nodes for edge in drawn["edges"])


def test_a_plan_of_nothing_has_an_empty_graph() -> None:
    nothing = graph(plan("version: 1\n"))
    assert (nothing.vertices, nothing.edges) == ((), ())
    assert FORMS["mermaid"](nothing) == "flowchart LR\n"


def test_conditions_in_words() -> None:
    routes = plan(
        UPSTREAMS
        + """
routes:
  - {name: a, when: {key: anonymous, api: [chat, messages], tools: false, max_tokens: {max: 5}}, to: openai/a}
  - {name: b, when: {base: team, method: POST, thinking: true, input_tokens: {min: 1, max: 2}}, to: openai/b}
bases: {team: {prefix: /team}}
keys: {anonymous: {}}
"""
    ).document.routes
    assert [words(route.when) for route in routes] == [
        "key anonymous, api chat or messages, no tools, max_tokens <= 5",
        "base team, method POST, thinking, input_tokens 1 to 2",
    ]
