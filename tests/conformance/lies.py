"""The lies that the suite must catch, each with the checks that catch it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.proxy import Lie

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.words import Api

HISTORY = {"chat": "messages", "messages": "messages", "responses": "input"}
KNOWN = (
    *("model", "messages", "input", "instructions", "system", "stream", "stream_options", "tools", "tool_choice"),
    *("max_tokens", "max_completion_tokens", "max_output_tokens", "store"),
)
WISHES = ("tool_choice", "parallel_tool_calls", "response_format", "text", "output_config", "stop", "stop_sequences")
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
SHOWS = ("thinking", "reasoning", "previous_response_id")
GOOD = {
    "finish_reason": {"length": "stop", "content_filter": "stop"},
    "stop_reason": {"max_tokens": "end_turn", "refusal": "end_turn", "stop_sequence": "end_turn"},
    "status": {"incomplete": "completed"},
    "type": {"response.incomplete": "response.completed"},
}


def _walk(value: Any, change: Callable[[dict[str, Any]], Any]) -> Any:
    """Let `change` see every object in a value; return the value."""
    if isinstance(value, dict):
        change(value)
        for inner in list(value.values()):
            _walk(inner, change)
    elif isinstance(value, list):
        for inner in value:
            _walk(inner, change)
    return value


def _drop(*names: str) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Leave out all fields of these names, at any depth."""
    return lambda _, value: _walk(value, lambda one: [one.pop(name, None) for name in names])


def _nothing_used(_: str, value: dict[str, Any]) -> dict[str, Any]:
    def change(one: dict[str, Any]) -> None:
        if isinstance(usage := one.get("usage"), dict):
            _walk(usage, lambda each: each.update({name: 0 for name, count in each.items() if isinstance(count, int)}))

    made: dict[str, Any] = _walk(value, change)
    return made


def _swapped(api: Api, body: dict[str, Any]) -> None:
    """Let two results answer each other's call."""
    name = {"chat": "tool_call_id", "messages": "tool_use_id", "responses": "call_id"}[api]
    found: list[dict[str, Any]] = []
    _walk(body[HISTORY[api]], lambda one: found.append(one) if name in one and _is_result(one) else None)
    for one, other in [found[:2]] if len(found) > 1 else []:
        one[name], other[name] = other[name], one[name]


def _is_result(one: dict[str, Any]) -> bool:
    return one.get("role") == "tool" or "_result" in one.get("type", "") or one.get("type", "").endswith("_output")


def _forgetful(api: Api, body: dict[str, Any]) -> None:
    """Lose what the model has thought."""
    turns = body[HISTORY[api]]
    body[HISTORY[api]] = [turn for turn in turns if turn.get("type") != "reasoning"]
    for turn in turns:
        turn.pop("reasoning_content", None)
        if isinstance(turn.get("content"), list):
            turn["content"] = [block for block in turn["content"] if block["type"] != "thinking"]


def _only_known(_: Api, body: dict[str, Any]) -> None:
    for name in body.keys() - set(KNOWN):
        del body[name]


def _wishes_lost(api: Api, body: dict[str, Any]) -> None:
    for name in WISHES + SHOWS:
        body.pop(name, None)
    body.update({name: 100 for name in LIMITS if name in body})
    _forgetful(api, body)


def _limits_demanded(_: Api, body: dict[str, Any]) -> None:
    if not any(name in body for name in LIMITS):
        body.clear()


def _blind(_: Api, body: dict[str, Any]) -> None:
    def change(one: dict[str, Any]) -> None:
        for name in ("content", "output"):
            if isinstance(one.get(name), list):
                one[name] = [part for part in one[name] if "image" not in part.get("type", "")]

    _walk(body, change)


def _unruly(api: Api, body: dict[str, Any]) -> None:
    """Lose every instruction."""
    for name in ("system", "instructions"):
        body.pop(name, None)
    body[HISTORY[api]] = [turn for turn in body[HISTORY[api]] if turn.get("role") not in ("system", "developer")]


def _shallow(_: Api, body: dict[str, Any]) -> None:
    """Lose what is odd about tools."""
    body["tools"] = [tool for tool in body.get("tools", []) if tool.get("type", "function") == "function"]
    _walk(body["tools"], lambda one: one.pop("$defs", None))
    if not body["tools"]:
        del body["tools"]


def _all_well(_: str, value: dict[str, Any]) -> dict[str, Any]:
    """Give every answer a good end."""

    def change(one: dict[str, Any]) -> None:
        for name, words in GOOD.items():
            if isinstance(one.get(name), str):
                one[name] = words.get(one[name], one[name])
        one.update({name: None for name in ("refusal", "incomplete_details", "stop_details") if name in one})

    made: dict[str, Any] = _walk(value, change)
    return made


