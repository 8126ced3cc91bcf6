"""Which tools a Responses request offers, what they are called, and which of them must be called."""

from __future__ import annotations

from typing import Any

import pytest

from engine.chat import Call, Choice, Problem, Tool
from tests.dialects.responses.asking import asked, lost

SCHEMA = {"type": "object"}
GRAMMAR = {"syntax": "lark", "definition": "start: /./"}

TOOLS: dict[str, tuple[dict[str, Any], Tool]] = {
    "function": (
        {"type": "function", "name": "weather", "description": "Looks out.", "parameters": SCHEMA, "strict": True},
        Tool(name="weather", description="Looks out.", schema=SCHEMA, strict=True, at="tools[0]"),
    ),
    "function that says nothing of its arguments": (
        {"type": "function", "name": "weather", "parameters": None, "strict": None},
        Tool(name="weather", at="tools[0]"),
    ),
    "function that need not fit": (
        {"type": "function", "name": "weather", "strict": False, "allowed_callers": ["direct"], "async": False},
        Tool(name="weather", strict=False, at="tools[0]"),
    ),
    "function as in chat completions": (
        {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}},
        Tool(name="weather", schema=SCHEMA, at="tools[0].function"),
    ),
    "function that is loaded later": (
        {"type": "function", "name": "weather", "defer_loading": True},
        Tool(name="weather", deferred=True, at="tools[0]"),
    ),
    "custom": (
        {"type": "custom", "name": "patch", "description": "Patches.", "format": {"type": "text"}},
        Tool(name="patch", description="Patches.", kind="custom", at="tools[0]"),
    ),
    "custom with a grammar": (
        {"type": "custom", "name": "patch", "format": {"type": "grammar", **GRAMMAR}},
        Tool(name="patch", kind="custom", grammar=GRAMMAR, at="tools[0]"),
    ),
    "run by the vendor": (
        {"type": "web_search", "external_web_access": False},
        Tool(name="web_search", hosted="web_search", at="tools[0]"),
    ),
    "an MCP server": (
        {"type": "mcp", "server_label": "wiki", "server_url": "https://example.com"},
        Tool(name="mcp", hosted="mcp", at="tools[0]"),
    ),
    "known to OpenAI only": ({"type": "apply_patch"}, Tool(name="apply_patch", hosted="apply_patch", at="tools[0]")),
}


@pytest.mark.parametrize(("given_", "tool"), TOOLS.values(), ids=TOOLS)
def test_tools(given_: dict[str, Any], tool: Tool) -> None:
    request = asked(tools=[given_])
    assert request.tools == (tool,)
    assert request.losses == ()


LOST: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"async": True}, {"tools[0].async": "approximated"}),
    ({"allowed_callers": ["direct", "programmatic"]}, {"tools[0].allowed_callers": "approximated"}),
    ({"output_schema": SCHEMA}, {"tools[0].output_schema": "dropped"}),
]


@pytest.mark.parametrize(("fields", "losses"), LOST)
def test_what_other_apis_have_no_place_for(fields: dict[str, Any], losses: dict[str, str]) -> None:
    assert lost(asked(tools=[{"type": "function", "name": "weather", **fields}])) == losses


def function(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "name": name, **fields}


def space(name: str, *tools: dict[str, Any], description: str = "") -> dict[str, Any]:
    return {"type": "namespace", "name": name, "description": description, "tools": list(tools)}


def test_a_namespace_becomes_a_part_of_the_names() -> None:
    clock = space("clock", function("sleep", description="Sleeps."), function("now"), description="Tells the time.")
    request = asked(tools=[function("now"), clock])
    assert request.tools == (
        Tool(name="now", at="tools[0]"),
        Tool(name="clock__sleep", namespace="clock", description="Tells the time.\n\nSleeps.", at="tools[1].tools[0]"),
        Tool(name="clock__now", namespace="clock", at="tools[1].tools[1]"),
    )
    assert lost(request) == {"tools[1]": "approximated", "tools[1].description": "approximated"}


def test_plain_functions_keep_their_names() -> None:
    request = asked(tools=[space("functions", function("now"), {"type": "custom", "name": "exec"})])
    assert [(tool.name, tool.namespace) for tool in request.tools] == [("now", "functions"), ("exec", "functions")]
    assert request.losses == ()


def test_plain_functions_give_way_to_others() -> None:
    call = {"type": "function_call", "call_id": "a", "arguments": "{}", "name": "now"}
    request = asked(
        {**call, "namespace": "functions"}, call, tools=[space("functions", function("now")), function("now")]
    )
    assert [tool.name for tool in request.tools] == ["functions__now", "now"]
    assert [block.name for one in request.messages for block in one.blocks if isinstance(block, Call)] == [
        "functions__now",
        "now",
    ]


