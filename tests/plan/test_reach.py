"""Which routes no request can reach, and which `pass` would take model requests (rules R1, R6)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.sections.routes import When
from engine.facts import Depth, Facts
from engine.plan.match import conditions
from engine.plan.reach import MODEL_PATHS, covers, shadowed
from engine.plan.rules import mismatch
from tests.plan.plans import UPSTREAMS, report

CHAT = "/v1/chat/completions"

SHADOWS = [
    ({}, CHAT),
    ({"path": "/v1/**"}, CHAT),
    ({"path": "/v1/*"}, "/v1/completions"),
    ({"path": "/v1/images/**"}, None),
    ({"path": ["/v1/images/**", "/v1/messages"]}, "/v1/messages"),
    ({"path": "/v1/**", "method": "GET"}, None),
    ({"path": "/v1/**", "method": ["get", "post"]}, CHAT),
    ({"header": {"x": "y"}}, CHAT),
    ({"client": "codex"}, CHAT),
    ({"path": "/v1/**", "not": {"client": "codex"}}, CHAT),
    ({"path": "/v1/**", "not": {"path": list(MODEL_PATHS)}}, None),
    ({"path": "/v1/realtime/**"}, None),
    ({"path": ["/v1/files", "/v1/realtime"]}, "/v1/realtime"),
    ({"path": "/v1/realtime", "method": "POST"}, None),
    ({"path": "/v1/**", "not": {"path": list(MODEL_PATHS), "key": "ada"}}, CHAT),
    ({"path": "/v1/**", "not": {"method": "POST"}}, None),
]


@pytest.mark.parametrize(("when", "endpoint"), SHADOWS)
def test_model_endpoints_that_a_pass_would_take(when: dict[str, object], endpoint: str | None) -> None:
    assert shadowed(msgspec.convert(when, When)) == endpoint


ROUTES = [
    ("{name: a, to: m}", "{name: b, when: {stream: true}, to: m}", ["unreachable"]),
    ("{name: a, when: {stream: true}, to: m}", "{name: b, to: m}", []),
    ("{name: a, when: {stream: true}, to: m}", "{name: b, when: {stream: false}, to: m}", []),
    ("{name: a, when: {model: '*'}, to: m}", "{name: b, when: {model: x}, to: m}", ["unreachable"]),
    ("{name: a, when: {model: x}, to: m}", "{name: b, when: {model: 'x*'}, to: m}", []),
    ("{name: a, when: {model: x, key: anonymous}, to: m}", "{name: b, when: {model: x}, to: m}", []),
    ("{name: a, when: {method: post}, to: m}", "{name: b, when: {method: POST}, to: m}", ["unreachable"]),
    ("{name: a, when: {header: {X: '*'}}, to: m}", "{name: b, when: {header: {x: y}}, to: m}", ["unreachable"]),
    ("{name: a, when: {not: {model: x}}, to: m}", "{name: b, when: {not: {model: x}}, to: m}", ["unreachable"]),
    ("{name: a, when: {not: {model: x}}, to: m}", "{name: b, when: {model: y}, to: m}", []),
    ("{name: a, when: {client: codex}, to: m}", "{name: b, when: {client: aider}, to: m}", []),
    ("{name: a, when: {client: [codex, aider]}, to: m}", "{name: b, when: {client: codex}, to: m}", ["unreachable"]),
    (
        "{name: a, when: {client: codex}, to: m}",
        "{name: b, when: {client: [codex, aider]}, to: m}",
        ["shadowed-partly"],
    ),
    ("{name: a, to: m}", "{name: b, when: {path: '/x/**'}, pass: openai}", []),
    ("{name: a, to: m}", "{name: b, when: {path: '/x/**'}, deny: {}}", []),
    ("{name: a, deny: {}}", "{name: b, when: {path: '/x/**'}, pass: openai}", ["unreachable"]),
    ("{name: a, when: {path: '/x/**'}, pass: openai}", "{name: b, to: m}", []),
    ("{name: a, when: {model: [x, 'y*']}, to: m}", "{name: b, when: {model: [y1, z]}, to: m}", ["shadowed-partly"]),
]


@pytest.mark.parametrize(("first", "second", "codes"), ROUTES)
def test_what_an_earlier_route_leaves_over(first: str, second: str, codes: list[str]) -> None:
    models, keys = "models: {m: openai/m, n: anthropic/n}", "keys: {anonymous: {routes: [a, b]}}"
    text = f"{UPSTREAMS}{models}\nroutes: [{first}, {second}]\n{keys}\n"
    assert [found.code for found in report(text).diagnostics] == codes


WORD = st.sampled_from(["a", "b", "a*", "*", "ab"])
ANY_OF = st.one_of(WORD, st.lists(WORD, min_size=1, max_size=2))
LIMITS = st.sampled_from([{"min": 1}, {"max": 2}, {"min": 1, "max": 3}, {"min": 2, "max": 2}])
SIMPLE = st.fixed_dictionaries(
    {},
    optional={
        "model": ANY_OF,
        "key": st.sampled_from(["anonymous", "a*"]),
        "client": st.sampled_from(["codex", "aider", ["codex", "aider"]]),
        "header": st.dictionaries(st.sampled_from(["x", "X"]), ANY_OF, max_size=1),
        "stream": st.booleans(),
        "tools": st.booleans(),
        "input_tokens": LIMITS,
        "max_tokens": LIMITS,
    },
)
WHEN = st.one_of(SIMPLE, st.builds(lambda when, other: {**when, "not": other}, SIMPLE, SIMPLE))
FACTS = st.builds(
    lambda model, client, header, stream, tools, tokens, most: Facts(
        api="chat",
        path=CHAT,
        model=model,
        client=client,
        headers={} if header is None else {"x": header},
        stream=stream,
        depth=Depth(tools=tools, input_tokens=tokens, max_tokens=most),
    ),
    st.sampled_from(["a", "b", "ab", ""]),
    st.sampled_from([None, "codex", "aider"]),
    st.sampled_from([None, "a", "b"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 4),
    st.one_of(st.none(), st.integers(0, 4)),
)


@given(WHEN, WHEN, FACTS)
def test_a_route_is_only_called_unreachable_when_no_request_reaches_it(
    wide: dict[str, object], narrow: dict[str, object], facts: Facts
) -> None:
    first = msgspec.convert(wide, When)
    for later in (narrow, {**narrow, **wide}):
        second = msgspec.convert(later, When)
        if covers(first, second) and mismatch(conditions(second))(facts) is None:
            assert mismatch(conditions(first))(facts) is None


@given(WHEN, SIMPLE)
def test_more_conditions_never_reach_further(wide: dict[str, object], more: dict[str, object]) -> None:
    assert covers(msgspec.convert(wide, When), msgspec.convert({**more, **wide}, When))