def _short(_: str, value: dict[str, Any]) -> dict[str, Any]:
    """Cut long texts, and leave empty arguments out."""

    def change(one: dict[str, Any]) -> None:
        for name, inner in one.items():
            if isinstance(inner, str):
                one[name] = "" if inner == "{}" else inner[:1000]

    made: dict[str, Any] = _walk(value, change)
    return made


def _one_call(_: str, value: dict[str, Any]) -> dict[str, Any]:
    """Take all parallel calls for the first."""

    def change(one: dict[str, Any]) -> None:
        for call in one.get("tool_calls") or ():
            if "index" in call:
                call["index"] = 0

    made: dict[str, Any] = _walk(value, change)
    return made


def _counted_from_one(_: str, value: dict[str, Any]) -> dict[str, Any]:
    if "sequence_number" in value:
        value["sequence_number"] += 1
    return value


def _silent(name: str, value: dict[str, Any]) -> dict[str, Any] | None:
    """Say nothing of errors in a stream."""
    return None if value.get("error") or name in ("error", "response.failed") else value


LIES = (
    Lie("nothing was used", ("usage", "reasoning-tokens"), said=_nothing_used),
    Lie("results change places", ("loop",), asked=_swapped),
    Lie("streams are held back", ("pace", "leave-midway"), holds=True),
    Lie("what was cut has a good end", ("cut", "unfinished"), ends=True),
    Lie("the client's leaving goes unnoticed", ("leave-midway", "leave-early"), stays=True),
    Lie("what is not known is dropped", ("unknown-fields", "unchanged"), asked=_only_known),
    Lie("thoughts are forgotten", ("thinking-back",), asked=_forgetful),
    Lie("wishes are not heard", ("structured", "limit", "tool-choice"), asked=_wishes_lost),
    Lie("one call at a time is not heard", ("parallel-off",), ("messages", "responses"), asked=_wishes_lost),
    Lie("nobody wants to see thoughts", ("thinking",), ("messages", "responses"), asked=_wishes_lost),
    Lie("stop sequences are not heard", ("stop-sequence",), ("chat", "messages"), asked=_wishes_lost),
    Lie("nothing was said before", ("previous-response",), ("responses",), asked=_wishes_lost),
    Lie("every client sets a limit", ("no-limit",), ("chat", "responses"), asked=_limits_demanded),
    Lie("there are no pictures", ("pictures",), asked=_blind),
    Lie("results have no pictures", ("picture-result",), ("messages", "responses"), asked=_blind),
    Lie("there are no instructions", ("instructions", "midway"), asked=_unruly),
    Lie("schemas are simple", ("schemas",), asked=_shallow),
    Lie("tools are functions", ("custom-tool", "namespaces"), ("responses",), asked=_shallow),
    Lie("characters are bytes", ("emoji",), piece=lambda data: data.decode(errors="replace").encode()),
    Lie("lines end in LF", ("crlf",), piece=lambda data: data.replace(b"\r\n\r\n", b"\r\n")),
    Lie(
        "comments are data", ("comments",), piece=lambda data: data.replace(b": keep-alive\n\n", b"data: keep-alive\n")
    ),
    Lie("calls have no names", ("one-call", "two-calls", "loop", "shape"), said=_drop("name", "id")),
    Lie("long texts are cut", ("large-call",), said=_short),
    Lie("empty arguments are empty", ("no-arguments",), ("chat", "responses"), said=_short),
    Lie("all calls are one", ("two-calls", "interleaved", "wire"), ("chat",), said=_one_call),
    Lie("every answer ends well", ("length", "content-filter", "refusal"), said=_all_well),
    Lie("answers are short of fields", ("answer-fields",), said=_drop("service_tier")),
    Lie("events count from one", ("wire", "items"), ("responses",), said=_counted_from_one),
    Lie("blocks have no number", ("wire",), ("messages",), said=_drop("index")),
    Lie("betas are not for upstreams", ("betas",), ("messages",), deaf=("anthropic-beta",)),
    Lie("nobody counts", ("count-tokens",), ("messages",), deaf=("count_tokens",)),
    Lie(
        "all errors are its own",
        ("bad-request", "rate-limit", "context", "unknown-model"),
        status=lambda one: max(one, 500) if one >= 400 else one,
    ),
    Lie("all errors are the client's", ("server-error", "overloaded"), status=lambda one: 400 if one >= 500 else one),
    Lie("errors in streams go unsaid", ("broken-off",), said=_silent, ends=True),
    Lie("text is an ornament", ("text",), said=_drop("text", "content", "delta")),
    Lie("upstreams are the client's affair", ("credential", "early-error", "early-cut")),
)
"""The last one lies in nothing but what makes a gateway of a proxy."""
