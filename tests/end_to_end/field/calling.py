"""An upstream that calls one of the tools that it was offered, in the form in which it was offered it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.end_to_end.field.house import chat_of
from tests.end_to_end.translation.turns import Turn, told
from tests.support.answers import DONE, chat_chunk
from tests.support.apis import CHAT, MESSAGES, RESPONSES, Api
from tests.support.items import call_item, response_of, response_stream
from tests.support.loop import Call
from tests.support.script import Reply, as_json, as_stream

if TYPE_CHECKING:
    from tests.support.upstream import Answer, Seen

Json = dict[str, Any]
PATHS = {api.path: api for api in (CHAT, MESSAGES, RESPONSES)}


def offered(body: Json) -> dict[str, Json]:
    """Return the tools of a request by their names, those of namespaces with the namespace in `namespace`."""
    items = body.get("input") if isinstance(body.get("input"), list) else ()
    found = [*(body.get("tools") or ()), *(tool for item in items or () for tool in item.get("tools") or ())]
    tools: dict[str, Json] = {}
    for tool in found:
        if tool.get("type") == "namespace":
            tools |= {one["name"]: {**one, "namespace": tool["name"]} for one in tool["tools"]}
        elif name := tool.get("name") or tool.get(tool["type"], {}).get("name"):
            tools[name] = tool
    return tools


def calling(name: str, given: Any, *, thinks: str = "", sealed: str = "EqQB+/==") -> Answer:
    """Return an upstream that calls the tool whose name ends so: with arguments, or a text for one of free text."""

    def answer(seen: Seen) -> Reply:
        body, api = seen.json, PATHS[seen.path]
        tool = next((full, one) for full, one in offered(body).items() if full.endswith(name))
        return _call(api, *tool, given, Turn(thinks, sealed=sealed), stream=bool(body.get("stream")))

    return answer


def _call(api: Api, name: str, tool: Json, given: Any, turn: Turn, *, stream: bool) -> Reply:
    if api is RESPONSES:
        item = call_item(Call(name, given, "1", tool.get("namespace")))
        return as_stream(response_stream(response_of(item))) if stream else as_json(response_of(item))
    if tool.get("type") == "custom" and api is CHAT:
        call = {"id": "call_1", "type": "custom", "custom": {"name": name, "input": given}}
        if not stream:
            return as_json(chat_of({"content": None, "tool_calls": [call]}, "tool_calls"))
        return as_stream([chat_chunk({"tool_calls": [{"index": 0, **call}]}), chat_chunk({}, "tool_calls"), DONE])
    arguments = {"input": given} if isinstance(given, str) else given
    return told(api, Turn(turn.thinks, "", (("call_1", name, arguments),), turn.sealed), stream=stream)