def test_a_name_without_its_namespace_is_that_of_the_only_tool_it_can_mean() -> None:
    call = {"type": "function_call", "call_id": "a", "arguments": "{}"}
    request = asked(
        {**call, "name": "sleep"},
        {**call, "name": "now"},
        {**call, "name": "gone"},
        tools=[space("clock", function("sleep"), function("now")), space("sun", function("now"))],
        tool_choice={"type": "function", "name": "sleep"},
    )
    assert [block.name for one in request.messages for block in one.blocks if isinstance(block, Call)] == [
        "clock__sleep",
        "now",
        "gone",
    ]
    assert request.choice == Choice(mode="tool", name="clock__sleep")


def brought(kind: str, *tools: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "role": "developer", "tools": list(tools)}


def test_tools_that_the_input_begins_with_are_those_of_the_request() -> None:
    request = asked(
        brought("additional_tools", function("a")),
        brought("additional_tools", function("b", defer_loading=True)),
        {"role": "user", "content": "Hi"},
    )
    assert request.tools == (
        Tool(name="a", at="input[0].tools[0]"),
        Tool(name="b", deferred=True, at="input[1].tools[0]"),
    )
    assert request.losses == ()


def test_tools_that_come_later_are_there_from_the_start() -> None:
    request = asked(
        {"role": "user", "content": "Hi"},
        brought("additional_tools", function("b")),
        brought("tool_search_output", function("a"), space("clock", function("sleep", defer_loading=True))),
        tools=[function("a", defer_loading=True)],
    )
    assert [(tool.name, tool.deferred, tool.at) for tool in request.tools] == [
        ("a", True, "tools[0]"),
        ("b", False, "input[1].tools[0]"),
        ("clock__sleep", False, "input[2].tools[1].tools[0]"),
    ]
    assert lost(request) == {
        "input[1].tools": "approximated",
        "input[2].tools": "approximated",
        "input[2].tools[1]": "approximated",
    }


CHOICES: list[tuple[Any, Choice | None]] = [
    (None, None),
    ("none", Choice(mode="none")),
    ("auto", Choice(mode="auto")),
    ("required", Choice(mode="required")),
    ({"type": "function", "name": "a"}, Choice(mode="tool", name="a")),
    ({"type": "custom", "name": "a"}, Choice(mode="tool", name="a")),
    ({"type": "function", "name": "sleep", "namespace": "clock"}, Choice(mode="tool", name="clock__sleep")),
    ({"type": "file_search"}, Choice(mode="tool", name="file_search")),
    ({"type": "mcp", "server_label": "wiki", "name": "look"}, Choice(mode="tool", name="mcp")),
    ({"type": "apply_patch"}, Choice(mode="tool", name="apply_patch")),
    (
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "a"}]},
        Choice(mode="required", allowed=("a",)),
    ),
    (
        {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [
                {"type": "image_generation"},
                {"type": "namespace", "name": "clock"},
                {"type": "function", "name": "sleep", "namespace": "clock"},
            ],
        },
        Choice(mode="auto", allowed=("image_generation", "clock__sleep", "clock__now")),
    ),
]


@pytest.mark.parametrize(("value", "choice"), CHOICES)
def test_tool_choice(value: Any, choice: Choice | None) -> None:
    request = asked(tools=[space("clock", function("sleep"), function("now"))], tool_choice=value)
    assert request.choice == choice


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"tools": {}}, "tools"),
    ({"tools": ["a"]}, "tools[0]"),
    ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ({"tools": [function("")]}, "tools[0].name"),
    ({"tools": [function("a", parameters=[])]}, "tools[0].parameters"),
    ({"tools": [function("a", strict="yes")]}, "tools[0].strict"),
    ({"tools": [{"type": "custom", "name": "a", "format": {"type": "grammar"}}]}, "tools[0].format.syntax"),
    ({"tools": [space("")]}, "tools[0].name"),
    ({"tools": [space("clock", {"type": "function"})]}, "tools[0].tools[0].name"),
    ({"tool_choice": "any"}, "tool_choice"),
    ({"tool_choice": 5}, "tool_choice"),
    ({"tool_choice": {}}, "tool_choice.type"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
    ({"tool_choice": {"type": "allowed_tools", "mode": "none", "tools": []}}, "tool_choice.mode"),
    ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": ["a"]}}, "tool_choice.tools[0]"),
    ({"tool_choice": {"type": "namespace", "name": "gone"}}, "tool_choice"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG)
def test_what_cannot_be_read_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Problem) as raised:
        asked(**fields)
    assert (raised.value.status, raised.value.code, raised.value.param) == (400, "invalid_request", param)
    assert f"`{param}`" in raised.value.message
